package envoy

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// door is a server with a real engine behind it: one tenant at api.example.com,
// GET on /orders/** but not on /orders/secret/**, and one token that is good.
type door struct {
	server *Server
	wire   *wireServer
	codec  *codec
	good   string
}

// oneKey is a key source that never changes.
type oneKey struct{ set *token.KeySet }

func (k oneKey) KeySet(context.Context, string) (*token.KeySet, error) { return k.set, nil }

func newDoor(tb testing.TB) *door {
	tb.Helper()
	secret := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	key, err := token.NewKey(token.KeySpec{KID: "k", Public: secret.Public()})
	if err != nil {
		tb.Fatal(err)
	}
	issuer, err := token.NewIssuer(token.IssuerSpec{
		Name: "idp", URL: "https://id.example.com", Audiences: []string{"api"}, Algorithms: []string{"EdDSA"}, Types: []string{"at+jwt"},
		Keys: oneKey{token.NewKeySet([]*token.Key{key})}, KeysID: "static",
	})
	if err != nil {
		tb.Fatal(err)
	}
	rules, problems := policy.Compile(policy.Spec{Rules: []policy.RuleSpec{
		{Name: "read", Action: policy.Allow, Methods: []string{"GET"}, Paths: []string{"/orders/**"}, AnyToken: true},
		{Name: "secret", Action: policy.Deny, Paths: []string{"/orders/secret/**"}},
	}})
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	owned, _ := authz.NewOwnedHeaders([]string{"x-user-id"})
	tenant, wrong := authz.NewTenant(authz.TenantSpec{
		Name: "acme", Hosts: []string{"api.example.com"}, Entries: []string{"mesh"}, Issuers: []*token.Issuer{issuer}, Policy: rules, Owned: owned, Cache: token.NewCache(100),
		Headers: []authz.HeaderSpec{{Name: "x-user-id", Source: authz.SourceSpec{Claim: []string{"sub"}}, Required: true}},
	})
	if len(wrong) > 0 {
		tb.Fatal(wrong)
	}
	snapshot, wrong := authz.NewSnapshot(authz.SnapshotSpec{Owned: owned, Tenants: []*authz.Tenant{tenant}, Entries: []authz.EntrySpec{{Name: "mesh", ContextExtension: "tenant"}}})
	if len(wrong) > 0 {
		tb.Fatal(wrong)
	}
	engine := authz.NewEngine(authz.Options{Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	engine.Swap(snapshot)
	input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","typ":"at+jwt","kid":"k"}`)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"https://id.example.com","aud":"api","sub":"alice","exp":1800003600}`))
	return &door{
		server: NewServer(ServerOptions{Decider: engine}), codec: newCodec(newResponder().internal), wire: newWireServer(NewServer(ServerOptions{Decider: engine}), true),
		good: input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(secret, []byte(input))),
	}
}

// ask sends bytes as they come from the wire to either codec, and reads the
// bytes of the answers as Envoy does. Whatever arrived, there is an answer, it
// says what it means, and both say the same.
func (d *door) ask(t *testing.T, wire []byte) outcome {
	t.Helper()
	msg := &authv3.CheckRequest{}
	if err := d.codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(wire)}, msg); err != nil {
		t.Fatalf("the codec returned %v", err)
	}
	response, err := d.server.Check(t.Context(), msg)
	if err != nil {
		t.Fatalf("Check returned %v", err)
	}
	generated, err := d.codec.Marshal(response)
	if err != nil {
		t.Fatalf("does not encode: %v", err)
	}
	own := answerBytes(t.Context(), t, d.wire, wire)
	out, other := envoyReadsBytes(t, own), envoyReadsBytes(t, generated.Materialize())
	if out.verdict == envoyErrs || out.corrupt != "" || len(own) == 0 || generated.Len() == 0 || out.verdict != other.verdict || out.status != other.status {
		t.Fatalf("%+v, and by generated code %+v", out, other)
	}
	return out
}

// explains reports in other words than request.go whether the message asks for
// what the one token opens.
func (d *door) explains(msg *authv3.CheckRequest) bool {
	http := msg.GetAttributes().GetRequest().GetHttp()
	var tokens []string
	seen := func(name, value string) {
		if strings.EqualFold(name, "authorization") {
			tokens = append(tokens, value)
		}
	}
	for name, value := range http.GetHeaders() {
		seen(name, value)
	}
	for _, header := range http.GetHeaderMap().GetHeaders() {
		seen(header.GetKey(), header.GetValue()+string(header.GetRawValue()))
	}
	path, _, _ := strings.Cut(http.GetPath(), "?")
	read, err := url.PathUnescape(path)
	host := regexp.MustCompile(`(?i)^api\.example\.com\.?(:[0-9]{0,5})?$`).MatchString(http.GetHost())
	orders := regexp.MustCompile(`^/orders(/|$)`).MatchString(read) && !regexp.MustCompile(`^/orders/secret(/|$)`).MatchString(read) &&
		!regexp.MustCompile(`//|\\|;|#|/\.{1,2}(/|$)`).MatchString(read)
	bearer := len(tokens) == 1 && regexp.MustCompile(`(?i)^bearer +`+regexp.QuoteMeta(d.good)+`$`).MatchString(tokens[0])
	named := msg.GetAttributes().GetContextExtensions()["tenant"] == "acme"
	return bearer && err == nil && orders && http.GetMethod() == "GET" && (host || named)
}

