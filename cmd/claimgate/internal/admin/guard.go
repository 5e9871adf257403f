package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// readOnly refuses every method but GET and HEAD.
func readOnly(next http.Handler) http.Handler {
	return unkept(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "these pages only read: use GET", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// unkept tells browsers to neither keep, sniff, frame nor run what they get.
func unkept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// sameSite keeps other people's web pages out: it answers only to the host
// names on its list, since a page that had its own name resolve to this
// address would send that name (DNS rebinding), and refuses what a browser
// sends on behalf of another site.
func sameSite(hosts []string, next http.Handler) http.Handler {
	known := make(map[string]bool, len(hosts))
	for _, host := range hosts {
		known[hostName(host)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !known[hostName(r.Host)]:
			http.Error(w, "not a name of this page: add it to admin.hosts, or ask for localhost", http.StatusMisdirectedRequest)
		case crossSite(r):
			http.Error(w, "cross-site requests are refused", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// crossSite reports whether a browser says that another origin is behind the
// request (Fetch Metadata; RFC 6454 section 7 for Origin). A caller that is no
// browser sends neither header.
func crossSite(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return true
		}
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return true
		}
	}
	return false
}

// hostName returns a host in lower case, without port, brackets and final dot.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// withBearer asks for a bearer token (RFC 6750 section 2.1), unless it is "".
// The comparison takes the same time whatever is sent.
func withBearer(token string, next http.Handler) http.Handler {
	if token == "" {
		return next
	}
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(sent)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="claimgate"`)
			http.Error(w, "a bearer token is needed", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
