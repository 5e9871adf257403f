package jwks

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// discovered is an issuer whose keys and metadata have troubles of their own.
type discovered struct{ metadata, keys *idp }

func (d discovered) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.Contains(req.URL.Path, ".well-known") {
		return d.metadata.RoundTrip(req)
	}
	if req.URL.Path != "/keys" {
		return &http.Response{StatusCode: http.StatusNotFound, Body: io.NopCloser(strings.NewReader("")), Request: req}, nil
	}
	return d.keys.RoundTrip(req)
}

// TestP3KeysAreFetchedWhileTheMetadataCannotBeHad, from where they came last; a
// withdrawn key ends within the bound. What the metadata says is never passed
// over, and without an earlier fetch there is no place to go.
func TestP3KeysAreFetchedWhileTheMetadataCannotBeHad(t *testing.T) {
	const issuer = "https://id.example.com"
	document := func(issuer, uri string) string { return `{"issuer":"` + issuer + `","jwks_uri":"` + uri + `"}` }
	for name, row := range map[string]struct {
		trouble func(*idp)
		fetched bool
		says    FetchResult
	}{
		"well":           {func(*idp) {}, true, ""},
		"refused":        {func(p *idp) { p.err = errors.New("connection refused") }, true, ""},
		"unavailable":    {func(p *idp) { p.status = 503 }, true, ""},
		"gone":           {func(p *idp) { p.status = 404 }, true, ""},
		"hangs":          {func(p *idp) { p.delay = time.Hour }, true, ""},
		"another issuer": {func(p *idp) { p.body = document(issuer+"/", issuer+"/keys") }, false, FetchIssuerMismatch},
		"garbage":        {func(p *idp) { p.body = "<html>" }, false, FetchMalformed},
		"inside":         {func(p *idp) { p.body = document(issuer, "https://10.0.0.1/keys") }, false, FetchAddressRefused},
		"redirects":      {func(p *idp) { p.status = 302 }, false, FetchRedirect},
		"moved":          {func(p *idp) { p.body = document(issuer, issuer+"/elsewhere") }, false, FetchStatus},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := discovered{metadata: newIDP(), keys: newIDP("old", "a")}
				d.metadata.body = document(issuer, issuer+"/keys")
				registry, stop := run(t, d)
				s := &scene{t: t, idp: d.keys, registry: registry, source: mustSource(t, registry, SourceSpec{Issuer: issuer})}
				synctest.Wait()
				s.want("old", "known")
				d.metadata.change(func() { row.trouble(d.metadata) })
				d.keys.publish("a")
				s.sleep(335 * time.Second)
				if there := s.source.state.Load().set.HasKID("old"); there == row.fetched {
					t.Errorf("the withdrawn key is in force: %t", there)
				}
				if got := s.source.Status().LastError; got != string(row.says) {
					t.Errorf("the failure is %q, want %q", got, row.says)
				}
				stop()
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		d := discovered{metadata: newIDP(), keys: newIDP("a")}
		d.metadata.err = errors.New("connection refused")
		registry, stop := run(t, d)
		source := mustSource(t, registry, SourceSpec{Issuer: issuer})
		elapse(time.Hour)
		if status := source.Status(); d.keys.count() != 0 || status.Usable || status.LastError != string(FetchDial) {
			t.Errorf("without any metadata: %d fetches of keys, %+v", d.keys.count(), status)
		}
		stop()
	})
}

