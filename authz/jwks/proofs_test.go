package jwks

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// counting counts the fetches in flight and how many there were at most.
type counting struct {
	*idp

	now, most atomic.Int64
}

func (c *counting) RoundTrip(req *http.Request) (*http.Response, error) {
	now := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	return c.idp.RoundTrip(req)
}

// run starts a registry over a transport in a bubble.
func run(t *testing.T, transport http.RoundTripper) (registry *Registry, stop func()) {
	t.Helper()
	registry = NewRegistry(Options{Transport: transport, Rand: func() float64 { return 0.5 }})
	return registry, start(t, registry)
}

// TestP3AKnownKIDNeverWaitsWhateverItsIssuerDoes, whoever else waits.
func TestP3AKnownKIDNeverWaitsWhateverItsIssuerDoes(t *testing.T) {
	for name, trouble := range map[string]func(*idp){
		"hangs":   func(p *idp) { p.delay = 24 * time.Hour },
		"down":    func(p *idp) { p.err = errors.New("connection refused") },
		"garbage": func(p *idp) { p.body = "<html>" },
		"errors":  func(p *idp) { p.status = 500 },
		"slow":    func(p *idp) { p.delay = 4 * time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
				s.idp.change(func() { trouble(s.idp) })
				s.sleep(6 * time.Minute) // the scheduled fetch met the trouble
				var noise sync.WaitGroup
				for n := range 200 {
					noise.Go(func() { _ = s.ask(t.Context(), fmt.Sprint("noise", n)) })
				}
				began := time.Now()
				for range 1000 {
					s.want("a", "known")
				}
				if time.Since(began) != 0 {
					t.Errorf("waited %v", time.Since(began))
				}
				noise.Wait()
			})
		})
	}
}

// TestP3AThousandUnknownKIDsCauseOneFetchACooldown, one at a time; ten thousand
// leave a bounded memory.
func TestP3AThousandUnknownKIDsCauseOneFetchACooldown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &counting{idp: newIDP("a")}
		registry, stop := run(t, p)
		source := mustSource(t, registry, SourceSpec{Issuer: demoIssuer, URI: "https://id.example.com/jwks"})
		elapse(time.Minute)
		p.change(func() { p.delay = 50 * time.Millisecond })
		before := p.count()
		const seconds = 30 // the race detector breaks down under many more goroutines
		for round := range seconds / 3 {
			var all sync.WaitGroup
			for n := range 1000 {
				all.Go(func() { _, _ = source.KeySet(t.Context(), fmt.Sprint(round, "-", n)) })
			}
			all.Wait()
			elapse(3 * time.Second)
		}
		if got, bound := p.count()-before, seconds/10+2; got > bound || p.most.Load() != 1 {
			t.Errorf("%d fetches in %d s, want at most %d; %d at a time", got, seconds, bound, p.most.Load())
		}
		if status := source.Status(); status.Absent > maxAbsent || status.Waiting != 0 || status.UnknownKIDs != 10_000 {
			t.Errorf("%+v", status)
		}
		stop()
	})
}

// TestP3AnOverlapRotationLosesNoRequest: ten rotations, a request each 50 ms,
// and the new key signs one cool-down after it was published.
func TestP3AnOverlapRotationLosesNoRequest(t *testing.T) {
	play(t, newIDP("k0"), SourceSpec{}, func(t *testing.T, s *scene) {
		wrong, asked := 0, 0
		sign := func(kid string, d time.Duration) {
			for range d / (50 * time.Millisecond) {
				if s.ask(t.Context(), kid) != "known" {
					wrong++
				}
				asked++
				elapse(50 * time.Millisecond)
			}
		}
		s.idp.change(func() { s.idp.delay = 30 * time.Millisecond })
		for n := range 10 {
			old, next := fmt.Sprint("k", n), fmt.Sprint("k", n+1)
			s.idp.publish(old, next)
			sign(old, 10*time.Second)
			sign(next, 7*time.Second)
			s.idp.publish(next)
			sign(next, 7*time.Minute+time.Duration(n)*13*time.Second)
		}
		if wrong > 0 || asked < 80_000 {
			t.Errorf("%d of %d requests were answered wrong", wrong, asked)
		}
	})
}

