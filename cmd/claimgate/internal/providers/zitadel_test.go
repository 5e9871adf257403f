package providers

import (
	"context"
	_ "embed"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
)

//go:embed testdata/zitadel.yaml
var zitadelConfig string

// zitadel is a claimgate and the two providers that it trusts, each for one
// tenant: main for acme, other for globex.
type zitadel struct {
	*world
	main, other *provider
}

// How often claimgate refreshes main's keys: so that a test sees it happen, or
// so that it does not happen during a test.
const (
	oftenRefreshed  = "1s"
	seldomRefreshed = "5m"
)

func startZitadel(t *testing.T, refreshed string) *zitadel {
	t.Helper()
	z := &zitadel{main: startProvider(t, jose.RS256), other: startProvider(t, jose.ES256)}
	z.world = start(t, zitadelConfig, z.fields(refreshed))
	return z
}

func (z *zitadel) fields(refreshed string) map[string]string {
	return map[string]string{
		"Main":    strings.TrimPrefix(z.main.url, "http://"),
		"Other":   strings.TrimPrefix(z.other.url, "http://"),
		"Refresh": refreshed,
	}
}

// acme asks as acme's client, globex as globex's.
func (z *zitadel) acme(t *testing.T, token string) answer {
	return z.get(t, "acme.test", bearer(token))
}
func (z *zitadel) globex(t *testing.T, token string) answer {
	return z.get(t, "globex.test", bearer(token))
}

func TestZitadel(t *testing.T) {
	z := startZitadel(t, oftenRefreshed)
	good := z.main.token(t, "orders-service")
	if h := header(t, good); h["typ"] != "JWT" || h["alg"] != "RS256" || h["kid"] != "key-1" {
		t.Fatalf("the provider writes %v", h)
	}
	headers := map[string]string{
		"x-user-id": "service-account-of-orders-service", "x-client": "orders-service", "x-roles": "reader,auditor",
	}

	t.Run("good", func(t *testing.T) {
		for range 2 { // the second one from the cache
			a := z.acme(t, good)
			a.allowed(t, headers)
			if a.record.Tenant != "acme" || a.record.Issuer != "main" || a.record.Rule != "orders-read" {
				t.Errorf("recorded %+v", a.record)
			}
		}
	})
	t.Run("good at the other tenant", func(t *testing.T) {
		a := z.globex(t, z.other.token(t, "orders-service"))
		a.allowed(t, map[string]string{"x-user-id": "service-account-of-orders-service", "x-client": "", "x-roles": ""})
	})

	impostor := newProvider(t, z.main.url, jose.RS256) // main's name and kid, keys of its own
	served := serve(t, listen(t), impostor)
	impostor.url = "http://" + served
	unscoped, err := z.main.grant(t.Context(), "orders-service", "profile")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, token, reason string
		status              int
	}{
		{"no scope", unscoped, "scope_missing", http.StatusForbidden},
		{"another audience", z.main.token(t, "mail-service"), "audience", http.StatusUnauthorized},
		{"an ID token", z.main.idToken(t, "orders-service"), "audience", http.StatusUnauthorized},
		{"the other tenant's issuer", z.other.token(t, "orders-service"), "issuer_unknown", http.StatusUnauthorized},
		{"an issuer of the same name", impostor.token(t, "orders-service"), "signature", http.StatusUnauthorized},
		{"another subject", altered(t, good, 1, "sub", "root"), "signature", http.StatusUnauthorized},
		{"another expiry", altered(t, good, 1, "exp", 4102444800), "signature", http.StatusUnauthorized},
		{"another type", altered(t, good, 0, "typ", "at+jwt"), "signature", http.StatusUnauthorized},
		{"no algorithm", altered(t, good, 0, "alg", "none"), "algorithm", http.StatusUnauthorized},
		{"the public key as a secret", altered(t, good, 0, "alg", "HS256"), "algorithm", http.StatusUnauthorized},
		{"one bit of the signature", bentSignature(t, good), "signature", http.StatusUnauthorized},
		{"four bytes cut off", good[:len(good)-6], "signature", http.StatusUnauthorized},
		{"none", "", "no_token", http.StatusUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			authorization := ""
			if c.token != "" {
				authorization = bearer(c.token)
			}
			a := z.get(t, "acme.test", authorization)
			a.refused(t, c.status, c.reason)
		})
	}
	t.Run("good in the end", func(t *testing.T) {
		a := z.acme(t, good)
		a.allowed(t, headers)
	})
}

