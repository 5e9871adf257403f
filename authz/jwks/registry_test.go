package jwks

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// start runs the registry until the returned function is called.
func start(t *testing.T, registry *Registry) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { registry.Run(ctx) })
	return func() { cancel(); running.Wait() }
}

func mustSource(t *testing.T, registry *Registry, spec SourceSpec) *Source {
	t.Helper()
	source, err := registry.Source(spec)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestFirstFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newIDP("a")
		p.delay = time.Second
		registry := NewRegistry(Options{Transport: p})
		_ = mustSource(t, registry, SourceSpec{Issuer: "static", Inline: keySetOf(ecKey("s"))})
		if !registry.FirstFetchesEnded() {
			t.Error("a static source waits for a fetch")
		}
		before := mustSource(t, registry, SourceSpec{Issuer: demoIssuer, URI: "https://id.example.com/a"})
		if registry.FirstFetchesEnded() || p.count() != 0 {
			t.Error("fetched before Run")
		}
		stop := start(t, registry)
		synctest.Wait()
		after := mustSource(t, registry, SourceSpec{Issuer: demoIssuer, URI: "https://id.example.com/b"})
		synctest.Wait()
		if p.count() != 2 {
			t.Errorf("%d fetches began, want 2", p.count())
		}
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if registry.WaitFirstFetches(short) == nil {
			t.Error("the wait outlasts its context")
		}
		if err := registry.WaitFirstFetches(t.Context()); err != nil || !registry.FirstFetchesEnded() {
			t.Errorf("after the wait: %v", err)
		}
		for _, source := range []*Source{before, after} {
			if set, err := source.KeySet(t.Context(), "a"); err != nil || !set.HasKID("a") {
				t.Errorf("set %v, %v", set, err)
			}
		}
		stop()
	})
}

func TestRunEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newIDP("a")
		observed := &observed{}
		registry := NewRegistry(Options{Transport: p, Observer: observed})
		source := mustSource(t, registry, SourceSpec{Issuer: demoIssuer, URI: "https://id.example.com/a"})
		stop := start(t, registry)
		synctest.Wait()
		p.change(func() { p.delay = time.Hour })
		answered := make(chan error)
		go func() {
			_, err := source.KeySet(context.Background(), "x")
			answered <- err
		}()
		synctest.Wait()
		stop()
		if err := <-answered; err != nil { // a fetch of just now lacks it
			t.Errorf("the request in flight got %v", err)
		}
		if got := observed.last(); got != FetchCanceled {
			t.Errorf("the fetch in flight ended as %q", got)
		}
		began := time.Now()
		if set, err := source.KeySet(t.Context(), "a"); err != nil || set.Len() != 1 {
			t.Errorf("after the end: %v, %v", set, err)
		}
		elapse(time.Minute)
		if _, err := source.KeySet(t.Context(), "x"); err == nil || time.Since(began) != time.Minute {
			t.Errorf("an unknown kid after the end: %v after %v", err, time.Since(began))
		}
		if p.count() != 2 || source.Status().LastError != "" {
			t.Errorf("%d fetches, %+v", p.count(), source.Status())
		}
	})
}

// TestP3ASlowIssuerIsNotWaitedForByOthers waits for the sources of some ids
// alone.
func TestP3ASlowIssuerIsNotWaitedForByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := newIDP("a"), newIDP("a")
		slow.delay, quick.delay = 4*time.Second, time.Second
		registry := NewRegistry(Options{Transport: byHost{"slow.example.com": slow, "quick.example.com": quick}})
		stop := start(t, registry)
		_ = mustSource(t, registry, SourceSpec{Issuer: "slow", URI: "https://slow.example.com/jwks"})
		mine := mustSource(t, registry, SourceSpec{Issuer: "quick", URI: "https://quick.example.com/jwks"})
		began := time.Now()
		if err := registry.WaitFirstFetches(t.Context(), "nobody", mine.ID()); err != nil || time.Since(began) != time.Second {
			t.Errorf("waited %s: %v", time.Since(began), err)
		}
		if err := registry.WaitFirstFetches(t.Context(), "nobody"); err != nil || time.Since(began) != time.Second {
			t.Errorf("an unknown id is waited for: %s, %v", time.Since(began), err)
		}
		if err := registry.WaitFirstFetches(t.Context()); err != nil || time.Since(began) != 4*time.Second {
			t.Errorf("all together took %s: %v", time.Since(began), err)
		}
		stop()
	})
}

func TestARegistryRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newIDP("a")
		registry := NewRegistry(Options{Transport: p})
		_ = mustSource(t, registry, SourceSpec{Issuer: "a", URI: "https://id.example.com/a"})
		stop := start(t, registry)
		synctest.Wait()
		registry.Run(t.Context()) // returns at once
		stop()
		registry.Run(t.Context())
		late := mustSource(t, registry, SourceSpec{Issuer: "b", URI: "https://id.example.com/b"})
		if err := registry.WaitFirstFetches(t.Context()); err != nil || p.count() != 1 {
			t.Errorf("%v, %d fetches", err, p.count())
		}
		if _, err := late.KeySet(t.Context(), "a"); err == nil {
			t.Error("a source that was made after the end has keys")
		}
	})
}

func TestRetainStopsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newIDP("a")
		registry := NewRegistry(Options{Transport: p, Rand: func() float64 { return 0.5 }})
		kept := mustSource(t, registry, SourceSpec{Issuer: "kept", URI: "https://id.example.com/kept"})
		gone := mustSource(t, registry, SourceSpec{Issuer: "gone", URI: "https://id.example.com/gone"})
		stop := start(t, registry)
		synctest.Wait()
		registry.Retain([]string{kept.ID(), "unheard of"})
		elapse(10 * time.Minute)
		synctest.Wait()
		if p.count() != 2+2 {
			t.Errorf("%d fetches, want 2 of each and 2 more of one", p.count())
		}
		if set, err := gone.KeySet(t.Context(), "a"); err != nil || set.Len() != 1 {
			t.Errorf("a request in flight lost its keys: %v, %v", set, err)
		}
		if status := registry.Status(); len(status) != 1 || status[0].Issuer != "kept" {
			t.Errorf("status %+v", status)
		}
		again := mustSource(t, registry, SourceSpec{Issuer: "gone", URI: "https://id.example.com/gone"})
		if again == gone {
			t.Error("a stopped source came back")
		}
		synctest.Wait()
		if !again.refresher.firstEnded() {
			t.Error("the source that was made anew is not fetched")
		}
		stop()
	})
}

func TestRetainBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newIDP("a")
		registry := NewRegistry(Options{Transport: p})
		gone := mustSource(t, registry, SourceSpec{Issuer: "gone", URI: "https://id.example.com/gone"})
		_ = mustSource(t, registry, SourceSpec{Issuer: "static", Inline: keySetOf(ecKey("s"))})
		registry.Retain(nil)
		stop := start(t, registry)
		synctest.Wait()
		if p.count() != 0 || !gone.refresher.firstEnded() {
			t.Errorf("%d fetches", p.count())
		}
		stop()
	})
}

func TestStatusIsOrdered(t *testing.T) {
	registry := NewRegistry(Options{})
	for _, issuer := range []string{"c", "a", "b", "a"} {
		_ = mustSource(t, registry, SourceSpec{Issuer: issuer, Inline: keySetOf(ecKey(issuer))})
	}
	var got []string
	for _, status := range registry.Status() {
		got = append(got, status.Issuer)
		if status.Kind != KindStatic || status.Keys != 1 || status.ID == "" || status.LastSuccess.IsZero() || !status.Usable || !status.StaleAt.IsZero() || !status.Fetched.Equal(status.LastSuccess) {
			t.Errorf("%+v", status)
		}
	}
	if !slices.Equal(got, []string{"a", "a", "b", "c"}) {
		t.Errorf("order %v", got)
	}
}

// byHost sends requests to the provider of their host.
type byHost map[string]*idp

func (b byHost) RoundTrip(req *http.Request) (*http.Response, error) {
	return b[req.URL.Host].RoundTrip(req)
}

func TestP3NoIssuersStallTouchesAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := newIDP("a"), newIDP("a")
		registry := NewRegistry(Options{
			Transport: byHost{"slow.example.com": slow, "quick.example.com": quick},
			Rand:      func() float64 { return 0.5 },
		})
		stop := start(t, registry)
		stalled := make([]*Source, 0, 100)
		for n := range 50 {
			stalled = append(stalled, mustSource(t, registry, SourceSpec{
				Issuer: fmt.Sprint(n), URI: "https://slow.example.com/jwks", MaxBackoff: time.Second,
			}))
		}
		if err := registry.WaitFirstFetches(t.Context()); err != nil {
			t.Fatal(err)
		}
		source := mustSource(t, registry, SourceSpec{Issuer: "quick", URI: "https://quick.example.com/jwks"})
		synctest.Wait()
		slow.change(func() { slow.delay = time.Hour })
		for range 60 {
			elapse(10 * time.Second)
			flood, end := context.WithTimeout(t.Context(), replyMargin) // would not wait
			for _, other := range stalled {
				_, _ = other.KeySet(flood, "noise")
			}
			end()
		}
		synctest.Wait()
		if got := quick.count(); got != 3 {
			t.Errorf("%d fetches in ten minutes beside a stalled origin, want 3", got)
		}
		quick.publish("b")
		began := time.Now()
		if set, err := source.KeySet(t.Context(), "b"); err != nil || !set.HasKID("b") || time.Since(began) != 0 {
			t.Errorf("beside a stalled origin: %v, %v after %v", set, err, time.Since(began))
		}
		stop()
	})
}

