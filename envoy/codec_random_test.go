package envoy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
)

// drawMessage fills any field of a message, by its descriptor.
func drawMessage(t *rapid.T, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !rapid.Bool().Draw(t, string(fd.Name())) || depth == 0 && fd.Message() != nil {
			continue
		}
		switch {
		case fd.IsMap():
			for range rapid.IntRange(0, 3).Draw(t, "entries") {
				value := m.Mutable(fd).Map().NewValue()
				if fd.MapValue().Message() != nil {
					drawMessage(t, value.Message(), depth-1)
				} else {
					value = drawScalar(t, fd.MapValue())
				}
				m.Mutable(fd).Map().Set(drawScalar(t, fd.MapKey()).MapKey(), value)
			}
		case fd.IsList():
			for range rapid.IntRange(0, 3).Draw(t, "items") {
				list := m.Mutable(fd).List()
				if fd.Message() != nil {
					drawMessage(t, list.AppendMutable().Message(), depth-1)
				} else {
					list.Append(drawScalar(t, fd))
				}
			}
		case fd.Message() != nil:
			drawMessage(t, m.Mutable(fd).Message(), depth-1)
		default:
			m.Set(fd, drawScalar(t, fd))
		}
	}
}

func drawScalar(t *rapid.T, fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(drawText(t))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(drawText(t)))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "bool"))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.Int32Range(-1, 3).Draw(t, "enum")))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, "int32"))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, "int64"))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, "uint32"))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.Float64().Draw(t, "double"))
	default:
		panic("a kind that no CheckRequest had: " + fd.Kind().String())
	}
}

func drawText(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{":method", ":path", ":authority", ":scheme", "GET", "/a", "/a?b", "h.test", "https", "x-a", "X-A", "content-type", "application/grpc", "10.0.0.1", "upgrade", "websocket", "host"}),
		rapid.String(),
	).Draw(t, "text")
}

// drawRequest is a request that is nearly one, or anything.
func drawRequest(t *rapid.T) *authv3.CheckRequest {
	msg := &authv3.CheckRequest{}
	switch rapid.IntRange(0, 2).Draw(t, "base") {
	case 0:
		msg = plain().with("x-b", drawText(t)).raw()
	case 1:
		msg = plain().with("x-b", sanitised(drawText(t))).mapped()
	}
	drawn := &authv3.CheckRequest{}
	drawMessage(t, drawn.ProtoReflect(), 6)
	proto.Merge(msg, drawn)
	return msg
}

// TestAnyRequest holds both codecs to each other on requests with any field
// filled, cut into buffers anywhere.
func TestAnyRequest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		wire, err := proto.Marshal(drawRequest(rt))
		if err != nil {
			rt.Skip("no text")
		}
		compareCodecs(t, wire, uint16(rapid.IntRange(0, len(wire)).Draw(rt, "cut")))
	})
}

// TestNothingSurvives holds an exchange that served other requests to one that
// served none.
func TestNothingSurvives(t *testing.T) {
	w := newWireServer(NewServer(ServerOptions{Decider: echo{}}), true)
	used := w.exchange()
	rapid.Check(t, func(rt *rapid.T) {
		wire, err := proto.Marshal(drawRequest(rt))
		if err != nil {
			rt.Skip("no text")
		}
		if rapid.IntRange(0, 4).Draw(rt, "spoil") == 0 {
			wire = append(wire, 0xff)
		}
		data := pooled(wire)
		used.receive(data)
		data.Free()
		used.read(&used.request)
		fresh, ok := readOwn(slices.Clone(wire))
		if diff := difference(fresh, &used.request); diff != "" || ok != used.decoded {
			rt.Fatalf("something survived: %s", diff)
		}
		used.home.decider.DecideInto(t.Context(), &used.request, &used.decision)
		used.fault = errUnsayable
		used.clear()
		if left := fmt.Sprintf("%#v%#v%#v", used.request, used.message, used.decision); left != fmt.Sprintf("%#v%#v%#v", authz.Request{}, emptyMessageOf(used), authz.Decision{}) {
			rt.Fatalf("left behind: %s", left)
		}
		if used.held != nil || used.decoder != (decoder{message: &used.message, types: used.home.types}) || used.fault != nil || used.decoded {
			rt.Fatal("left behind")
		}
		for _, line := range used.message.lines[:cap(used.message.lines)] {
			if line != (authz.Header{}) {
				rt.Fatalf("a header was left behind: %q", line)
			}
		}
	})
}

