package jwks

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// idp is a fake identity provider that stands in for the network.
type idp struct {
	mu      sync.Mutex
	body    string
	status  int
	header  http.Header
	delay   time.Duration
	err     error
	fetches []time.Time
}

func newIDP(kids ...string) *idp {
	p := &idp{header: http.Header{}}
	p.publish(kids...)
	return p
}

func (p *idp) publish(kids ...string) {
	keys := make([]member, 0, len(kids))
	for _, kid := range kids {
		keys = append(keys, edKey(kid))
	}
	p.change(func() { p.body, p.status = keySetOf(keys...), http.StatusOK })
}

func (p *idp) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *idp) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.fetches)
}

// RoundTrip answers with what is published when the request arrives.
func (p *idp) RoundTrip(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.fetches = append(p.fetches, time.Now())
	resp := &http.Response{
		StatusCode: p.status, Header: p.header.Clone(), Request: req,
		Body: io.NopCloser(strings.NewReader(p.body)),
	}
	if tag := p.header.Get("ETag"); tag != "" && req.Header.Get("If-None-Match") == tag {
		resp.StatusCode, resp.Body = http.StatusNotModified, http.NoBody
	}
	delay, err := p.delay, p.err
	p.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(delay):
		return resp, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// observed collects the results of fetches.
type observed struct {
	mu      sync.Mutex
	results []FetchResult
}

func (o *observed) Fetched(_ string, result FetchResult, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.results = append(o.results, result)
}

func (o *observed) last() FetchResult {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.results) == 0 {
		return ""
	}
	return o.results[len(o.results)-1]
}

// scene is a running registry with one source in a bubble of fake time.
type scene struct {
	t        *testing.T
	idp      *idp
	registry *Registry
	source   *Source
	observed *observed
	stop     func()
}

// play runs a test in fake time; the jitter is in the middle.
func play(t *testing.T, p *idp, spec SourceSpec, test func(*testing.T, *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, idp: p, observed: &observed{}}
		s.registry = NewRegistry(Options{
			Transport: p, Observer: s.observed, Rand: func() float64 { return 0.5 },
		})
		spec.Issuer, spec.URI = demoIssuer, "https://id.example.com/jwks"
		source, err := s.registry.Source(spec)
		if err != nil {
			t.Fatal(err)
		}
		s.source = source
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.registry.Run(ctx) })
		s.stop = func() { cancel(); running.Wait() }
		synctest.Wait()
		test(t, s)
		s.stop()
	})
}

// ask looks a kid up and says how it ended: known, unknown, or the error.
func (s *scene) ask(ctx context.Context, kid string) string {
	set, err := s.source.KeySet(ctx, kid)
	switch {
	case errors.Is(err, token.ErrKeysPending):
		return "pending"
	case errors.Is(err, token.ErrKeysUnavailable):
		return "unavailable"
	case errors.Is(err, token.ErrDeadline):
		return "deadline"
	case err != nil:
		return err.Error()
	case set.HasKID(kid):
		return "known"
	default:
		return "unknown"
	}
}

func (s *scene) want(kid, want string) {
	s.t.Helper()
	if got := s.ask(s.t.Context(), kid); got != want {
		s.t.Errorf("kid %q is %s, want %s", kid, got, want)
	}
}

func (s *scene) wantFetches(want int) {
	s.t.Helper()
	synctest.Wait()
	if got := s.idp.count(); got != want {
		s.t.Errorf("%d fetches, want %d", got, want)
	}
}

func (s *scene) sleep(d time.Duration) {
	elapse(d)
	synctest.Wait()
}