// discovering answers as an issuer whose keys are at another origin.
type discovering struct{ keys *idp }

func (d discovering) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.URL.Path, wellKnownOIDC) {
		return d.keys.RoundTrip(req)
	}
	document := newIDP()
	document.body = fmt.Sprintf(`{"issuer":"https://%s","jwks_uri":"https://keys.example.com/jwks"}`, req.URL.Host)
	document.delay = 100 * time.Millisecond
	return document.RoundTrip(req)
}

func TestDiscoveryToACommonOriginDoesNotLockUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newIDP("a")
		keys.delay = 100 * time.Millisecond
		registry := NewRegistry(Options{Transport: discovering{keys}})
		for n := range 100 {
			_ = mustSource(t, registry, SourceSpec{Issuer: fmt.Sprintf("https://id%d.example.com", n)})
		}
		stop := start(t, registry)
		if err := registry.WaitFirstFetches(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, status := range registry.Status() {
			if status.Keys != 1 || status.LastError != "" {
				t.Errorf("%+v", status)
			}
		}
		stop()
	})
}

func TestP3MovedKeysAreFoundAtOnce(t *testing.T) {
	var place atomic.Value
	place.Store("/old")
	handlers := map[string]http.HandlerFunc{
		"/old": answers(keySetOf(ecKey("a"))),
		"/new": answers(keySetOf(ecKey("b"))),
		wellKnownOIDC: func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"issuer":"http://%s","jwks_uri":"http://%s%s"}`, r.Host, r.Host, place.Load())
		},
	}
	server := serve(t, handlers)
	registry := NewRegistry(Options{})
	source := mustSource(t, registry, SourceSpec{Issuer: server.URL, UnknownKIDWait: 10 * time.Second})
	stop := start(t, registry)
	defer stop()
	if err := registry.WaitFirstFetches(t.Context()); err != nil {
		t.Fatal(err)
	}
	if set, err := source.KeySet(t.Context(), "a"); err != nil || !set.HasKID("a") {
		t.Fatalf("%v, %v", set, err)
	}
	place.Store("/new")
	if set, err := source.KeySet(t.Context(), "b"); err != nil || !set.HasKID("b") || set.HasKID("a") {
		t.Errorf("%v, %v", set, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	server := serve(t, map[string]http.HandlerFunc{"/": answers(keySetOf(ecKey("a")))})
	registry := NewRegistry(Options{})
	stop := start(t, registry)
	defer stop()
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for n := range 20 {
				source, err := registry.Source(SourceSpec{Issuer: fmt.Sprint(n), URI: server.URL, UnknownKIDWait: time.Millisecond})
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = source.KeySet(t.Context(), "a")
				_, _ = source.KeySet(t.Context(), fmt.Sprint(worker))
				_ = registry.Status()
				_ = registry.FirstFetchesEnded()
				if n%7 == 0 {
					registry.Retain([]string{source.ID()})
				}
			}
		})
	}
	all.Wait()
}

func TestTransportsAreSharedAndDropped(t *testing.T) {
	registry := NewRegistry(Options{})
	first := mustSource(t, registry, SourceSpec{Issuer: "a", URI: "https://a.example.com/"})
	second := mustSource(t, registry, SourceSpec{Issuer: "b", URI: "https://b.example.com/"})
	if len(registry.transports) != 1 || first.refresher.fetcher.client.Transport != second.refresher.fetcher.client.Transport {
		t.Errorf("%d transports for equal rules", len(registry.transports))
	}
	_ = mustSource(t, registry, SourceSpec{Issuer: "c", URI: "https://c.example.com/", AllowPrivateAddresses: true})
	_ = mustSource(t, registry, SourceSpec{Issuer: "d", URI: "http://localhost/"})
	if len(registry.transports) != 3 {
		t.Errorf("%d transports for three sets of rules", len(registry.transports))
	}
	registry.Retain([]string{first.ID()})
	if len(registry.transports) != 1 {
		t.Errorf("%d transports are kept", len(registry.transports))
	}
}
