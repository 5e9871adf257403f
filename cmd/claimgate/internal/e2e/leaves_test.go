package e2e

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/otlptest"
)

// marker is a part of every value that must not be seen anywhere.
const marker = "zqmarkzq"

// Sizes of the pieces of a token that are looked for: any run of gram+stride-1
// characters of one holds a piece.
const (
	gram   = 12
	stride = 4
)

// secrets finds what must not leave: texts, and pieces of texts.
type secrets struct {
	whole  []string
	pieces map[string]string // and whose they are
}

var base64Run = regexp.MustCompile(`[A-Za-z0-9_-]{20,}`)

// addPieces adds the pieces of each long run of a token, a key or the like, but
// for such as "AAAAAAAAAAAA", which are nobody's.
func (s *secrets) addPieces(what, text string) {
	for _, run := range base64Run.FindAllString(text, -1) {
		for i := 0; i+gram <= len(run); i += stride {
			distinct := map[byte]bool{}
			for k := range gram {
				distinct[run[i+k]] = true
			}
			if len(distinct) > gram/2 {
				s.pieces[run[i:i+gram]] = what
			}
		}
	}
}

// addSecret adds a secret as it is and as it is often written.
func (s *secrets) addSecret(secret string) {
	s.whole = append(s.whole, secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)), b64([]byte(secret)))
}

// in returns what of them is in a text, and the text around it.
func (s *secrets) in(text string) (what, where string) {
	around := func(i int) string { return text[max(0, i-120):min(len(text), i+80)] }
	for _, secret := range s.whole {
		if i := strings.Index(text, secret); i >= 0 {
			return secret, around(i)
		}
	}
	for i := 0; i+gram <= len(text); i++ {
		if what, ok := s.pieces[text[i:i+gram]]; ok {
			return "a piece of " + what, around(i)
		}
	}
	return "", ""
}

// TestSecretsAreFound holds that the test would see what it looks for.
func TestSecretsAreFound(t *testing.T) {
	s := secrets{pieces: map[string]string{}}
	s.addSecret("sesame")
	const token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tLyJ9.kRz3LqXw9VbT7mYc2HsJ"
	s.addPieces("a token", token)
	for _, text := range []string{"open sesame", "c2VzYW1l", "736573616d65", token, token[3:40], token[60:75], "x" + token[len(token)-16:] + "y"} {
		if what, _ := s.in(text); what == "" {
			t.Errorf("%q is not found", text)
		}
	}
	if what, _ := s.in("a request without a token, " + strings.Repeat("A", 100)); what != "" {
		t.Errorf("%s is found in nothing", what)
	}
}

// watched is a real claimgate at debug level whose every word is looked at.
type watched struct {
	*server
	secrets
	ask      *grpc.ClientConn // no more than its connection
	dir      string
	config   string
	metrics  string // the bearer token of the metrics
	outputs  map[string]string
	traces   *otlptest.Collector
	allowed  int
	refusals int
}

