package e2e

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/net/http2/hpack"
)

// attack is one case of the catalogue: a request that must be refused, and
// beside it, as its positive control, the same request before it was changed,
// which must be allowed. The zero value of a field changes nothing.
type attack struct {
	id, what string
	source   string // where the trap is known from
	tenant   string // "rsa" where it is empty

	both   func(*wire)         // what both requests have
	first  func(*forgery)      // what both tokens have
	token  func(*forgery)      // what is wrong with the token
	spell  func(string) string // what is wrong with its text
	send   func(*wire)         // what is wrong with the request
	rpc    func(*rpc)          // what is wrong with the message, in process only
	status int                 // 401 where it is 0
	reason string              // reasons that two encodings differ in stand beside a `|`

	bytes bool // it exists in the bytes of the message alone, of which no request to decide is made
	alone bool // it cannot be sent through Envoy
	h2    bool // it needs HTTP/2 to be sent
	proxy int  // the status with which Envoy refuses it on its own; -1: it ends the stream
}

// wire is a request as a client sends it.
type wire struct {
	method, path, host string
	scheme             string // "http" where it is empty
	token              string
	headers            []pair // authorization among them
	context            map[string]string
}

type pair struct{ name, value string }

// authorize replaces the authorization header by these values.
func (w *wire) authorize(values ...string) {
	w.headers = slices.DeleteFunc(w.headers, func(p pair) bool { return p.name == "authorization" })
	for _, value := range values {
		w.add("authorization", value)
	}
}

func (w *wire) add(name, value string) { w.headers = append(w.headers, pair{name, value}) }

// requests builds the attack and its control.
func (a *arena) requests(x *attack) (bad, good wire) {
	tenant := x.tenant
	if tenant == "" {
		tenant = "rsa"
	}
	build := func(token func(*forgery), spell func(string) string, send func(*wire)) wire {
		f := a.token(tenant, x.id)
		if x.first != nil {
			x.first(f)
		}
		if token != nil {
			token(f)
		}
		text := f.String()
		if spell != nil {
			text = spell(text)
		}
		w := wire{method: http.MethodGet, path: "/any/x", host: tenant + ".test", token: text}
		w.authorize("Bearer " + text)
		if x.both != nil {
			x.both(&w)
		}
		if send != nil {
			send(&w)
		}
		return w
	}
	return build(x.token, x.spell, x.send), build(nil, nil, nil)
}

// wanted returns the status to expect, and whether a reason is one of those.
func (x *attack) wanted(reason string) (status int, ok bool) {
	status = x.status
	if status == 0 {
		status = http.StatusUnauthorized
	}
	return status, slices.Contains(strings.Split(x.reason, "|"), reason)
}

// attacks is the whole catalogue.
func (a *arena) attacks() []attack {
	return slices.Concat(
		a.algorithmAttacks(), a.headerAttacks(), a.headerTextAttacks(), a.typAttacks(), a.kidAttacks(),
		a.rsaAttacks(), a.ecdsaAttacks(), a.edAttacks(),
		a.encodingAttacks(), a.shapeAttacks(), a.claimsTextAttacks(),
		a.timeAttacks(), a.issuerAttacks(), a.audienceAttacks(), a.identityAttacks(), a.policyAttacks(),
		a.keySetAttacks(), a.documentAttacks(),
		a.credentialAttacks(), a.pathAttacks(), a.hostAttacks(), a.methodAttacks(), a.placeAttacks(),
		a.messageAttacks(), a.sizeAttacks(), a.tokenPlaceAttacks(), a.relaxedPathAttacks(), a.tenantAttacks(), a.forgedHeaderAttacks(), a.publicRouteAttacks(),
	)
}

// TestP1AttackCatalogue holds that the cases are told apart and that none was
// lost.
func TestP1AttackCatalogue(t *testing.T) {
	all := attacked(t).attacks()
	seen := map[string]bool{}
	for _, x := range all {
		if x.id == "" || x.what == "" || x.source == "" || x.reason == "" {
			t.Errorf("%q lacks a part", x.id)
		}
		if seen[x.id] {
			t.Errorf("%s stands twice", x.id)
		}
		seen[x.id] = true
	}
	if len(all) < 1000 {
		t.Errorf("%d cases, want 1000 or more", len(all))
	}
	t.Logf("%d cases", len(all))
}