// TestP3AWithdrawnKeyRefusesCachedTokens within 1.1 intervals and one fetch,
// and so does another key under the same kid.
func TestP3AWithdrawnKeyRefusesCachedTokens(t *testing.T) {
	for name, after := range map[string]func(*idp){
		"withdrawn": func(p *idp) { p.publish("other") },
		"replaced":  func(p *idp) { p.publish("k", "other") },
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP()
			public, private, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			p.body = keySetOf(member{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": b64(public)})
			play(t, p, SourceSpec{}, func(t *testing.T, s *scene) {
				verifier := verifierOf(t, s.source)
				raw := signed(private, time.Now().Add(time.Hour))
				for _, cached := range []bool{false, true} {
					if got, err := verifier.Verify(t.Context(), raw, time.Now()); err != nil || got.Cached != cached {
						t.Fatalf("%+v, %v", got, err)
					}
				}
				after(p)
				s.sleep(335 * time.Second)
				if _, err := verifier.Verify(t.Context(), raw, time.Now()); !errors.Is(err, token.ErrKeyUnknown) && !errors.Is(err, token.ErrSignature) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func verifierOf(t *testing.T, source *Source) *token.Verifier {
	t.Helper()
	issuer, err := token.NewIssuer(token.IssuerSpec{
		Name: "idp", URL: demoIssuer, Audiences: []string{"api"}, Algorithms: []string{"EdDSA"}, Keys: source, KeysID: "keys",
	})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := token.NewVerifier([]*token.Issuer{issuer}, token.NewCache(16))
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func signed(private ed25519.PrivateKey, expiry time.Time) string {
	claims, err := json.Marshal(map[string]any{"iss": demoIssuer, "aud": "api", "exp": expiry.Unix()})
	if err != nil {
		panic(err)
	}
	input := b64([]byte(`{"alg":"EdDSA","kid":"k","typ":"at+jwt"}`)) + "." + b64(claims)
	return input + "." + b64(ed25519.Sign(private, []byte(input)))
}

// TestP3BadAnswersLeaveTheKeysInForce lets an issuer go mad in every way.
func TestP3BadAnswersLeaveTheKeysInForce(t *testing.T) {
	good := keySetOf(ecKey("new"))
	typed := func(status int, header, value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header, value)
			w.WriteHeader(status)
		}
	}
	odd := func(key member) http.HandlerFunc { return answers(keySetOf(key)) }
	rows := map[string]http.HandlerFunc{
		"301": typed(301, "Location", "/elsewhere"), "302 to a metadata server": typed(302, "Location", "http://169.254.169.254/"),
		"303": typed(303, "Location", "/elsewhere"), "307": typed(307, "Location", "/elsewhere"), "308": typed(308, "Location", "/elsewhere"),
		"204": refuses(204), "206": refuses(206), "304 unasked": refuses(304), "400": refuses(400), "401": typed(401, "WWW-Authenticate", "Basic"),
		"403": refuses(403), "404": refuses(404), "410": refuses(410), "429": typed(429, "Retry-After", "5"), "500": refuses(500), "502": refuses(502),
		"503": typed(503, "Retry-After", "99999999999999999999"), "201 with keys": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(201)
			answers(good)(w, r)
		},
		"empty body": answers(""), "null": answers("null"), "a number": answers("5"), "a list": answers("[]"), "a text": answers(`"keys"`),
		"empty object": answers("{}"), "keys null": answers(`{"keys":null}`), "keys an object": answers(`{"keys":{}}`), "no key": answers(`{"keys":[]}`),
		"keys twice": answers(`{"keys":[],` + good[1:]), "trailing garbage": answers(good + "x"), "cut": answers(good[:len(good)-2]),
		"HTML": answers("<html>"), "an error": answers(`{"error":"temporarily_unavailable"}`), "not UTF-8": answers("{\"keys\":[\"\xff\"]}"),
		"huge": answers(good + strings.Repeat(" ", maxBodyBytes)), "many keys": answers(`{"keys":[` + strings.Repeat("1,", 100) + `1]}`),
		"endless": endless, "broken off": breakOff, "deep": answers(`{"keys":` + strings.Repeat("[", 20_000)),
		"symmetric": odd(member{"kty": "oct", "k": "AA"}), "private": odd(ecKey("new").with(member{"d": "AA"})),
		"for encryption": odd(ecKey("new").with(member{"use": "enc"})), "weak RSA": odd(rsaKey("new").with(member{"n": b64(rsaModulus().Bytes()[:64])})),
		"a certificate alone": odd(member{"kty": "RSA", "kid": "new", "x5c": []string{"MIIB"}}), "metadata instead": answers(`{"issuer":"` + demoIssuer + `"}`),
	}
	if len(rows) < 40 {
		t.Fatalf("%d ways", len(rows))
	}
	for name, bad := range rows {
		t.Run(name, func(t *testing.T) {
			answer := atomic.Pointer[http.HandlerFunc]{}
			first := answers(keySetOf(ecKey("a")))
			answer.Store(&first)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*answer.Load())(w, r) }))
			defer server.Close()
			registry := NewRegistry(Options{})
			defer registry.closeIdle()
			source := mustSource(t, registry, SourceSpec{Issuer: demoIssuer, URI: server.URL + "/jwks"})
			fetchNow(t, registry, source)
			before, err := source.KeySet(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			answer.Store(&bad)
			fetchNow(t, registry, source)
			after, err := source.KeySet(t.Context(), "a")
			if err != nil || after != before {
				t.Errorf("the keys in force changed: %v", err)
			}
			if status := source.Status(); status.LastError == "" || status.Failures != 1 || !slices.Contains(FetchResults(), FetchResult(status.LastError)) {
				t.Errorf("%+v", status)
			}
		})
	}
}

// fetchNow makes one fetch as the schedule does.
func fetchNow(t *testing.T, registry *Registry, source *Source) {
	t.Helper()
	leave := &lease{share: registry.periodic}
	defer leave.end()
	if err := leave.move(t.Context(), originOf(source.refresher.fetcher.start)); err != nil {
		t.Fatal(err)
	}
	source.refresher.exchange(t.Context(), leave, false)
}

// TestP3ThreeThousandRealmsOfOneServer: under random kids for each of them the
// server is asked within the budget of an origin, and a real rotation of one is
// picked up within its bound.
func TestP3ThreeThousandRealmsOfOneServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &counting{idp: newIDP("a")}
		registry, stop := run(t, p)
		realms, rounds := 3000, 30
		if raceDetector { // of Go 1.26, which crashes where one goroutine of a synctest bubble does very much
			realms, rounds = 150, 10
		}
		sources := make([]*Source, realms)
		for n := range sources {
			sources[n] = mustSource(t, registry, SourceSpec{Issuer: fmt.Sprint("https://id.example.com/realms/", n), URI: "https://id.example.com/jwks"})
		}
		if err := registry.WaitFirstFetches(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p.count() != len(sources) || p.most.Load() > defaultMaxFetches/originPart {
			t.Errorf("at the start %d fetches, %d at a time", p.count(), p.most.Load())
		}
		elapse(time.Minute)
		before := p.count()
		flood := func(rounds, step int) {
			for round := range rounds {
				ctx, end := context.WithTimeout(t.Context(), replyMargin) // would not wait
				for n := round % step; n < len(sources); n += step {
					_, _ = sources[n].KeySet(ctx, fmt.Sprint("random", round, n))
				}
				end()
				elapse(time.Second)
			}
		}
		flood(rounds, 1)
		if got, bound := p.count()-before, rounds*askedPerSecond+defaultMaxFetches/originPart+1; got > bound {
			t.Errorf("the flood caused %d fetches in %d s, want at most %d", got, rounds, bound)
		}
		p.publish("a", "rotated")
		rotated := sources[realms/3]
		for range 6 * 60 { // with the flood going on
			if set, err := rotated.KeySet(t.Context(), "rotated"); err == nil && set.HasKID("rotated") {
				break
			}
			flood(1, 20)
		}
		if set, err := rotated.KeySet(t.Context(), "rotated"); err != nil || !set.HasKID("rotated") {
			t.Errorf("not picked up within its bound: %v, %v", set, err)
		}
		if set, err := sources[7].KeySet(t.Context(), "a"); err != nil || !set.HasKID("a") {
			t.Errorf("a known kid of a realm: %v, %v", set, err)
		}
		stop()
	})
}