// TestZitadelExpiry lets a token of two seconds run out: what was cached as good
// is refused from then on, and a token of an hour still passes.
func TestZitadelExpiry(t *testing.T) {
	z := startZitadel(t, seldomRefreshed)
	long := z.main.token(t, "orders-service")
	var brief string
	var a answer
	eventually(t, "a token passes before it expires", func() bool {
		brief = z.main.token(t, "brief-service")
		a = z.acme(t, brief)
		return a.status == http.StatusOK
	})
	a.allowed(t, map[string]string{"x-client": "brief-service"})
	eventually(t, "the token is refused", func() bool {
		a = z.acme(t, brief)
		return a.status != http.StatusOK
	})
	a.refused(t, http.StatusUnauthorized, "expired")
	a = z.acme(t, long)
	a.allowed(t, nil)
}

// TestZitadelRotation changes keys while tokens are minted and used without a
// pause: no request with a token of a published key is lost, a token of a
// withdrawn one is refused.
func TestZitadelRotation(t *testing.T) {
	z := startZitadel(t, oftenRefreshed)
	old := z.main.token(t, "orders-service")
	use := startUse(t, z)
	eventually(t, "the first key is used", use.more("key-1"))

	z.main.publish(t, "key-2") // ahead, so that a refresh finds it
	before := z.main.fetched.Load()
	eventually(t, "the key set was fetched", func() bool { return z.main.fetched.Load() >= before+2 })
	z.main.sign("key-2")
	eventually(t, "the second key is used", use.more("key-2"))

	a := z.acme(t, old)
	a.allowed(t, nil)
	z.main.withdraw("key-1")
	eventually(t, "the withdrawn key is refused", func() bool {
		a = z.acme(t, old)
		return a.status != http.StatusOK
	})
	a.refused(t, http.StatusUnauthorized, "key_unknown")
	eventually(t, "the second key is used still", use.more("key-2"))
	use.lostNothing(t)
}

// TestZitadelRotationAtOnce publishes a key and signs with it in the same
// moment: the first request that carries it has it fetched and waits. A key that
// is not published is refused, whatever its name.
func TestZitadelRotationAtOnce(t *testing.T) {
	z := startZitadel(t, seldomRefreshed)
	use := startUse(t, z)
	eventually(t, "the first key is used", use.more("key-1"))
	z.main.publish(t, "key-2")
	z.main.sign("key-2")
	eventually(t, "the second key is used", use.more("key-2"))
	use.lostNothing(t)
	if n := z.main.fetched.Load(); n != 2 {
		t.Errorf("the key set was fetched %d times, want at the start and for the new key", n)
	}

	z.main.signUnpublished(t, "key-3")
	eventually(t, "a request is lost, and seen to be", func() bool { return len(use.losses()) > 0 })
	use.stop()
	var a answer
	eventually(t, "the key is looked up and ruled out", func() bool {
		a = z.acme(t, z.main.token(t, "orders-service"))
		return a.status != http.StatusServiceUnavailable
	})
	a.refused(t, http.StatusUnauthorized, "key_unknown")
	z.main.signUnpublished(t, "key-2") // the kid of a key in force
	a = z.acme(t, z.main.token(t, "orders-service"))
	a.refused(t, http.StatusUnauthorized, "signature")
}

// use mints tokens and uses each at once.
type use struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	passed  map[string]int // by kid
	lost    []string
}

func startUse(t *testing.T, z *zitadel) *use {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	u := &use{cancel: cancel, passed: map[string]int{}}
	for range 2 {
		u.running.Go(func() {
			for ctx.Err() == nil {
				token, err := z.main.grant(ctx, "orders-service", "orders:read")
				var a answer
				if err == nil {
					a, err = z.ask(ctx, "acme.test", bearer(token))
				}
				if ctx.Err() != nil {
					return // cut off by the end, not lost
				}
				u.count(token, &a, err)
			}
		})
	}
	t.Cleanup(u.stop)
	return u
}

func (u *use) count(token string, a *answer, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case err != nil:
		u.lost = append(u.lost, err.Error())
	case a.status != http.StatusOK:
		u.lost = append(u.lost, a.record.Reason)
	default:
		u.passed[kidOf(token)]++
	}
}

