package jwks

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serve starts a server for the test; handlers are by path.
func serve(t *testing.T, handlers map[string]http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(mux(handlers))
	t.Cleanup(server.Close)
	return server
}

func mux(handlers map[string]http.HandlerFunc) *http.ServeMux {
	mux := http.NewServeMux()
	for path, handler := range handlers {
		mux.HandleFunc(path, handler)
	}
	return mux
}

func answers(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, text) }
}

func refuses(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// fetchOnce makes one fetch over the real transport.
func fetchOnce(t *testing.T, spec SourceSpec) outcome {
	t.Helper()
	registry := NewRegistry(Options{})
	t.Cleanup(registry.closeIdle)
	source, err := registry.Source(spec)
	if err != nil {
		t.Fatal(err)
	}
	leave := &lease{share: registry.periodic}
	defer leave.end()
	return source.refresher.fetcher.fetch(t.Context(), validator{}, leave.move)
}

func TestFetchResults(t *testing.T) {
	good := keySetOf(ecKey("a"), ecKey("b").with(member{"use": "enc"}))
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		want    FetchResult
	}{
		"good":             {answers(good), FetchOK},
		"not found":        {refuses(404), FetchStatus},
		"unavailable":      {refuses(503), FetchStatus},
		"no content":       {refuses(204), FetchStatus},
		"304 unasked":      {refuses(304), FetchStatus},
		"empty object":     {answers("{}"), FetchMalformed},
		"error object":     {answers(`{"error":"x"}`), FetchMalformed},
		"empty body":       {answers(""), FetchMalformed},
		"HTML":             {answers("<html>"), FetchMalformed},
		"trailing garbage": {answers(good + "}"), FetchMalformed},
		"no keys":          {answers(`{"keys":[]}`), FetchNoUsableKey},
		"no usable key":    {answers(keySetOf(member{"kty": "oct", "k": "AA"})), FetchNoUsableKey},
		"large":            {answers(good + strings.Repeat(" ", maxBodyBytes)), FetchTooLarge},
		"many keys":        {answers(`{"keys":[` + strings.Repeat("1,", 100) + `1]}`), FetchTooLarge},
		"endless":          {endless, FetchTooLarge},
		"redirect":         {http.RedirectHandler("/elsewhere", http.StatusFound).ServeHTTP, FetchRedirect},
		"redirect away":    {http.RedirectHandler("http://169.254.169.254/", http.StatusTemporaryRedirect).ServeHTTP, FetchRedirect},
		"broken off":       {breakOff, FetchDial},
		"299":              {refuses(299), FetchStatus},
		"300":              {refuses(300), FetchRedirect},
		"399":              {refuses(399), FetchRedirect},
		"400":              {refuses(400), FetchStatus},
		"an endless error": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503); endless(w, r) }, FetchStatus},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, map[string]http.HandlerFunc{
				"/jwks": row.handler,
				"/elsewhere": func(http.ResponseWriter, *http.Request) {
					t.Error("the redirect was followed")
				},
			})
			got := fetchOnce(t, SourceSpec{Issuer: demoIssuer, URI: server.URL + "/jwks"})
			if got.result != row.want {
				t.Fatalf("got %s, want %s", got.result, row.want)
			}
			if (got.set != nil) != (row.want == FetchOK) {
				t.Errorf("set %v with %s", got.set, got.result)
			}
			if row.want == FetchOK && got.skipped.total() != 1 {
				t.Errorf("%d skipped, want 1", got.skipped.total())
			}
		})
	}
}

func endless(w http.ResponseWriter, _ *http.Request) {
	for {
		if _, err := w.Write(make([]byte, 64<<10)); err != nil {
			return
		}
	}
}

func breakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte("{"))
	panic(http.ErrAbortHandler)
}

func TestFetchTimesOut(t *testing.T) {
	ended := make(chan struct{})
	server := serve(t, map[string]http.HandlerFunc{"/jwks": func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("{"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(ended)
	}})
	got := fetchOnce(t, SourceSpec{Issuer: demoIssuer, URI: server.URL + "/jwks", Timeout: 20 * time.Millisecond})
	if got.result != FetchTimeout {
		t.Errorf("got %s", got.result)
	}
	<-ended
}

func TestFetchRequest(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	server := serve(t, map[string]http.HandlerFunc{"/jwks": func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.RawQuery != "p=b2c" || r.Header.Get("Accept") != acceptedTypes || r.Header.Get("User-Agent") != "claimgate" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		for _, name := range []string{"Cookie", "Authorization", "Accept-Encoding", "Referer", "If-None-Match"} {
			if _, there := r.Header[name]; there {
				t.Errorf("sends %s", name)
			}
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		answers(keySetOf(ecKey("a")))(w, r)
	}})
	spec := SourceSpec{Issuer: demoIssuer, URI: server.URL + "/jwks?p=b2c"}
	for range 2 {
		if got := fetchOnce(t, spec); got.result != FetchOK {
			t.Errorf("got %s", got.result)
		}
	}
}

func TestFetchNothingListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fetchOnce(t, SourceSpec{Issuer: demoIssuer, URI: "http://" + address}); got.result != FetchDial {
		t.Errorf("got %s", got.result)
	}
}

func TestFetchTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(mux(map[string]http.HandlerFunc{"/jwks": answers(keySetOf(ecKey("a")))}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	plain := serve(t, map[string]http.HandlerFunc{"/jwks": answers(keySetOf(ecKey("a")))})

	bundle := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		spec SourceSpec
		want FetchResult
	}{
		"own CA":           {SourceSpec{URI: server.URL + "/jwks", CAFile: bundle}, FetchOK},
		"untrusted":        {SourceSpec{URI: server.URL + "/jwks"}, FetchTLS},
		"another name":     {SourceSpec{URI: strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/jwks", CAFile: bundle}, FetchTLS},
		"no TLS there":     {SourceSpec{URI: strings.Replace(plain.URL, "http", "https", 1) + "/jwks"}, FetchTLS},
		"TLS at http port": {SourceSpec{URI: strings.Replace(server.URL, "https", "http", 1) + "/jwks"}, FetchStatus},
	} {
		t.Run(name, func(t *testing.T) {
			row.spec.Issuer = demoIssuer
			if got := fetchOnce(t, row.spec); got.result != row.want {
				t.Errorf("got %s, want %s", got.result, row.want)
			}
		})
	}
}

func TestCAFileMustHoldCertificates(t *testing.T) {
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := NewRegistry(Options{}).Source(SourceSpec{Issuer: demoIssuer, CAFile: bundle})
	if err == nil || !strings.Contains(err.Error(), "BEGIN CERTIFICATE") {
		t.Errorf("got %v", err)
	}
}

func TestDialRefusesAddresses(t *testing.T) {
	server := serve(t, map[string]http.HandlerFunc{"/": func(http.ResponseWriter, *http.Request) {
		t.Error("a refused address was reached")
	}})
	host := strings.TrimPrefix(server.URL, "http://")
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{host, "localhost:" + port, "[::ffff:127.0.0.1]:" + port, "0.0.0.0:" + port} {
		conn, err := (urlRules{loopbackHost: "127.1.1.1"}).dial(t.Context(), "tcp", address)
		if resultOf(err) != FetchAddressRefused || conn != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestConditionalFetch(t *testing.T) {
	var asked []string
	server := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("If-None-Match"))
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Cache-Control", "max-age=90")
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		answers(keySetOf(ecKey("a")))(w, r)
	}})
	registry := NewRegistry(Options{})
	t.Cleanup(registry.closeIdle)
	source, err := registry.Source(SourceSpec{Issuer: demoIssuer, URI: server.URL + "/jwks"})
	if err != nil {
		t.Fatal(err)
	}
	f := source.refresher.fetcher
	stay := func(context.Context, string) error { return nil }
	first := f.fetch(t.Context(), validator{}, stay)
	second := f.fetch(t.Context(), first.tag, stay)
	moved := f.fetch(t.Context(), validator{url: server.URL + "/other", etag: `"v1"`}, stay)
	if first.result != FetchOK || second.result != FetchNotModified || moved.result != FetchOK {
		t.Errorf("%s, %s, %s", first.result, second.result, moved.result)
	}
	if first.maxAge != 90*time.Second || second.maxAge != 90*time.Second {
		t.Errorf("max-age %v, %v", first.maxAge, second.maxAge)
	}
	if strings.Join(asked, ",") != `,"v1",` {
		t.Errorf("asked %q", asked)
	}
}

func TestHeaders(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": -1, "no-store": -1, "max-age=60": time.Minute, "public, MAX-AGE=60": time.Minute, `max-age="60"`: time.Minute,
		"max-age=0": 0, "max-age=-1": -1, "max-age=x": -1, "max-age": -1, "s-maxage=5": -1, "max-age=99999999999999": -1,
	} {
		if got := maxAgeOf(http.Header{"Cache-Control": {text}}); got != want {
			t.Errorf("Cache-Control %q: %v, want %v", text, got, want)
		}
	}
	date := "Sun, 01 Mar 2026 12:00:00 GMT"
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "x": 0, "1.5": 0, "86400": maxRetryAfter,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 01 Mar 2026 11:00:00 GMT": 0,
		"Mon, 02 Mar 2026 12:00:00 GMT": maxRetryAfter,
	} {
		if got := retryAfterOf(http.Header{"Retry-After": {text}, "Date": {date}}); got != want {
			t.Errorf("Retry-After %q: %v, want %v", text, got, want)
		}
	}
	if got := retryAfterOf(http.Header{"Retry-After": {date}}); got != 0 {
		t.Errorf("Retry-After without Date: %v", got)
	}
	for text, want := range map[string]string{
		`"a"`: `"a"`, `W/"a"`: `W/"a"`, "": "", "\"a\x01\"": "", `"é"`: "", strings.Repeat("a", 256): strings.Repeat("a", 256), strings.Repeat("a", 257): "",
		`"!~"`: `"!~"`, `"a b"`: "", "\"a\x7f\"": "",
	} {
		if got := tagOf(http.Header{"Etag": {text}}); got != want {
			t.Errorf("ETag %q: %q, want %q", text, got, want)
		}
	}
}

func TestOrigins(t *testing.T) {
	for text, want := range map[string]string{
		"https://ID.example.com/a":     "https://id.example.com:443",
		"https://id.example.com:8443/": "https://id.example.com:8443",
		"http://localhost":             "http://localhost:80",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := originOf(u); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