// TestP3AKIDThatComesTooEarlyDoesNotDelayItsKey: asked for before it is
// published, it is known one cool-down after that at the latest.
func TestP3AKIDThatComesTooEarlyDoesNotDelayItsKey(t *testing.T) {
	for _, early := range []time.Duration{0, time.Second, 9999 * time.Millisecond, 10 * time.Second, 25 * time.Second} {
		t.Run(early.String(), func(t *testing.T) {
			play(t, newIDP("a"), SourceSpec{}, func(t *testing.T, s *scene) {
				s.sleep(time.Minute)
				for range early / time.Millisecond / 250 { // all the time
					_ = s.ask(t.Context(), "b")
					s.sleep(250 * time.Millisecond)
				}
				s.want("b", "unknown")
				s.idp.publish("a", "b")
				s.sleep(10 * time.Second)
				s.want("b", "known")
			})
		})
	}
}

// TestP3WithoutAKeptSetOneIssuerAloneIsUnavailableAndHeals.
func TestP3WithoutAKeptSetOneIssuerAloneIsUnavailableAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, alive := newIDP("a"), newIDP("a")
		dead.change(func() { dead.err = errors.New("no route") })
		registry, stop := run(t, byHost{"dead.example.com": dead, "alive.example.com": alive})
		broken := mustSource(t, registry, SourceSpec{Issuer: "dead", URI: "https://dead.example.com/jwks"})
		other := mustSource(t, registry, SourceSpec{Issuer: "alive", URI: "https://alive.example.com/jwks"})
		synctest.Wait()
		for range 100 {
			if _, err := broken.KeySet(t.Context(), "a"); !errors.Is(err, token.ErrKeysUnavailable) {
				t.Fatalf("got %v", err)
			}
			if set, err := other.KeySet(t.Context(), "a"); err != nil || !set.HasKID("a") {
				t.Fatalf("another issuer: %v", err)
			}
			elapse(10 * time.Second)
		}
		dead.change(func() { dead.err = nil })
		elapse(defaultMaxBackoff)
		synctest.Wait()
		if set, err := broken.KeySet(t.Context(), "a"); err != nil || !set.HasKID("a") {
			t.Errorf("it does not heal: %v", err)
		}
		stop()
	})
}
