package proxy

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
)

// Authorizer answers checks; authv3.AuthorizationClient is one but for its call
// options.
type Authorizer interface {
	Check(ctx context.Context, req *authv3.CheckRequest) (*authv3.CheckResponse, error)
}

// StandInOptions configure a StandIn.
type StandInOptions struct {
	Authorizer Authorizer
	Upstream   *url.URL          // scheme and host of the upstream
	Transport  http.RoundTripper // to the upstream; default: one without a proxy
	Timeout    time.Duration     // of a check, default 2 s
	Context    map[string]string // context_extensions of every route
}

// StandIn does what Envoy does with the profile of examples/quickstart: it
// refuses paths with escaped slashes and header names with `_`, normalises the
// path, asks the authorizer, fails closed with 503, and applies the answer with
// the semantics of Envoy's ext_authz filter. It is for machines without Envoy
// and no proxy to put in front of anything real.
type StandIn struct {
	opts  StandInOptions
	proxy *httputil.ReverseProxy
}

// NewStandIn returns a stand-in.
func NewStandIn(opts StandInOptions) *StandIn {
	opts.Timeout = orDefault(opts.Timeout, 2*time.Second)
	if opts.Transport == nil {
		opts.Transport = &http.Transport{DisableCompression: true}
	}
	s := &StandIn{opts: opts}
	s.proxy = &httputil.ReverseProxy{
		Rewrite:        s.rewrite,
		Transport:      opts.Transport,
		ModifyResponse: modifyResponse,
		ErrorHandler:   upstreamFailed,
	}
	return s
}

// upstreamFailed answers for an upstream that cannot be reached.
func upstreamFailed(w http.ResponseWriter, r *http.Request, _ error) {
	reply(w, r, &denial{status: http.StatusServiceUnavailable})
}

type allowedKey struct{}

// ServeHTTP implements http.Handler.
func (s *StandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if hasUnderscore(r.Header) {
		reply(w, r, &denial{status: http.StatusBadRequest, body: "Bad Request"})
		return
	}
	path, ok := normalise(r)
	if !ok {
		reply(w, r, &denial{status: http.StatusBadRequest})
		return
	}
	r.URL.Path, r.URL.RawPath = path, ""
	if decoded, err := url.PathUnescape(path); err == nil {
		r.URL.Path, r.URL.RawPath = decoded, path
	}
	mergeAuthorization(r.Header)
	res, err := s.check(r, path)
	if err != nil {
		reply(w, r, &denial{status: http.StatusServiceUnavailable})
		return
	}
	if code := res.GetStatus().GetCode(); code == 0 {
		s.forward(w, r, res.GetOkResponse())
		return
	}
	reply(w, r, denialOf(res))
}

func (s *StandIn) check(r *http.Request, path string) (*authv3.CheckResponse, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.opts.Timeout)
	defer cancel()
	res, err := s.opts.Authorizer.Check(ctx, checkRequest(r, path, s.opts.Context))
	if err != nil {
		return nil, fmt.Errorf("proxy: check: %w", err)
	}
	return res, nil
}

// forward applies the mutations and sends the request upstream. Mutations that
// Envoy's validate_mutations refuses are answered with 500.
func (s *StandIn) forward(w http.ResponseWriter, r *http.Request, ok *authv3.OkHttpResponse) {
	if !validMutations(ok) {
		reply(w, r, &denial{status: http.StatusInternalServerError})
		return
	}
	s.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), allowedKey{}, ok)))
}

// rewrite runs after the reverse proxy dropped the headers that the client's
// Connection header names, so that no client can have an injected one dropped.
func (s *StandIn) rewrite(p *httputil.ProxyRequest) {
	p.SetURL(s.opts.Upstream)
	p.Out.Host = p.In.Host
	for name, values := range p.In.Header { // forwarding headers are the caller's affair here
		if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" {
			p.Out.Header[name] = values
		}
	}
	ok, _ := p.In.Context().Value(allowedKey{}).(*authv3.OkHttpResponse)
	mutate(p.Out.Header, ok)
}

func modifyResponse(res *http.Response) error {
	ok, _ := res.Request.Context().Value(allowedKey{}).(*authv3.OkHttpResponse)
	addToResponse(res.Header, ok.GetResponseHeadersToAdd())
	return nil
}

// hasUnderscore is headers_with_underscores_action: REJECT_REQUEST.
func hasUnderscore(h http.Header) bool {
	for name := range h {
		if strings.Contains(name, "_") {
			return true
		}
	}
	return false
}

// normalise applies normalize_path, merge_slashes and REJECT_REQUEST of escaped
// slashes. It returns the path as it goes on, still escaped.
func normalise(r *http.Request) (string, bool) {
	raw, _, _ := strings.Cut(r.RequestURI, "?")
	if u, err := url.Parse(raw); err == nil && u.IsAbs() {
		raw = u.EscapedPath()
	}
	lower := strings.ToLower(raw)
	for _, refused := range []string{"%2f", "%5c", "%00"} {
		if strings.Contains(lower, refused) {
			return "", false
		}
	}
	if !strings.HasPrefix(raw, "/") {
		return "", false
	}
	return resolveDots(decodeUnreserved(strings.ReplaceAll(raw, `\`, "/"))), true
}

// resolveDots merges slashes and resolves dot segments; as in Envoy, path
// parameters do not hide a dot segment.
func resolveDots(path string) string {
	segments := strings.Split(path[1:], "/")
	out := make([]string, 0, len(segments))
	for i, segment := range segments {
		name, _, _ := strings.Cut(segment, ";")
		last := i == len(segments)-1
		switch {
		case name == "..":
			out = out[:max(0, len(out)-1)]
		case name == "." || (segment == "" && !last):
			continue
		default:
			out = append(out, segment)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/")
}

func decodeUnreserved(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			if c, err := url.PathUnescape(path[i : i+3]); err == nil && unreserved(c[0]) {
				b.WriteByte(c[0])
				i += 2
				continue
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// mergeAuthorization joins repeated Authorization headers into one line, as
// Envoy does for the check and for the upstream.
func mergeAuthorization(h http.Header) {
	if lines := h["Authorization"]; len(lines) > 1 {
		h["Authorization"] = []string{strings.Join(lines, ",")}
	}
}