func emptyMessageOf(e *exchange) message {
	return message{context: map[string]string{}, lines: e.message.lines[:0]}
}

// TestSecondMessage: a client that sends two messages gets the transport's
// error, and neither is kept.
func TestSecondMessage(t *testing.T) {
	w := newWireServer(NewServer(ServerOptions{Decider: always(allow)}), true)
	e := w.exchange()
	for _, target := range []string{"/one", "/two"} {
		s := plain()
		s.target = target
		data := pooled(encoded(t, s.raw()))
		e.receive(data)
		data.Free()
	}
	e.read(&e.request)
	if e.request.Path.Canonical != "/two" || len(e.request.Headers.Lines) != 0 || e.message.rawCount != 4 {
		t.Errorf("%+v of %+v", e.request, e.message)
	}
}

// TestEachAnswerIsItsOwn calls one service from many goroutines. Each request
// has data of its own, which its answer must repeat and no other.
func TestEachAnswerIsItsOwn(t *testing.T) { inBothCodecs(t, testEachAnswerIsItsOwn) }

func testEachAnswerIsItsOwn(t *testing.T, m mode) {
	repeat := deciderFunc(func(_ context.Context, req *authz.Request) authz.Decision {
		d := allow
		credential, _ := req.Headers.Get("authorization")
		d.Tenant, d.Set = req.Context["tenant"], []authz.Header{{Name: "x-token", Value: credential}, {Name: "x-path", Value: req.Path.Canonical}}
		d.ResponseHeaders = []authz.Header{{Name: "x-host", Value: req.Host}}
		d.Metadata = []authz.MetadataField{{Name: "tenant", Text: req.Context["tenant"]}, {Name: "principal", Text: req.Principal}}
		if strings.HasSuffix(req.Path.Canonical, "7") {
			d.Verdict, d.Reason = authz.Deny, authz.PolicyDenied
		}
		return d
	})
	conn := serve(t, m.service(NewServer(ServerOptions{Decider: repeat}), ServiceOptions{}))
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 60 {
				if err := ownData(t, conn, fmt.Sprintf("%d-%d", worker, i), i%2 == 0); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func ownData(t *testing.T, conn *grpc.ClientConn, id string, raw bool) error {
	padding := strings.Repeat(id+".", 1+len(id)*60)
	s := plain().with("authorization", "Bearer "+padding).with("x-padding", padding)
	s.target, s.host = "/orders/"+id, "h-"+id+".test"
	msg := s.mapped()
	if raw {
		msg = s.raw()
	}
	msg.Attributes.ContextExtensions = map[string]string{"tenant": "tenant-" + id}
	msg.Attributes.Source.Principal = "spiffe://lab/" + id
	wire, err := callRaw(t.Context(), conn, encoded(t, msg))
	if err != nil {
		return err
	}
	response := &authv3.CheckResponse{}
	if err := proto.Unmarshal(wire, response); err != nil {
		return err
	}
	said := response.GetDynamicMetadata().GetFields()["claimgate"].GetStructValue().GetFields()
	if said["tenant"].GetStringValue() != "tenant-"+id || said["principal"].GetStringValue() != "spiffe://lab/"+id {
		return fmt.Errorf("%s got the metadata %v", id, said)
	}
	out := envoyReads(t, response, nil)
	if strings.HasSuffix(id, "7") {
		if host := values(out.client, "x-host"); out.verdict != envoyDenies || len(host) != 1 || host[0] != s.host {
			return fmt.Errorf("%s got %+v", id, out)
		}
		return nil
	}
	want := []authz.Header{{Name: "x-token", Value: "Bearer " + padding}, {Name: "x-path", Value: s.target}}
	if out.verdict != envoyAllows || !slices.Equal(out.upstream, want) || !slices.Equal(out.back, []authz.Header{{Name: "x-host", Value: s.host}}) {
		return fmt.Errorf("%s got %+v", id, out)
	}
	return nil
}