// more returns a condition: since now, five more requests passed by that key.
func (u *use) more(kid string) func() bool {
	count := func() int {
		u.mu.Lock()
		defer u.mu.Unlock()
		return u.passed[kid]
	}
	before := count()
	return func() bool { return count() >= before+5 }
}

// losses returns why each request failed that did.
func (u *use) losses() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.lost)
}

func (u *use) lostNothing(t *testing.T) {
	t.Helper()
	if lost := u.losses(); len(lost) != 0 {
		t.Errorf("%d requests were lost, the first with %s", len(lost), lost[0])
	}
}

func (u *use) stop() {
	u.cancel()
	u.running.Wait()
}

// TestZitadelOutage has the provider go away after its keys are known: they stay
// in force for tokens seen before and for others, and only a key that cannot be
// looked up is waited for.
func TestZitadelOutage(t *testing.T) {
	z := startZitadel(t, oftenRefreshed)
	seen, unseen := z.main.token(t, "orders-service"), z.main.token(t, "orders-service")
	a := z.acme(t, seen)
	a.allowed(t, nil)
	z.main.publish(t, "key-2")
	z.main.sign("key-2")
	unknown := z.main.token(t, "orders-service")

	z.main.down.Store(true)
	eventually(t, "refreshes have failed", func() bool { return z.main.missed.Load() >= 2 })
	a = z.acme(t, seen)
	a.allowed(t, nil)
	if !a.record.Cached {
		t.Error("the token seen before was verified anew")
	}
	a = z.acme(t, unseen)
	a.allowed(t, nil)
	if a.record.Cached {
		t.Error("the token never seen was found in the cache")
	}
	a = z.globex(t, z.other.token(t, "orders-service"))
	a.allowed(t, nil) // the other issuer's tenant notices nothing

	z.main.down.Store(false)
	eventually(t, "the new key works", func() bool {
		a = z.acme(t, unknown)
		return a.status == http.StatusOK
	})
	z.main.withdraw("key-1")
	eventually(t, "refreshes go on: a withdrawn key is refused", func() bool {
		a = z.acme(t, seen)
		return a.record.Reason == "key_unknown"
	})
}

// TestZitadelUnknownKeyInOutage holds that a key which nobody can look up is
// neither believed nor ruled out.
func TestZitadelUnknownKeyInOutage(t *testing.T) {
	z := startZitadel(t, oftenRefreshed)
	z.main.publish(t, "key-2")
	z.main.sign("key-2")
	unknown := z.main.token(t, "orders-service")
	z.main.withdraw("key-2") // it was never fetched, whatever was refreshed before
	eventually(t, "the provider's last answer lacks the key", func() bool {
		a := z.acme(t, unknown)
		return a.record.Reason == "key_unknown"
	})
	z.main.down.Store(true)
	var a answer
	eventually(t, "the last good fetch is too old to rule the key out", func() bool {
		a = z.acme(t, unknown)
		return a.record.Reason != "key_unknown"
	})
	a.refused(t, http.StatusServiceUnavailable, "keys_pending")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// TestZitadelDownAtStart starts claimgate first: the issuer's tokens get 503
// while it is away, others pass, and it heals by itself.
func TestZitadelDownAtStart(t *testing.T) {
	z := &zitadel{main: startProvider(t, jose.RS256), other: startProvider(t, jose.ES256)}
	token := z.main.token(t, "orders-service")
	z.main.down.Store(true)
	z.world = start(t, zitadelConfig, z.fields(oftenRefreshed))
	a := z.acme(t, token)
	a.refused(t, http.StatusServiceUnavailable, "keys_unavailable")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	a = z.acme(t, bentSignature(t, token))
	a.refused(t, http.StatusServiceUnavailable, "keys_unavailable")
	a = z.globex(t, z.other.token(t, "orders-service"))
	a.allowed(t, nil)

	z.main.down.Store(false)
	eventually(t, "it heals", func() bool {
		a = z.acme(t, token)
		return a.status == http.StatusOK
	})
	a.allowed(t, map[string]string{"x-client": "orders-service"})
	a = z.acme(t, bentSignature(t, token))
	a.refused(t, http.StatusUnauthorized, "signature")
}