// metadata returns discovery handlers for the issuer of a request's own host.
func metadata(path, issuerPath, jwksURI string) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		path: func(w http.ResponseWriter, r *http.Request) {
			self := "http://" + r.Host
			_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"x":{}}`, self+issuerPath, strings.Replace(jwksURI, "SELF", self, 1))
		},
		"/jwks": answers(keySetOf(ecKey("a"))),
	}
}

// padded fills the metadata up with spaces to a size.
func padded(handlers map[string]http.HandlerFunc, size int) map[string]http.HandlerFunc {
	short := handlers[wellKnownOIDC]
	handlers[wellKnownOIDC] = func(w http.ResponseWriter, r *http.Request) {
		text := httptest.NewRecorder()
		short(text, r)
		_, _ = fmt.Fprint(w, text.Body, strings.Repeat(" ", size-text.Body.Len()))
	}
	return handlers
}

func TestDiscovery(t *testing.T) {
	const ok = "SELF/jwks"
	for name, row := range map[string]struct {
		issuer   string // path of the issuer
		handlers map[string]http.HandlerFunc
		want     FetchResult
	}{
		"root":               {"", metadata(wellKnownOIDC, "", ok), FetchOK},
		"trailing slash":     {"/", metadata(wellKnownOIDC, "/", ok), FetchOK},
		"path":               {"/realms/a", metadata("/realms/a"+wellKnownOIDC, "/realms/a", ok), FetchOK},
		"RFC 8414":           {"/realms/a", metadata(wellKnown8414+"/realms/a", "/realms/a", ok), FetchOK},
		"RFC 8414 root":      {"/", metadata(wellKnown8414, "/", ok), FetchOK},
		"nowhere":            {"", map[string]http.HandlerFunc{}, FetchStatus},
		"slash more":         {"", metadata(wellKnownOIDC, "/", ok), FetchIssuerMismatch},
		"slash less":         {"/", metadata(wellKnownOIDC, "", ok), FetchIssuerMismatch},
		"another case":       {"/a", metadata("/a"+wellKnownOIDC, "/A", ok), FetchIssuerMismatch},
		"link-local":         {"", metadata(wellKnownOIDC, "", "https://169.254.169.254/"), FetchAddressRefused},
		"private":            {"", metadata(wellKnownOIDC, "", "https://10.0.0.1/"), FetchAddressRefused},
		"plain http":         {"", metadata(wellKnownOIDC, "", "http://id.example.com/"), FetchAddressRefused},
		"other loopback":     {"", metadata(wellKnownOIDC, "", "http://localhost:1/"), FetchAddressRefused},
		"loopback by a name": {"", metadata(wellKnownOIDC, "", "https://localhost:1/"), FetchAddressRefused},
		"file":               {"", metadata(wellKnownOIDC, "", "file:///etc/passwd"), FetchMalformed},
		"user":               {"", metadata(wellKnownOIDC, "", "https://a:b@id.example.com/"), FetchMalformed},
		"fragment":           {"", metadata(wellKnownOIDC, "", "https://id.example.com/#a"), FetchMalformed},
		"relative":           {"", metadata(wellKnownOIDC, "", "/jwks"), FetchMalformed},
		"keys gone":          {"", metadata(wellKnownOIDC, "", "SELF/gone"), FetchStatus},
		"no JSON":            {"", map[string]http.HandlerFunc{wellKnownOIDC: answers("<html>")}, FetchMalformed},
		"no issuer":          {"", map[string]http.HandlerFunc{wellKnownOIDC: answers(`{"jwks_uri":"x"}`)}, FetchMalformed},
		"broken off":         {"", map[string]http.HandlerFunc{wellKnownOIDC: breakOff}, FetchDial},
		"endless":            {"", map[string]http.HandlerFunc{wellKnownOIDC: endless}, FetchTooLarge},
		"greatest":           {"", padded(metadata(wellKnownOIDC, "", ok), maxBodyBytes), FetchOK},
		"too large":          {"", padded(metadata(wellKnownOIDC, "", ok), maxBodyBytes+1), FetchTooLarge},
		"redirect":           {"", map[string]http.HandlerFunc{wellKnownOIDC: http.RedirectHandler("/jwks", http.StatusMovedPermanently).ServeHTTP}, FetchRedirect},
		"broken":             {"", map[string]http.HandlerFunc{wellKnownOIDC: refuses(500)}, FetchStatus},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, row.handlers)
			if got := fetchOnce(t, SourceSpec{Issuer: server.URL + row.issuer}); got.result != row.want {
				t.Errorf("got %s, want %s", got.result, row.want)
			}
		})
	}
}

func TestReadMetadata(t *testing.T) {
	const good = `{"issuer":"a","jwks_uri":"b"}`
	for name, row := range map[string]struct {
		text string
		want FetchResult
	}{
		"good":          {good, FetchOK},
		"issuer twice":  {`{"issuer":"x","issuer":"a","jwks_uri":"b"}`, FetchMalformed},
		"URI twice":     {`{"issuer":"a","jwks_uri":"x","jwks_uri":"b"}`, FetchMalformed},
		"issuer null":   {`{"issuer":null,"jwks_uri":"b"}`, FetchMalformed},
		"issuer list":   {`{"issuer":["a"],"jwks_uri":"b"}`, FetchMalformed},
		"URI number":    {`{"issuer":"a","jwks_uri":1}`, FetchMalformed},
		"URI null":      {`{"issuer":"a","jwks_uri":null}`, FetchMalformed},
		"no URI":        {`{"issuer":"a"}`, FetchMalformed},
		"Issuer":        {`{"Issuer":"a","jwks_uri":"b"}`, FetchMalformed},
		"garbage after": {good + "x", FetchMalformed},
		"other issuer":  {`{"issuer":"a ","jwks_uri":"b"}`, FetchIssuerMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			uri, got := readMetadata([]byte(row.text), "a")
			if got != row.want || (uri == "b") != (row.want == FetchOK) {
				t.Errorf("got %q, %s, want %s", uri, got, row.want)
			}
		})
	}
}
