package envoy

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/claimgate/claimgate/authz"
)

// FuzzCodec holds our decoding against that of generated code: the same bytes
// are taken, into the same request and the same answer, however they are cut
// into buffers.
func FuzzCodec(f *testing.F) {
	for _, wire := range frames(f) {
		f.Add(wire, uint16(0))
		for i, mutant := range mutants(wire) {
			if i%32 == 0 { // all of them are TestFrames' business: seeds come before anything new
				f.Add(mutant, uint16(i*37))
			}
		}
	}
	for _, wire := range undecodable(f) {
		f.Add(wire, uint16(3))
	}
	f.Fuzz(func(t *testing.T, wire []byte, cut uint16) { compareCodecs(t, wire, cut) })
}

// TestFrames runs the seeds, and with them the worst of each kind, by name.
func TestFrames(t *testing.T) {
	for name, wire := range frames(t) {
		t.Run(name, func(t *testing.T) {
			for i, mutant := range append(mutants(wire), wire) {
				compareCodecs(t, mutant, uint16(i))
			}
		})
	}
}

// compareCodecs holds both codecs against each other on one message.
func compareCodecs(t *testing.T, wire []byte, cut uint16) {
	t.Helper()
	if msg, req := compareReading(t, wire, cut); oneOfEach(req) {
		compareAnswers(t, msg, wire)
	}
}

// compareReading holds what both codecs read of a message to each other.
func compareReading(t *testing.T, wire []byte, cut uint16) (*authv3.CheckRequest, *authz.Request) {
	t.Helper()
	msg := &authv3.CheckRequest{}
	err := proto.Unmarshal(wire, msg)
	at := min(int(cut), len(wire))
	own, ok := readOwn(wire[:at], wire[at:])
	if ok != (err == nil) {
		t.Fatalf("own: %v; generated: %v", ok, err)
	}
	if err != nil {
		proto.Reset(msg)
	}
	var m message
	m.readGenerated(msg)
	req := &authz.Request{}
	requestFrom(&m, req)
	if diff := difference(req, own); diff != "" {
		t.Fatalf("own reads another request: %s", diff)
	}
	return msg, req
}

// oneOfEach reports whether the order of headers, of which a map has none, is
// of no consequence.
func oneOfEach(req *authz.Request) bool {
	seen := map[string]bool{}
	for _, line := range req.Headers.Lines {
		if req.Headers.Joined && seen[line.Name] {
			return false
		}
		seen[line.Name] = true
	}
	return true
}

func compareAnswers(t *testing.T, msg *authv3.CheckRequest, wire []byte) {
	t.Helper()
	observers := [2]*recorder{{}, {}}
	want, err := NewServer(ServerOptions{Decider: echo{}, Observer: observers[0]}).Check(t.Context(), msg)
	if err != nil {
		t.Fatal(err)
	}
	got := &authv3.CheckResponse{}
	answer := answerBytes(t.Context(), t, newWireServer(NewServer(ServerOptions{Decider: echo{}, Observer: observers[1]}), true), wire)
	if err := proto.Unmarshal(answer, got); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, want) {
		t.Fatalf("own answers\n%v\nwant\n%v", got, want)
	}
	a, b := observers[0].one(t), observers[1].one(t)
	if a.path != b.path || a.decision.Reason != b.decision.Reason || (a.fault == nil) != (b.fault == nil) {
		t.Fatalf("the observers heard\n%+v\n%+v", a, b)
	}
}

// echo is a Decider that says what it was shown: as headers where they can be
// said, or else as metadata of a refusal.
type echo struct{}

func (echo) DecideInto(_ context.Context, req *authz.Request, d *authz.Decision) {
	text := []string{req.Method, req.Path.Canonical, req.Path.Lenient, req.Host, req.Query, req.Scheme, req.Principal, req.Upgrade, req.RemoteIP.String()}
	for key, value := range req.Context {
		text = append(text, key+"="+value)
	}
	for _, line := range req.Headers.Lines {
		text = append(text, line.Name+": "+line.Value)
	}
	slices.Sort(text)
	*d = authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed}
	if req.Fault != authz.NoFault {
		*d = authz.Decision{Reason: req.Fault}
	}
	said := strings.ToValidUTF8(strings.Join(text, "\n"), "?")
	d.Metadata = []authz.MetadataField{{Name: "said", Text: said[:min(len(said), 1000)]}}
	d.Metadata[0].Text = strings.ToValidUTF8(d.Metadata[0].Text, "?")
	if req.Fault == authz.NoFault {
		d.Set = []authz.Header{{Name: "x-path", Value: req.Path.Canonical}} // some cannot be said
	}
}

// frames are messages as Envoy sends them, and with everything that it can
// send.
func frames(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for encoding, msg := range benchRequest().with("content-type", "application/grpc").with("x-user_id", "a").encodings() {
		dress(msg)
		all[encoding] = encoded(t, msg)
	}
	both := plain().mapped()
	both.Attributes.Request.Http.HeaderMap = plain().raw().Attributes.Request.Http.HeaderMap
	all["both"] = encoded(t, both)
	pipe := plain().raw()
	pipe.Attributes.Source.Address = &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: "/run/s", Mode: 7}}}
	all["pipe"] = encoded(t, pipe)
	many := plain().mapped()
	for i := range maxHeaderLines + 8 {
		many.Attributes.Request.Http.Headers["x-"+strings.Repeat("a", i)] = "1"
	}
	all["many"] = encoded(t, many)
	again := plain().with("x-a", "2").with("x-b", "3").mapped()
	again.Attributes.ContextExtensions["tenant"] = "globex"
	all["twice"] = append(encoded(t, plain().with("x-a", "1").mapped()), encoded(t, again)...)
	all["small"] = encoded(t, plain().with("x-a", "1").mapped())
	return all
}

