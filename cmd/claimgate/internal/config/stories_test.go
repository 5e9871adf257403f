package config

import (
	"context"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// storyRequest is a request without a token.
type storyRequest struct {
	method, host, path string
	header             authz.Header
	want               authz.Reason
}

// Each story is a way to run claimgate. What decides here is where a request
// arrives and what needs no token.
func TestStories(t *testing.T) {
	origin := authz.Header{Name: "origin", Value: "https://app.example.com"}
	stories := map[string][]storyRequest{
		"platform": {
			{"GET", "acme.api.example.com", "/orders", authz.Header{}, authz.NoToken},
			{"GET", "nobody.api.example.com", "/orders", authz.Header{}, authz.PlaceUnknown},
			{"GET", "api.example.com", "/healthz", authz.Header{}, authz.PublicRoute},
			{"GET", "api.example.com", "/orders", authz.Header{}, authz.NoToken},
			{"OPTIONS", "api.example.com", "/orders", origin, authz.PreflightPassed},
			{"GET", "api.globex.example", "/orders", authz.Header{}, authz.NoToken},
			{"GET", "api.initech.example", "/orders", authz.Header{}, authz.NoToken},
			{"GET", "partners.example.com", "/t/acme/orders", authz.Header{}, authz.PlaceUnknown}, // acme does not list the entry
		},
		"story-realms": {
			{"GET", "acme.api.example.com", "/orders", authz.Header{}, authz.NoToken},
			{"GET", "globex.api.example.com", "/orders", authz.Header{}, authz.NoToken},
			{"GET", "globex-eu.api.example.com", "/orders", authz.Header{}, authz.PlaceUnknown},
			{"GET", "a.acme.api.example.com", "/orders", authz.Header{}, authz.PlaceUnknown},
		},
		"story-claim": {
			{"GET", "api.example.com", "/healthz", authz.Header{}, authz.PublicRoute},
			{"OPTIONS", "api.example.com", "/orders", origin, authz.PreflightPassed},
			{"GET", "api.example.com", "/orders", authz.Header{}, authz.NoToken},
			{"GET", "other.example.com", "/healthz", authz.Header{}, authz.PlaceUnknown},
		},
		"story-machines": {
			{"POST", "grpc.example.com", "/shop.v1.Orders/GetOrder", authz.Header{}, authz.NoToken},
		},
		"story-own-idp": {
			{"GET", "partners.example.com", "/t/initech/orders", authz.Header{}, authz.NoToken},
			{"GET", "partners.example.com", "/t/hooli/orders", authz.Header{}, authz.NoToken},
			{"GET", "api.hooli.example", "/orders", authz.Header{}, authz.NoToken},
			{"GET", "partners.example.com", "/t/nobody/orders", authz.Header{}, authz.PlaceUnknown},
			{"GET", "partners.example.com", "/tt/initech/orders", authz.Header{}, authz.PlaceUnknown},
		},
		"story-public": {
			{"GET", "api.example.com", "/healthz", authz.Header{}, authz.PublicRoute},
			{"POST", "api.example.com", "/hooks/stripe", authz.Header{}, authz.PublicRoute},
			{"POST", "api.example.com", "/hooks/internal/reset", authz.Header{}, authz.PolicyDenied},
			{"OPTIONS", "api.example.com", "/orders", origin, authz.PreflightPassed},
			{"GET", "api.example.com", "/orders", authz.Header{}, authz.NoToken},
		},
		"story-two-issuers": {
			{"GET", "api.example.com", "/orders", authz.Header{}, authz.NoToken},
		},
	}
	for name, requests := range stories {
		t.Run(name, func(t *testing.T) {
			engine := authz.NewEngine(authz.Options{})
			engine.Swap(buildFile(t, "testdata/good/"+name+".yaml").Snapshot)
			for _, r := range requests {
				if got := engine.Decide(context.Background(), r.request()).Reason; got != r.want {
					t.Errorf("%s %s%s: %v, want %v", r.method, r.host, r.path, got, r.want)
				}
			}
		})
	}
}

func (r storyRequest) request() *authz.Request {
	request := &authz.Request{Method: r.method, Host: r.host, Scheme: "https", Path: authz.CanonicalPath(r.path)}
	if r.header != (authz.Header{}) {
		request.Headers.Lines = []authz.Header{r.header, {Name: "access-control-request-method", Value: "GET"}}
	}
	return request
}

// buildFile loads and builds a file that must have no mistake.
func buildFile(t testing.TB, file string) *Built {
	t.Helper()
	document, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	built, err := document.Build(Runtime{})
	if err != nil {
		t.Fatal(err)
	}
	return built
}
