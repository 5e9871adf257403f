package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/issuer"
)

// realms is one server with an issuer for every realm that it is asked about.
type realms struct {
	mu     sync.Mutex
	issuer map[string]*issuer.Issuer
	host   string // by which it is asked
}

// ServeHTTP implements http.Handler.
func (r *realms) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/realms/"), "/")
	r.mu.Lock()
	r.host = req.Host
	idp, err := r.of(name)
	r.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	idp.ServeHTTP(w, req)
}

func (r *realms) of(name string) (*issuer.Issuer, error) {
	idp, ok := r.issuer[name]
	if ok {
		return idp, nil
	}
	if r.host == "" {
		return nil, errors.New("nobody asked yet")
	}
	idp, err := issuer.New(issuer.Options{URL: "http://" + r.host + "/realms/" + name, Algorithm: "ES256"})
	if err == nil {
		r.issuer[name] = idp
	}
	return idp, err
}

func (r *realms) token(t *testing.T, realm, sub string, roles ...string) string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	idp, err := r.of(realm)
	if err != nil {
		t.Fatal(err)
	}
	token, err := idp.Mint(map[string]any{"sub": sub, "aud": "https://api.example.com", "realm_access": map[string]any{"roles": roles}})
	if err != nil {
		t.Fatal(err)
	}
	return authorization(token)
}

// TestCaseRealms: three thousand tenants of one line each, with a realm each on
// one server, share one policy. Each is asked with its own token and with its
// neighbour's.
func TestCaseRealms(t *testing.T) {
	const n = 3000
	server := &realms{issuer: map[string]*issuer.Issuer{}}
	c := openCase(t, "realms", func(dir string) {
		for k := range n {
			file := filepath.Join(dir, "tenants", fmt.Sprintf("t%d.yaml", k))
			if err := os.WriteFile(file, fmt.Appendf(nil, "labels: {realm: r%d}\n", k), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}, caseIssuer{address: "127.0.0.1:8080", handler: server})
	host := func(k int) string { return fmt.Sprintf("t%d.api.example.com", k) }
	const step = 23 // coprime with n: what is asked is spread over the whole
	for k := 0; k < n; k += step {
		realm, name := fmt.Sprintf("r%d", k), fmt.Sprintf("t%d", k)
		own := server.token(t, realm, "u-"+name, "reader")
		got := c.send(t, http.MethodGet, host(k), "/orders/7", own, "x-tenant: acme")
		if got.status != http.StatusOK || strings.Join(got.seen.With([]string{"x-tenant", "x-user-id", "authorization"}), " ") != "x-tenant="+name+" x-user-id=u-"+name {
			t.Fatalf("%s: got %d %s: %v", name, got.status, got.reason, got.seen)
		}
		if got := c.send(t, http.MethodPost, host(k), "/orders/7", own); got.reason != "policy_denied" {
			t.Errorf("%s writes as a reader: %d %s", name, got.status, got.reason)
		}
		for _, other := range []int{(k + 1) % n, (k + n - 1) % n} {
			if got := c.send(t, http.MethodGet, host(other), "/orders/7", own); got.status != http.StatusUnauthorized || got.reason != "issuer_unknown" {
				t.Errorf("a token of %s at t%d: %d %s", name, other, got.status, got.reason)
			}
		}
	}
	c.oneOfMany(t, server)
}

// oneOfMany changes one tenant of the many, and adds one whose realm is taken.
func (c *theCase) oneOfMany(t *testing.T, server *realms) {
	own, neighbour := server.token(t, "r7", "u7", "admin"), server.token(t, "r8", "u8", "admin")
	reason := func(host, token string) string {
		return c.send(t, http.MethodGet, host+".api.example.com", "/orders/7", token).reason
	}
	if got := reason("t7", own); got != "allowed" {
		t.Fatalf("t7: %s", got)
	}
	c.write(t, "tenants/t7.yaml", "labels: {realm: r7}\nsuspended: true\n")
	eventually(t, "t7 is suspended", func() bool { return reason("t7", own) == "tenant_suspended" })
	c.write(t, "tenants/late.yaml", "labels: {realm: r8}\n")
	eventually(t, "the newcomer with another's realm is held", func() bool { return reason("late", neighbour) == "tenant_unavailable" })
	if got := reason("t8", neighbour); got != "allowed" {
		t.Errorf("t8, whose realm the newcomer asks for: %s", got)
	}
	c.write(t, "tenants/late.yaml", "labels: {realm: late}\n")
	late := server.token(t, "late", "ul", "reader")
	eventually(t, "mended, it is served", func() bool { return reason("late", late) == "allowed" })
	if got := reason("late", neighbour); got != "issuer_unknown" {
		t.Errorf("t8's token at the newcomer: %s", got)
	}
}
