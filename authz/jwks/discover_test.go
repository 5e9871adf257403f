package jwks

import (
	"errors"
	"io"
	"net/http"
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
		if d.keys.count() != 0 || source.Status().Usable {
			t.Error("keys were found without any metadata")
		}
		stop()
	})
}
