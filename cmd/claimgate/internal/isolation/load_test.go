package isolation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// loadVariable makes this test binary a load generator: a process of its own, so
// that its work is not the server's.
const loadVariable = "CLAIMGATE_ISOLATION_LOAD"

// loadPlan is what a generator reads.
type loadPlan struct {
	Address string
	For     time.Duration
	Streams []loadStream
}

// loadStream is one sender at a fixed rate, whatever becomes of the answers. Of
// requests in flight there are no more than a proxy would have.
type loadStream struct {
	Host, Client string
	Tokens       []string
	PerSecond    int
}

const maxLoadInFlight = 400

// noAnswer stands for an HTTP status where none came in time.
const noAnswer = -1

// loadResult is what a generator writes, for each stream.
type loadResult struct {
	Sent, Skipped int
	Codes         map[int]int // answers by HTTP status, 0 for what was allowed
	P50, P99      time.Duration
}

// generate runs a plan in another process.
func generate(ctx context.Context, plan loadPlan) ([]loadResult, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	child := exec.CommandContext(ctx, self)
	child.Env = append(os.Environ(), loadVariable+"=1")
	input, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	go func() {
		defer func() { _ = input.Close() }()
		_, _ = input.Write(text) // a child that ends before says so
	}()
	out, err := child.Output()
	if err != nil {
		return nil, fmt.Errorf("load generator: %w", err)
	}
	var results []loadResult
	return results, json.Unmarshal(out, &results)
}

// generator is the other process.
func generator(in io.Reader, out io.Writer) error {
	var plan loadPlan
	if err := json.NewDecoder(in).Decode(&plan); err != nil {
		return err
	}
	results, faults := make([]loadResult, len(plan.Streams)), make([]error, len(plan.Streams))
	var running sync.WaitGroup
	for n := range plan.Streams {
		running.Go(func() { results[n], faults[n] = plan.Streams[n].run(plan.Address, plan.For) })
	}
	running.Wait()
	if err := errors.Join(faults...); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(results)
}

// run sends at the ticks of a clock that does not wait for anybody.
func (s *loadStream) run(address string, span time.Duration) (loadResult, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return loadResult{}, err
	}
	defer func() { _ = conn.Close() }()
	client := authv3.NewAuthorizationClient(conn)
	requests := make([]*authv3.CheckRequest, len(s.Tokens))
	for n, raw := range s.Tokens {
		requests[n] = request(s.Host, s.Client, raw)
	}
	sent := &sentLoad{result: loadResult{Codes: map[int]int{}}}
	clock := time.NewTicker(time.Millisecond)
	defer clock.Stop()
	began, count := time.Now(), 0
	for now := began; now.Sub(began) < span; now = <-clock.C {
		for due := int(now.Sub(began).Seconds() * float64(s.PerSecond)); count < due; count++ {
			sent.start(client, requests[count%len(requests)])
		}
	}
	sent.running.Wait()
	return sent.summary(), nil
}

// sentLoad is what became of requests.
type sentLoad struct {
	running sync.WaitGroup

	mu       sync.Mutex
	inFlight int
	took     []time.Duration
	result   loadResult
}

func (l *sentLoad) start(client authv3.AuthorizationClient, msg *authv3.CheckRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inFlight == maxLoadInFlight {
		l.result.Skipped++
		return
	}
	l.inFlight++
	l.result.Sent++
	l.running.Go(func() { l.ask(client, msg) })
}

func (l *sentLoad) ask(client authv3.AuthorizationClient, msg *authv3.CheckRequest) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // a proxy's, which it tells the server
	defer cancel()
	began := time.Now()
	response, err := client.Check(ctx, msg)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	l.took = append(l.took, took)
	code := int(response.GetDeniedResponse().GetStatus().GetCode())
	if err != nil {
		code = noAnswer
	}
	l.result.Codes[code]++
}

func (l *sentLoad) summary() loadResult {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.result.P50, l.result.P99 = percentiles(l.took)
	return l.result
}

// percentiles sorts the times and returns their median and 99th percentile.
func percentiles(times []time.Duration) (p50, p99 time.Duration) {
	if len(times) == 0 {
		return 0, 0
	}
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100]
}
