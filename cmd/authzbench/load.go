package main

import (
	"context"
	"errors"
	"sync"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// callLimit is the deadline of a check, sent as grpc-timeout. It is long, so
// that a machine that is held up shows as latency and not as an error.
const callLimit = 5 * time.Second

// grace is for how long after its end a load at a rate still sends what was due:
// so long that a machine that is held up shows as latency and not as missed.
const grace = 100 * time.Millisecond

var errNotAllowed = errors.New("the answer does not let the request through")

// level is how hard the servers are asked.
type level struct {
	name     string
	inFlight int // of each connection; at most so many where a rate is given
	rate     int // checks a second over all connections; 0: as many as come back
}

const saturated = "saturated"

// levels returns all of them.
func levels() []level {
	return []level{
		{name: saturated, inFlight: 50},
		{name: "8000/s", inFlight: 64, rate: 8000},
		{name: "2000/s", inFlight: 64, rate: 2000},
	}
}

// sample is what the clients saw.
type sample struct {
	latencies []time.Duration // of checks that were answered rightly, in no order
	untimed   int             // such checks whose latency nobody took
	errors    int
	err       error // the first
	missed    int   // due and never sent, since the server did not keep up
	elapsed   time.Duration
}

func (s *sample) checks() int { return len(s.latencies) + s.untimed + s.errors }

// add takes what was seen elsewhere or later.
func (s *sample) add(more *sample) {
	s.latencies = append(s.latencies, more.latencies...)
	s.untimed += more.untimed
	s.errors += more.errors
	s.missed += more.missed
	s.err = firstOf(s.err, more.err)
	s.elapsed += more.elapsed
}

// worker asks again and again.
type worker struct {
	ask    func(context.Context) error // the next check
	sample sample
}

// frameClient asks a server over one of its connections.
type frameClient struct {
	conn    *grpc.ClientConn
	traffic *traffic
	cursor  cursor
	answer  answer
}

// workers returns the clients of a level. They begin at different frames, so
// that together they send all.
func (s *server) workers(l level) []*worker {
	all := make([]*worker, 0, len(s.conns)*l.inFlight)
	for i := range cap(all) {
		begin := cursor{next: i * s.traffic.hot() / cap(all), count: i}
		client := &frameClient{conn: s.conns[i%len(s.conns)], traffic: s.traffic, cursor: begin}
		all = append(all, &worker{ask: client.ask})
	}
	return all
}

// ask sends the next frame.
func (c *frameClient) ask(ctx context.Context) error {
	return c.send(ctx, c.traffic.frame(&c.cursor))
}

func (c *frameClient) send(ctx context.Context, frame []byte) error {
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(ctx, c.traffic.meta), callLimit)
	defer cancel()
	err := c.conn.Invoke(ctx, authv3.Authorization_Check_FullMethodName, frame, &c.answer, grpc.ForceCodecV2(frameCodec{}))
	if err == nil && !c.answer.allows() {
		err = errNotAllowed
	}
	return err
}

// check asks once. Its latency counts from since.
func (w *worker) check(ctx context.Context, since time.Time) {
	if err := w.ask(ctx); err != nil {
		w.sample.errors++
		w.sample.err = firstOf(w.sample.err, err)
		return
	}
	w.sample.latencies = append(w.sample.latencies, time.Since(since))
}

func firstOf(have, err error) error {
	if have != nil {
		return have
	}
	return err
}

// load asks a server for a while, or until ctx ends, and returns what was seen.
func (s *server) load(ctx context.Context, l level, duration time.Duration) sample {
	return run(ctx, s.workers(l), l, duration)
}

// run has workers ask at a level for a while, and returns what they saw since
// they ran before.
func run(ctx context.Context, all []*worker, l level, duration time.Duration) sample {
	start := time.Now()
	if l.rate == 0 {
		saturate(ctx, all, start.Add(duration))
	} else {
		pace(ctx, all, l.rate, duration)
	}
	return merge(all, time.Since(start))
}

// saturate has every worker send its next check when the one before came back.
func saturate(ctx context.Context, all []*worker, end time.Time) {
	var running sync.WaitGroup
	for _, w := range all {
		running.Go(func() {
			for now := time.Now(); now.Before(end) && ctx.Err() == nil; now = time.Now() {
				w.check(ctx, now)
			}
		})
	}
	running.Wait()
}

// pace sends checks at even distances whether others came back or not. Their
// latency counts from when they were due, so that a server that stalls cannot
// hide it by slowing the client down. What is not sent a while after the end is
// missed.
func pace(ctx context.Context, all []*worker, rate int, duration time.Duration) {
	start, count := time.Now(), int(duration.Seconds()*float64(rate))
	end := start.Add(duration + max(duration/10, grace))
	due := make(chan time.Time, count)
	var running sync.WaitGroup
	for _, w := range all {
		running.Go(func() { w.follow(ctx, due, end) })
	}
	for i := range count {
		at := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
		for wait := time.Until(at); wait > 0 && ctx.Err() == nil; wait = time.Until(at) {
			pause(wait)
		}
		due <- at
	}
	close(due)
	running.Wait()
}

// follow sends what is due, until the end.
func (w *worker) follow(ctx context.Context, due <-chan time.Time, end time.Time) {
	for at := range due {
		if ctx.Err() != nil || time.Now().After(end) {
			w.sample.missed++
			continue
		}
		w.check(ctx, at)
	}
}

// merge takes what the workers saw. They keep their room, so that they need not
// grow it again while they are measured.
func merge(all []*worker, elapsed time.Duration) sample {
	n := 0
	for _, w := range all {
		n += len(w.sample.latencies)
	}
	whole := sample{latencies: make([]time.Duration, 0, n), elapsed: elapsed}
	for _, w := range all {
		whole.add(&w.sample)
		w.sample = sample{latencies: w.sample.latencies[:0]}
	}
	return whole
}

// fill sends every frame that is asked for again and again once, a few at a
// time, so that whoever keeps tokens knows them all. Errors show in what is
// measured.
func (s *server) fill(ctx context.Context) {
	var running sync.WaitGroup
	for i := range connections {
		one := &frameClient{conn: s.conns[i], traffic: s.traffic}
		running.Go(func() {
			for n := i; n < s.traffic.hot() && ctx.Err() == nil; n += connections {
				_ = one.send(ctx, s.traffic.frames[n])
			}
		})
	}
	running.Wait()
}