// FuzzCheckVerdict: bytes from anywhere are allowed only if they are a message
// that asks, with the one good token, for what this token opens.
func FuzzCheckVerdict(f *testing.F) {
	d := newDoor(f)
	bearing := plain().with("authorization", "Bearer "+d.good)
	secret, post, elsewhere := bearing, bearing, bearing
	secret.target, post.method, elsewhere.host = "/orders/secret/1", "POST", "other.example.com"
	for _, s := range []sent{bearing, secret, post, elsewhere, plain(), bearing.with("authorization", "Bearer x"), bearing.with("connection", "upgrade").with("upgrade", "websocket")} {
		for _, msg := range s.encodings() {
			f.Add(encoded(f, msg))
		}
	}
	for _, wire := range undecodable(f) {
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		if out := d.ask(t, wire); out.verdict != envoyAllows {
			return
		}
		msg := &authv3.CheckRequest{}
		if err := proto.Unmarshal(wire, msg); err != nil {
			t.Fatalf("allowed what is no message: %v", err)
		}
		if !d.explains(msg) {
			t.Fatalf("allowed %v", msg)
		}
	})
}

// TestTheDoorOpens is the control of both fuzz targets.
func TestTheDoorOpens(t *testing.T) {
	d := newDoor(t)
	for name, msg := range plain().with("authorization", "Bearer "+d.good).encodings() {
		if out := d.ask(t, encoded(t, msg)); out.verdict != envoyAllows || !d.explains(msg) {
			t.Errorf("%s: %+v", name, out)
		}
	}
	for i, s := range d.denied() {
		msg := s.raw()
		delete(msg.Attributes.ContextExtensions, "tenant")
		if out := d.ask(t, encoded(t, msg)); out.verdict != envoyDenies || d.explains(msg) {
			t.Errorf("%d: %+v", i, out)
		}
	}
}

// FuzzGarbageOpensNothing adds garbage to requests that are denied for one
// reason alone: none of it turns one into an allow.
func FuzzGarbageOpensNothing(f *testing.F) {
	d := newDoor(f)
	denied := d.denied()
	for which := range denied {
		f.Add(which, "x-forwarded-uri", "/orders/1", "tenant", "acme", []byte{0x7a, 0x01, 0x00}, false)
		f.Add(which, ":path", "/orders/1", "k", "v", []byte{}, true)
		f.Add(which, "Authorization", "", "", "", protowire.AppendString(protowire.AppendTag(nil, 4, protowire.BytesType), "/orders/1"), true)
		f.Add(which, "host", "api.example.com", "tenant", "", []byte{0xff}, false)
		f.Add(which, ":method", "GET", "tenant", "none", []byte("\x0a\x00"), false)
	}
	f.Fuzz(func(t *testing.T, which int, name, value, key, context string, tail []byte, first bool) {
		base := denied[uint(which)%uint(len(denied))]
		for _, msg := range base.encodings() {
			delete(msg.Attributes.ContextExtensions, "tenant")
			garbage(msg, name, value, key, context)
			wire, err := proto.Marshal(msg)
			if err != nil {
				continue // no message can hold it
			}
			if first {
				wire = append(slices.Clone(tail), wire...)
			} else {
				wire = append(wire, tail...)
			}
			whole := &authv3.CheckRequest{}
			if proto.Unmarshal(wire, whole) == nil && d.explains(whole) {
				continue // the garbage made it another request
			}
			if out := d.ask(t, wire); out.verdict != envoyDenies {
				t.Fatalf("%+v with %q: %q, context %q: %q and %x is allowed", base, name, value, key, context, tail)
			}
		}
	})
}

// denied are requests that are refused, each for one reason.
func (d *door) denied() []sent {
	bearing := plain().with("authorization", "Bearer "+d.good)
	all := []sent{plain(), plain().with("authorization", "Bearer "+d.good[:len(d.good)-1]), bearing.with("authorization", "Bearer "+d.good)}
	for _, change := range []func(*sent){
		func(s *sent) { s.target = "/orders/secret/1" }, func(s *sent) { s.target = "/other" }, func(s *sent) { s.target = "/orders/../other" },
		func(s *sent) { s.method = "POST" }, func(s *sent) { s.host = "other.example.com" }, func(s *sent) { s.host = "api.example.com,x" },
	} {
		s := bearing
		change(&s)
		all = append(all, s)
	}
	return all
}

// garbage adds a header and a context extension.
func garbage(msg *authv3.CheckRequest, name, value, key, context string) {
	http := msg.GetAttributes().GetRequest().GetHttp()
	if http.GetHeaderMap() != nil {
		http.HeaderMap.Headers = append(http.HeaderMap.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
	} else if _, there := http.GetHeaders()[name]; !there {
		http.Headers[name] = value
	}
	if key != "" {
		msg.Attributes.ContextExtensions[key] = context
	}
}