func watch(t *testing.T, a *arena) *watched {
	t.Helper()
	w := &watched{dir: t.TempDir(), outputs: map[string]string{}, traces: &otlptest.Collector{}, secrets: secrets{whole: []string{marker}, pieces: map[string]string{}}}
	for name, length := range map[string]int{"hash.key": 32, "state.key": 32, "metrics.token": 40, "issuer.token": 40, "traces.token": 40} {
		secret := b64(digest(crypto.SHA256, []byte(name+t.Name())))[:length]
		w.addSecret(secret)
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
		if name == "metrics.token" {
			w.metrics = secret
		}
	}
	if err := os.Mkdir(filepath.Join(w.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	traces := httptest.NewServer(w.traces)
	t.Cleanup(traces.Close)
	w.writeConfig(t, a, traces.URL)
	w.addKeys(a)
	w.server = startServer(t, w.config)
	connection, err := grpc.NewClient("unix://"+filepath.Join(w.dir, "gate.sock"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	w.ask = connection
	return w
}

// writeConfig writes the arena's configuration with everything in it that tells
// or keeps something.
func (w *watched) writeConfig(t *testing.T, a *arena, traces string) {
	t.Helper()
	var text bytes.Buffer
	if err := template.Must(template.New("").Parse(attackTemplate)).Execute(&text, a.believes); err != nil {
		t.Fatal(err)
	}
	head := `listen: {address: "unix://` + filepath.Join(w.dir, "gate.sock") + `"}
health: {address: "127.0.0.1:0"}
metrics: {address: "127.0.0.1:0", bearerTokenFile: metrics.token}
admin: {address: "127.0.0.1:0"}
log: {level: debug, denialsPerSecond: 100000, hashKey: "file:` + filepath.Join(w.dir, "hash.key") + `"}
tracing: {endpoint: "` + traces + `", sample: 1, headers: {x-collector-key: "file:traces.token"}}
stateDir: state
stateKey: "file:` + filepath.Join(w.dir, "state.key") + `"
tenantDefaults: {dynamicMetadata: {who: {claim: org}}}`
	config := inTheCodec(strings.Replace(text.String(), "listen: {address: 127.0.0.1:9191}", head, 1))
	config = strings.ReplaceAll(config, "keys: {unknownKidWait: 4s}", "keys: {unknownKidWait: 4s, bearerTokenFile: issuer.token}")
	w.config = filepath.Join(w.dir, "claimgate.yaml")
	if err := os.WriteFile(w.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

var secretMember = regexp.MustCompile(`"(?:n|x|y|d|p|q|dp|dq|qi|k)":"([^"]{20,})"`)

// addKeys adds the private keys of the issuers, and what stands in the sets that
// they publish: the pages tell of keys by kid and thumbprint only.
func (w *watched) addKeys(a *arena) {
	k := &a.keys
	for _, key := range [][]byte{
		k.rsa.D.Bytes(), k.rsa.Primes[0].Bytes(), k.other.D.Bytes(), k.pss.D.Bytes(),
		must(k.p256.Bytes()), must(k.p384.Bytes()), must(k.p521.Bytes()), k.ed.Seed(),
	} {
		w.addPieces("a private key", b64(key))
		w.addPieces("a private key in hexadecimal", hex.EncodeToString(key))
	}
	for _, set := range a.documents {
		for _, found := range secretMember.FindAllStringSubmatch(set, -1) {
			w.addPieces("a key set", found[1])
		}
	}
}

// call asks and keeps the answer. What an allow injects for the upstream is what
// it is for; the rest of it is looked at.
func (w *watched) call(t *testing.T, name string, request *wire, raw bool, change func(*rpc)) {
	t.Helper()
	w.addPieces("the token of "+name, request.token)
	for _, p := range request.headers {
		w.addPieces("a header of "+name, p.value)
	}
	call := &rpc{CheckRequest: request.check(raw)}
	if change != nil {
		change(call)
	}
	got := askVia(t, w.ask, call)
	message, ok := proto.Clone(got.message).(*authv3.CheckResponse)
	if !ok {
		t.Fatal("no answer")
	}
	if got.allowed {
		w.allowed++
		message.GetOkResponse().Headers = nil
	} else {
		w.refusals++
	}
	text, err := protojson.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	w.outputs["the answer to "+name+fmt.Sprint(" ", raw, got.allowed)] = string(text)
}

// marked plants markers in what an attack sends, before the attack changes it.
func marked(x attack) attack {
	first, both := x.first, x.both
	x.first = func(f *forgery) {
		f.header.add("x_note", quoted(marker))
		for _, claim := range []string{"email", "name", "nonce", "act_note", "amr_note", "preferred_username"} {
			f.claims.add(claim, quoted(marker+"-"+claim))
		}
		f.claims.add("address", `{"street":`+quoted(marker)+`,"lines":[`+quoted(marker)+`]}`)
		f.claims.set("jti", quoted(marker+"-"+x.id))
		if first != nil {
			first(f)
		}
	}
	x.both = func(w *wire) {
		if both != nil {
			both(w)
		}
		w.add("x-api-key", marker)
		if !strings.Contains(w.path, "?") {
			w.path += "?code=" + marker
		}
	}
	return x
}

// markedAttacks put a marker where each attack of its own kind would have
// something that is compared, refused or quoted.
func markedAttacks() []attack {
	var all []attack
	claim := func(name, raw string) {
		all = append(all, attack{id: "marked-claim-" + name, token: func(f *forgery) { f.claims.set(name, raw) }})
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "scope", "roles", "plan", "org", "banned", "cnf", "tenant"} {
		claim(name, quoted(marker+"-"+name))
		claim(name, `["`+marker+`",{"a":"`+marker+`"}]`)
	}
	for _, name := range []string{"alg", "typ", "kid", "crit", "jku", "x5c", "jwk", "b64", "zip"} {
		all = append(all, attack{id: "marked-header-" + name, token: func(f *forgery) { f.header.set(name, quoted(marker+"-"+name)) }})
	}
	for id, value := range map[string]string{
		"basic": "Basic " + base64.StdEncoding.EncodeToString([]byte("alice:"+marker)), "opaque": "Bearer " + marker, "scheme": marker + " x", "digest": `Digest username="` + marker + `"`,
		"bare": marker, "two": "Bearer " + marker + ", Bearer " + marker, "dots": "Bearer " + marker + "." + marker + "." + marker,
	} {
		all = append(all, attack{id: "marked-authorization-" + id, send: func(w *wire) { w.authorize(value) }})
	}
	for id, send := range map[string]func(*wire){
		"cookie": func(w *wire) { w.add("cookie", "sid="+marker) }, "param": func(w *wire) { w.path = "/any/x?access_token=" + marker }, "x-token": func(w *wire) { w.add("x-token", marker) },
		"odd-query": func(w *wire) { w.path = "/any/../x?token=" + marker }, "fragment": func(w *wire) { w.path = "/any/x?a#" + marker }, "newline": func(w *wire) { w.add("x-secret", marker+"\n") },
	} {
		all = append(all, attack{id: "marked-" + id, tenant: "places", send: send})
	}
	return all
}

// TestP7CatalogueLeavesNothing sends the catalogue of attacks, each with marked
// values in its tokens, headers and query, to the real server at debug level,
// with everything on that tells something. Nothing that was planted, no piece of
// a token and no key is in any answer, log line, metric, span, page or kept file.
func TestP7CatalogueLeavesNothing(t *testing.T) {
	a := attacked(t)
	w := watch(t, a)
	for i, x := range append(a.attacks(), markedAttacks()...) {
		x = marked(x)
		bad, good := a.requests(&x)
		w.call(t, x.id, &bad, i%2 == 0, x.rpc)
		w.call(t, x.id, &good, i%2 == 0, nil)
	}
	w.pages(t, a)
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	w.outputs["the log"], w.outputs["the traces"] = w.log.String(), w.traces.Text()
	w.check(t, a)
}

// pages keeps what the listeners and commands tell.
func (w *watched) pages(t *testing.T, a *arena) {
	t.Helper()
	paths := map[string][]string{"health": {"/livez", "/readyz", "/nothing"}, "metrics": {"/metrics"}}
	paths["admin"] = []string{"/", "/config", "/keys", "/readyz", "/readyz?verbose", "/livez", "/debug/pprof/"}
	for _, issuer := range a.believes {
		paths["admin"] = append(paths["admin"], "/keys?issuer="+url.QueryEscape(issuer.URL))
	}
	for listener, all := range paths {
		for _, path := range all {
			_, body, err := w.http(http.MethodGet, listener, path)
			if err != nil {
				t.Fatal(err)
			}
			w.outputs[listener+path] = body
		}
	}
	for _, path := range []string{"/reload", "/confirm"} {
		_, body, err := w.http(http.MethodPost, "admin", path)
		if err != nil {
			t.Fatal(err)
		}
		w.outputs["POST "+path] = body
	}
	w.outputs["the metrics"] = w.scrape(t)
	for _, args := range [][]string{{"check", w.config}, {"keys", "--config", w.config}} {
		said, _ := exec.CommandContext(t.Context(), theBinary(t), args...).CombinedOutput() // whatever it thinks of these issuers
		w.outputs["claimgate "+args[0]] = string(said)
	}
}

// scrape reads the metrics with the token that they want.
func (w *watched) scrape(t *testing.T) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.addresses["metrics"]+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.metrics)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var text bytes.Buffer
	if _, err := text.ReadFrom(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d %v", res.StatusCode, err)
	}
	return text.String()
}

// check looks through all outputs, after it has seen that they tell something.
func (w *watched) check(t *testing.T, a *arena) {
	t.Helper()
	for where, text := range map[string]string{
		"the log": `"level":"debug"`, "the metrics": "claimgate_checks_total{", "admin/config": `"keySources"`, "admin/": "Configuration 1",
		"admin/keys?issuer=" + url.QueryEscape(a.url("rsa")): "THUMBPRINT", "claimgate check": "claimgate.yaml",
		"the traces": `"claimgate.decision_id"`,
	} {
		if !strings.Contains(w.outputs[where], text) {
			t.Errorf("%s lacks %s and proves nothing: %.300s", where, text, w.outputs[where])
		}
	}
	lines := 0
	for line := range strings.Lines(w.outputs["the log"]) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
		lines++
	}
	if w.allowed < 250 || w.refusals < 250 || lines < 500 || len(w.pieces) < 10_000 {
		t.Errorf("%d allowed, %d refused, %d lines, %d pieces: too few to prove anything", w.allowed, w.refusals, lines, len(w.pieces))
	}
	if spans := len(w.traces.Spans()); spans < w.allowed+w.refusals {
		t.Errorf("%d spans of %d checks", spans, w.allowed+w.refusals)
	}
	if heads := w.traces.Headers(); len(heads) == 0 || !slices.Contains(w.whole, heads[0].Get("X-Collector-Key")) {
		t.Error("the collector was not shown its key")
	}
	for where, text := range w.outputs {
		if what, around := w.in(text); what != "" {
			t.Errorf("%s holds %s: ...%s...", where, what, around)
		}
	}
	t.Logf("%d allowed, %d refused, %d log lines, %d pieces looked for in %d outputs", w.allowed, w.refusals, lines, len(w.pieces), len(w.outputs))
	w.checkState(t)
}

// checkState looks into the kept key sets, which are public and hold nothing
// else.
func (w *watched) checkState(t *testing.T) {
	t.Helper()
	files, kept := 0, secrets{whole: w.whole}
	err := filepath.WalkDir(filepath.Join(w.dir, "state"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if what, around := kept.in(string(text)); what != "" {
			t.Errorf("%s holds %s: ...%s...", path, what, around)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files are kept: %v", files, err)
	}
}