// dress adds what Envoy tells of a request besides what is read.
func dress(msg *authv3.CheckRequest) {
	a := msg.GetAttributes()
	socket := func(port uint32) *corev3.Address {
		return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "198.51.100.9", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
		}}}
	}
	a.Source.Address.GetSocketAddress().PortSpecifier = &corev3.SocketAddress_PortValue{PortValue: 40404}
	a.Source.Labels = map[string]string{"app": "web"}
	a.Source.Service, a.Source.Certificate = "web", "-----BEGIN%20CERTIFICATE-----"
	a.Destination = &authv3.AttributeContext_Peer{Address: socket(443), Principal: "spiffe://lab/gateway"}
	a.Request.Time = &timestamppb.Timestamp{Seconds: 1767323045, Nanos: 999}
	a.Request.Http.Size, a.Request.Http.Protocol, a.Request.Http.Id = -1, "HTTP/2", "6718723634437463"
	a.Request.Http.Query, a.Request.Http.Fragment, a.Request.Http.Body, a.Request.Http.RawBody = "x=2", "f", "body", []byte("\xff\x00raw")
	a.TlsSession = &authv3.AttributeContext_TLSSession{Sni: "api.example.com"}
	list := structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(1), structpb.NewBoolValue(true), structpb.NewNullValue()}})
	meta := &structpb.Struct{Fields: map[string]*structpb.Value{"list": list, "text": structpb.NewStringValue("é")}}
	a.MetadataContext = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"envoy.filters.http.jwt_authn": meta}}
	a.RouteMetadataContext = &corev3.Metadata{}
}

// mutants are a message with one thing changed at a time, at every field of
// every level that it has.
func mutants(wire []byte) [][]byte {
	group := func(number protowire.Number, inner ...byte) []byte {
		b := append(protowire.AppendTag(nil, number, protowire.StartGroupType), inner...)
		return protowire.AppendTag(b, number, protowire.EndGroupType)
	}
	all := [][]byte{
		nil, wire[:1], wire[:len(wire)/2], wire[:len(wire)-1], append(slices.Clone(wire), 0x80),
		append(slices.Clone(wire), wire...), append(slices.Clone(wire), wire[:len(wire)/3]...),
		append(slices.Clone(wire), 0x0a, 0x00), append(slices.Clone(wire), 0x08, 0x01), append(slices.Clone(wire), 0x0c),
		append(slices.Clone(wire), group(99, 0x08, 0x01)...), append(slices.Clone(wire), group(1)...),
		bytes.ReplaceAll(wire, []byte("/orders/1"), []byte("/orders/\xff")),
		bytes.ReplaceAll(wire, []byte("203.0.113.7"), []byte("203.0.113.\xff")),
		bytes.ReplaceAll(wire, []byte("x-header-01"), []byte("x-header-02")),
		bytes.ReplaceAll(wire, []byte("x-header-01"), []byte("X-Header-02")),
		bytes.ReplaceAll(wire, []byte("body"), []byte("bod\xff")),
		bytes.ReplaceAll(wire, []byte("198.51.100.9"), []byte("198.51.100.\xff")),
		bytes.ReplaceAll(wire, []byte("spiffe://lab/gateway"), []byte("spiffe://lab/gatewa\xff")),
	}
	for path := range levels(wire) {
		all = append(all,
			rewrite(wire, path, func(b []byte) []byte { return nil }),
			rewrite(wire, path, func(b []byte) []byte { return append(slices.Clone(b), b...) }),
			rewrite(wire, path, func(b []byte) []byte { return append(slices.Clone(b), group(77, 0x0a, 0x01, 0xff)...) }),
			rewrite(wire, path, func(b []byte) []byte { return append(slices.Clone(b), 0xff) }),
			rewrite(wire, path, func(b []byte) []byte {
				return append([]byte{0x08, 0x05, 0x15, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8}, b...)
			}),
			rewrite(wire, path, func(b []byte) []byte { return append(slices.Clone(b), "\x12\x02\xff\xfe"...) }),
			rewrite(wire, path, func(b []byte) []byte {
				return append(slices.Clone(b), "\x0a\x00\x12\x00\x1a\x00\x22\x00\x2a\x00\x32\x00\x6a\x00"...)
			}),
		)
	}
	return all
}

// maxLevels bounds the places of mutation of one message.
const maxLevels = 60

// levels yields paths of indexes to length-delimited fields, that look like
// messages.
func levels(wire []byte) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		left := maxLevels
		walkLevels(wire, nil, func(path []int) bool { left--; return yield(slices.Clone(path)) && left > 0 })
	}
}

func walkLevels(b []byte, path []int, yield func([]int) bool) bool {
	for i := 0; len(b) > 0; i++ {
		tag, start, end := next(alias(b))
		if end == 0 {
			return true
		}
		if protowire.Type(tag&7) == protowire.BytesType {
			here := append(path[:len(path):len(path)], i)
			if !yield(here) || len(path) < 6 && !walkLevels(b[start:end], here, yield) {
				return false
			}
		}
		b = b[end:]
	}
	return true
}

// rewrite changes the value of the field at the path, and the lengths around
// it.
func rewrite(b []byte, path []int, change func([]byte) []byte) []byte {
	if len(path) == 0 {
		return change(b)
	}
	var out []byte
	for i := 0; len(b) > 0; i++ {
		tag, start, end := next(alias(b))
		if end == 0 {
			return append(out, b...)
		}
		if i == path[0] {
			out = protowire.AppendVarint(out, uint64(tag))
			out = protowire.AppendBytes(out, rewrite(b[start:end], path[1:], change))
		} else {
			out = append(out, b[:end]...)
		}
		b = b[end:]
	}
	return out
}
