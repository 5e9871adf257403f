package jwks

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

func TestInspect(t *testing.T) {
	good, enc := ecKey("good"), ecKey("enc").with(member{"use": "enc"})
	set := keySetOf(enc, good.with(member{"issuer": demoIssuer}))
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		result  FetchResult
		keys    int
		refresh time.Duration
	}{
		"good": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=120")
			answers(set)(w, r)
		}, FetchOK, 2, 2 * time.Minute},
		"good for a moment": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=0")
			answers(set)(w, r)
		}, FetchOK, 2, time.Minute},
		"good for no stated time": {answers(set), FetchOK, 2, 5 * time.Minute},
		"none usable":             {answers(keySetOf(enc)), FetchNoUsableKey, 1, 0},
		"not found":               {refuses(404), FetchStatus, 0, 0},
		"HTML":                    {answers("<html>"), FetchMalformed, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, map[string]http.HandlerFunc{"/jwks": row.handler})
			got, err := Inspect(t.Context(), SourceSpec{Issuer: demoIssuer, URI: server.URL + "/jwks?secret=1"}, Options{})
			if err != nil || got.Result != row.result || len(got.Keys) != row.keys || got.Refresh != row.refresh || got.URL != server.URL+"/jwks" {
				t.Errorf("%+v, %v", got, err)
			}
			for _, key := range got.Keys {
				switch key.KID {
				case "good":
					if key.Skipped != "" || len(key.Thumbprint) != 43 || key.Issuer != demoIssuer || !reflect.DeepEqual(key.Algorithms, []string{"ES256"}) {
						t.Errorf("%+v", key)
					}
				case "enc":
					if key.Skipped != SkipPurpose || !strings.Contains(key.Why, "use") {
						t.Errorf("%+v", key)
					}
				default:
					t.Errorf("%+v", key)
				}
			}
		})
	}
	path := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(path, []byte(set), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, spec := range map[string]SourceSpec{"inline": {Issuer: "x", Inline: set}, "file": {Issuer: "x", File: path}} {
		got, err := Inspect(t.Context(), spec, Options{})
		if err != nil || got.Result != FetchOK || len(got.Keys) != 2 || got.URL != "" || got.Refresh != 0 || got.Source != idOf(t, spec) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := Inspect(t.Context(), SourceSpec{Issuer: "x"}, Options{}); !errors.Is(err, ErrSpec) {
		t.Errorf("a bad spec: %v", err)
	}
}

func idOf(t *testing.T, spec SourceSpec) string {
	t.Helper()
	return mustSource(t, NewRegistry(Options{}), spec).ID()
}

// serveOnce serves a key set over one connection, and tells when that is closed.
func serveOnce(t *testing.T) (*httptest.Server, <-chan struct{}) {
	t.Helper()
	closed := make(chan struct{})
	server := httptest.NewUnstartedServer(answers(keySetOf(ecKey("a"))))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(closed)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server, closed
}

// TestInspectMakesOneFetchAndLeavesNothing open, also where its time is over
// before it begins.
func TestInspectMakesOneFetchAndLeavesNothing(t *testing.T) {
	server, closed := serveOnce(t)
	now := epoch
	clock := func() time.Time { now = now.Add(time.Second); return now }
	spec := SourceSpec{Issuer: demoIssuer, URI: server.URL}
	got, err := Inspect(t.Context(), spec, Options{Now: clock})
	if err != nil || got.Result != FetchOK || got.Source != idOf(t, spec) || got.Took != time.Second {
		t.Errorf("%+v, %v", got, err)
	}
	<-closed
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	got, err = Inspect(ended, spec, Options{})
	if want := (Inspection{Source: idOf(t, spec), Result: FetchCanceled}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestInspectSaysWhy holds that a person who asks is told what the server said,
// where that is what tells a slash too many from another issuer.
func TestInspectSaysWhy(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		want    Inspection
	}{
		"missing":        {refuses(404), Inspection{Result: FetchStatus, Status: 404}},
		"forbidden":      {refuses(403), Inspection{Result: FetchStatus, Status: 403}},
		"another issuer": {answers(`{"issuer":"https://id.example.com","jwks_uri":"https://id.example.com/jwks"}`), Inspection{Result: FetchIssuerMismatch, Named: "https://id.example.com"}},
		"a long one":     {answers(`{"issuer":"` + long + `","jwks_uri":"https://id.example.com/jwks"}`), Inspection{Result: FetchIssuerMismatch, Named: long[:256] + "..."}},
		"all of it":      {answers(`{"issuer":"` + long[:256] + `","jwks_uri":"https://id.example.com/jwks"}`), Inspection{Result: FetchIssuerMismatch, Named: long[:256]}},
		"a byte longer":  {answers(`{"issuer":"` + long[:257] + `","jwks_uri":"https://id.example.com/jwks"}`), Inspection{Result: FetchIssuerMismatch, Named: long[:256] + "..."}},
		"this one alone": {func(w http.ResponseWriter, r *http.Request) { answers(`{"issuer":"http://`+r.Host+`"}`)(w, r) }, Inspection{Result: FetchMalformed}},
		"no issuer":      {answers(`{"jwks_uri":"https://id.example.com/jwks"}`), Inspection{Result: FetchMalformed}},
	} {
		server := serve(t, map[string]http.HandlerFunc{"/.well-known/openid-configuration": row.handler, "/.well-known/oauth-authorization-server": row.handler})
		got, err := Inspect(t.Context(), SourceSpec{Issuer: server.URL}, Options{})
		if err != nil || got.Result != row.want.Result || got.Status != row.want.Status || got.Named != row.want.Named {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestKeysInForce(t *testing.T) {
	none := NewRegistry(Options{})
	id := mustSource(t, none, SourceSpec{Issuer: demoIssuer}).ID()
	if keys := none.Keys(demoIssuer); !reflect.DeepEqual(keys, map[string][]KeyView{id: nil}) {
		t.Errorf("before the first fetch: %+v", keys)
	}
	play(t, newIDP("a", "b"), SourceSpec{}, func(t *testing.T, s *scene) {
		keys := s.registry.Keys(demoIssuer)
		if len(keys) != 1 || len(keys[s.source.ID()]) != 2 || keys[s.source.ID()][0].KID != "a" {
			t.Errorf("%+v", keys)
		}
		if got := s.registry.Keys("https://elsewhere.example.com/"); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAlgorithmNames(t *testing.T) {
	if got := algs(token.EdDSA, token.RS256).Names(); !reflect.DeepEqual(got, []string{"RS256", "EdDSA"}) {
		t.Errorf("%v", got)
	}
}