// TestP1AttackInProcess asks claimgate itself, in both encodings of the
// headers: once before it has seen the good token and once after.
func TestP1AttackInProcess(t *testing.T) {
	a := attacked(t)
	for _, x := range a.attacks() {
		t.Run(x.id, func(t *testing.T) {
			bad, good := a.requests(&x)
			for _, raw := range []bool{false, true} {
				attack, control := &rpc{CheckRequest: bad.check(raw)}, &rpc{CheckRequest: good.check(raw)}
				if x.rpc != nil {
					x.rpc(attack)
				}
				got := a.ask(t, attack)
				if status, ok := x.wanted(got.reason); got.allowed || got.status != status || !ok {
					t.Errorf("%s (raw headers: %v): got %d %s, want %d %s", x.what, raw, got.status, got.reason, status, x.reason)
				}
				if got.quotes(bad.token) {
					t.Errorf("%s: the answer quotes the token", x.what)
				}
				if got := a.ask(t, control); !got.allowed {
					t.Fatalf("%s (raw headers: %v): the control gets %d %s: the attack proves nothing", x.what, raw, got.status, got.reason)
				}
			}
		})
	}
	if n := a.lured.Load(); n > 0 {
		t.Errorf("%d requests went to addresses that only tokens named", n)
	}
}

// TestP1AttackThroughEnvoy sends what can be sent through a real Envoy: with
// the headers as a map, and with an Envoy that lets pass what is answered with
// an error.
func TestP1AttackThroughEnvoy(t *testing.T) {
	w, a := the(t), attacked(t)
	for _, x := range a.attacks() {
		if x.alone || x.rpc != nil {
			continue
		}
		t.Run(x.id, func(t *testing.T) {
			bad, good := a.requests(&x)
			if got := w.through(t, viaAttackMap, &good, x.h2); got.status/100 != 2 {
				t.Fatalf("%s: the control gets %d %s: the attack proves nothing", x.what, got.status, got.reason)
			}
			for _, listener := range []string{viaAttackMap, viaAttackOpen} {
				got := w.through(t, listener, &bad, x.h2)
				if x.proxy != 0 {
					if got.status != max(x.proxy, 0) || got.reason != "" {
						t.Errorf("%s (%s): got %d %s, want %d by Envoy itself", x.what, listener, got.status, got.reason, x.proxy)
					}
					continue
				}
				if status, ok := x.wanted(got.reason); got.status != status || !ok || got.seen != nil {
					t.Errorf("%s (%s): got %d %s, want %d %s", x.what, listener, got.status, got.reason, status, x.reason)
				}
			}
		})
	}
}

// through sends a request to Envoy.
func (w *world) through(t *testing.T, listener string, r *wire, h2 bool) answer {
	t.Helper()
	if !h2 {
		header := make([]string, 0, len(r.headers))
		for _, p := range r.headers {
			header = append(header, p.name+": "+p.value)
		}
		return w.raw(t, listener, lines(r.method, r.path, r.host, header...))
	}
	fields := []hpack.HeaderField{
		{Name: ":method", Value: r.method}, {Name: ":scheme", Value: "http"},
		{Name: ":authority", Value: r.host}, {Name: ":path", Value: r.path},
	}
	for _, p := range r.headers {
		fields = append(fields, hpack.HeaderField{Name: p.name, Value: p.value})
	}
	status, reason := w.frames(t, listener, fields...)
	return answer{status: status, reason: reason}
}

// check builds the message that Envoy makes of the request, with headers as
// they came or as a map.
func (w *wire) check(raw bool) *authv3.CheckRequest {
	scheme := cmp.Or(w.scheme, "http")
	http := &authv3.AttributeContext_HttpRequest{
		Id: "1", Method: shown(w.method), Path: shown(w.path), Host: shown(w.host), Scheme: scheme, Protocol: "HTTP/2",
	}
	all := append([]pair{{":method", w.method}, {":path", w.path}, {":authority", w.host}, {":scheme", scheme}}, w.headers...)
	if raw {
		http.HeaderMap = &corev3.HeaderMap{}
		for _, p := range all {
			http.HeaderMap.Headers = append(http.HeaderMap.Headers, &corev3.HeaderValue{Key: shown(p.name), RawValue: []byte(p.value)})
		}
	} else {
		http.Headers = map[string]string{}
		for _, p := range all {
			if old, ok := http.Headers[shown(p.name)]; ok {
				http.Headers[shown(p.name)] = old + "," + shown(p.value)
				continue
			}
			http.Headers[shown(p.name)] = shown(p.value)
		}
	}
	peer := &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: "127.0.0.1"}}}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source:            &authv3.AttributeContext_Peer{Address: peer},
		Request:           &authv3.AttributeContext_Request{Http: http},
		ContextExtensions: w.context,
	}}
}

// shown is how Envoy shows bytes in a field of text: each that is no UTF-8 as
// an exclamation mark.
func shown(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			b.WriteByte('!')
		} else {
			b.WriteString(text[i : i+size])
		}
		i += size
	}
	return b.String()
}
