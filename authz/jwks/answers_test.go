package jwks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// TestP3AnAnswerToAConditionalFetchIsJudgedAsAnyOther: only a 304 says that
// nothing changed.
func TestP3AnAnswerToAConditionalFetchIsJudgedAsAnyOther(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*idp)
		want   FetchResult
		a, b   string // what becomes of the key before and of the one after
	}{
		"not modified": {func(*idp) {}, FetchNotModified, "known", "unknown"},
		"rotated":      {func(p *idp) { p.publish("b") }, FetchOK, "unknown", "known"},
		"failing":      {func(p *idp) { p.status = 503 }, FetchStatus, "known", "pending"},
		"garbage":      {func(p *idp) { p.body = "<html>" }, FetchMalformed, "known", "pending"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP("a")
			p.header.Set("ETag", `"v1"`)
			play(t, p, SourceSpec{}, func(t *testing.T, s *scene) {
				if row.want != FetchNotModified {
					row.change(p)
					p.change(func() { p.header.Set("ETag", `"v2"`) })
				}
				s.sleep(5 * time.Minute)
				if got := s.observed.last(); got != row.want {
					t.Errorf("the second fetch is %s, want %s", got, row.want)
				}
				s.want("a", row.a)
				s.want("b", row.b)
				if row.want == FetchOK { // and the next one is about the new tag
					s.sleep(5 * time.Minute)
					if got := s.observed.last(); got != FetchNotModified {
						t.Errorf("the third fetch is %s", got)
					}
				}
			})
		})
	}
}

// TestP3DiscoveryAsksForLeaveAtTheOriginOfTheKeys, so that the share of that
// origin bounds the fetches that metadata of others leads to, and goes nowhere
// without.
func TestP3DiscoveryAsksForLeaveAtTheOriginOfTheKeys(t *testing.T) {
	keys := newIDP("a")
	registry := NewRegistry(Options{Transport: discovering{keys}})
	f := mustSource(t, registry, SourceSpec{Issuer: "https://id.example.com"}).refresher.fetcher
	var asked []string
	var refusal error
	leave := func(_ context.Context, origin string) error {
		asked = append(asked, origin)
		return refusal
	}
	if got := f.fetch(t.Context(), validator{}, leave); got.result != FetchOK || strings.Join(asked, " ") != "https://keys.example.com:443" {
		t.Errorf("%s, with leave for %q", got.result, asked)
	}
	refusal = context.DeadlineExceeded
	if got := f.fetch(t.Context(), validator{}, leave); got.result != FetchTimeout || keys.count() != 1 {
		t.Errorf("without leave: %s, %d fetches", got.result, keys.count())
	}
	direct := mustSource(t, registry, SourceSpec{Issuer: "https://id.example.com", URI: "https://id.example.com/jwks"}).refresher.fetcher
	if got := direct.fetch(t.Context(), validator{}, leave); got.result != FetchOK || len(asked) != 2 {
		t.Errorf("at the origin that was entered: %s, leave for %q", got.result, asked)
	}
}

// closing tells whether its body was closed.
type closing struct {
	status int
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func (c *closing) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Body: c, Header: http.Header{}, Request: req}, nil
}

// TestP8NoAnswerIsLeftOpen, which would hold its connection.
func TestP8NoAnswerIsLeftOpen(t *testing.T) {
	for status, text := range map[int]string{200: keySetOf(ecKey("a")), 204: "", 404: "nothing", 206: strings.Repeat(" ", maxBodyBytes+2)} {
		c := &closing{status: status, Reader: strings.NewReader(text)}
		f := mustSource(t, NewRegistry(Options{Transport: c}), SourceSpec{Issuer: demoIssuer, URI: "https://id.example.com/"}).refresher.fetcher
		if got := f.fetch(t.Context(), validator{}, nil); (got.result == FetchOK) != (status == 200) || !c.closed {
			t.Errorf("%d: %s, closed: %t", status, got.result, c.closed)
		}
	}
}

// TestErrorsHaveAResult sorts what clients, dialers and TLS fail with.
func TestErrorsHaveAResult(t *testing.T) {
	asSent := func(err error) error { return &url.Error{Op: "Get", Err: fmt.Errorf("jwks: dial: %w", err)} }
	for want, errs := range map[FetchResult][]error{
		FetchTooLarge:       {errTooLarge},
		FetchCredential:     {ErrBearerToken},
		FetchAddressRefused: {errAddressRefused, asSent(errAddressRefused), errURLAddress, errURLScheme},
		FetchCanceled:       {context.Canceled, asSent(context.Canceled)},
		FetchTimeout:        {context.DeadlineExceeded, asSent(context.DeadlineExceeded), os.ErrDeadlineExceeded, &net.DNSError{IsTimeout: true}},
		FetchTLS:            {&tls.CertificateVerificationError{}, asSent(tls.RecordHeaderError{}), tls.AlertError(40), http.ErrSchemeMismatch},
		FetchMalformed:      {errURLSyntax, errURLUser, errURLFragment},
		FetchDial:           {errors.New("connection refused"), &net.DNSError{IsNotFound: true}},
	} {
		for _, err := range errs {
			if got := resultOf(err); got != want {
				t.Errorf("%v is %s, want %s", err, got, want)
			}
		}
	}
}

// TestTheLoopbackHostIsReachedHoweverItIsSpelt: hosts are compared in lower
// case.
func TestTheLoopbackHostIsReachedHoweverItIsSpelt(t *testing.T) {
	server := serve(t, map[string]http.HandlerFunc{"/jwks": answers(keySetOf(ecKey("a")))})
	uri := strings.Replace(server.URL, "127.0.0.1", "LocalHost", 1) + "/jwks"
	if got := fetchOnce(t, SourceSpec{Issuer: demoIssuer, URI: uri}); got.result != FetchOK {
		t.Errorf("got %s", got.result)
	}
}
