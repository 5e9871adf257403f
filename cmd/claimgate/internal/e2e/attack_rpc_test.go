package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// rpc is one call: a message, and what becomes of its bytes.
type rpc struct {
	*authv3.CheckRequest
	encoded func([]byte) []byte
}

// verdict is what a call was answered with.
type verdict struct {
	allowed bool
	status  int
	reason  string
	message *authv3.CheckResponse
}

// quotes reports whether a refusal holds a part of the token.
func (v *verdict) quotes(token string) bool {
	if v.allowed {
		return false
	}
	text := v.message.String()
	for part := range strings.SplitSeq(token, ".") {
		if len(part) >= 16 && strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// ask calls Check with raw bytes and reads the raw answer. A gRPC error and an
// empty answer, both of which can open a door, fail the test, and so do codecs
// that differ.
func (a *arena) ask(t *testing.T, call *rpc) verdict {
	t.Helper()
	own, generated := askVia(t, a.connection, call), askVia(t, a.generated, call)
	if own.allowed != generated.allowed || own.status != generated.status || own.reason != generated.reason {
		t.Errorf("the codecs differ: own %d %s, generated %d %s", own.status, own.reason, generated.status, generated.reason)
	}
	if x, y := undated(own.message), undated(generated.message); !proto.Equal(x, y) {
		t.Errorf("the codecs differ:\n%v\n%v", x, y)
	}
	return own
}

// undated returns the answer without the decision's id, and with its lists in
// an order: that of removals follows the headers, which a map does not order.
func undated(message *authv3.CheckResponse) *authv3.CheckResponse {
	message = proto.Clone(message).(*authv3.CheckResponse)
	for _, options := range [][]*corev3.HeaderValueOption{
		message.GetOkResponse().GetResponseHeadersToAdd(), message.GetDeniedResponse().GetHeaders(),
	} {
		for _, option := range options {
			if option.GetHeader().GetKey() == "x-decision-id" {
				option.Header.Value = ""
			}
		}
	}
	slices.Sort(message.GetOkResponse().GetHeadersToRemove())
	delete(message.GetDynamicMetadata().GetFields()["claimgate"].GetStructValue().GetFields(), "decision_id")
	return message
}

func askVia(t *testing.T, connection *grpc.ClientConn, call *rpc) verdict {
	t.Helper()
	request, err := proto.Marshal(call.CheckRequest)
	if err != nil {
		t.Fatal(err)
	}
	if call.encoded != nil {
		request = call.encoded(request)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var response []byte
	err = connection.Invoke(ctx, authv3.Authorization_Check_FullMethodName, &request, &response, grpc.ForceCodecV2(bytesCodec{}))
	if err != nil {
		t.Fatalf("a gRPC error: %v", err)
	}
	if len(response) == 0 {
		t.Fatal("an empty answer")
	}
	message := &authv3.CheckResponse{}
	if err := proto.Unmarshal(response, message); err != nil {
		t.Fatal(err)
	}
	return read(t, message)
}

// read judges an answer as Envoy does, and fails the test for one that says
// two things.
func read(t *testing.T, message *authv3.CheckResponse) verdict {
	t.Helper()
	denied := message.GetDeniedResponse()
	v := verdict{message: message, allowed: message.GetStatus().GetCode() == 0}
	v.reason = message.GetDynamicMetadata().GetFields()["claimgate"].GetStructValue().GetFields()["reason"].GetStringValue()
	switch {
	case message.GetErrorResponse() != nil:
		t.Fatal("an error response")
	case message.GetStatus() == nil:
		t.Fatal("no status, which is an allow")
	case v.allowed != (message.GetOkResponse() != nil) || v.allowed == (denied != nil):
		t.Fatalf("code %d with another part: %v", message.GetStatus().GetCode(), message)
	}
	v.status = http.StatusOK
	if !v.allowed {
		v.status = int(denied.GetStatus().GetCode())
	}
	return v
}

// bytesCodec sends and receives messages as they are.
type bytesCodec struct{}

var _ encoding.CodecV2 = bytesCodec{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	bytes, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("no bytes but %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*bytes)}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	bytes, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("no bytes but %T", v)
	}
	*bytes = data.Materialize()
	return nil
}
