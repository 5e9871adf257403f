package envoy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"

	"github.com/claimgate/claimgate/authz"
)

func decodeResponse(t *testing.T, wire []byte) *authv3.CheckResponse {
	t.Helper()
	response := new(authv3.CheckResponse)
	if err := proto.Unmarshal(wire, response); err != nil {
		t.Fatal(err)
	}
	return response
}

// TestP1UsualHeaderIsSayable: what is taken for usual passes the check of any
// header, whatever byte it holds where.
func TestP1UsualHeaderIsSayable(t *testing.T) {
	usual := 0
	try := func(h authz.Header) {
		if !isUsual(h) {
			return
		}
		usual++
		if err := checkRequestHeader(h); err != nil {
			t.Errorf("%q: %q is usual, and yet: %v", h.Name, h.Value, err)
		}
	}
	for c := range 256 {
		for at := range 9 {
			name, value := []byte("x-user-id"), []byte("some val")
			name[at], value[min(at, 7)] = byte(c), byte(c)
			try(authz.Header{Name: string(name), Value: "v"})
			try(authz.Header{Name: "x-user-id", Value: string(value)})
		}
		try(authz.Header{Name: string([]byte{byte(c)}), Value: "v"})
		try(authz.Header{Name: "x-user-id", Value: string([]byte{byte(c)})})
	}
	for _, name := range []string{
		"", "te", "host", "connection", "content-length", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection", "trailer", ":path",
	} {
		try(authz.Header{Name: name, Value: "v"})
	}
	for size := maxHeaderValue - 1; size <= maxHeaderValue+1; size++ {
		try(authz.Header{Name: "x-long", Value: strings.Repeat("v", size)})
	}
	if usual < 1000 {
		t.Errorf("only %d headers are usual", usual)
	}
}

// TestP1SetTwiceIsFound: however many headers are set, one that is there already
// is found, and so is one to remove.
func TestP1SetTwiceIsFound(t *testing.T) {
	var d authz.Decision
	for i := range 200 {
		d.Set = append(d.Set, authz.Header{Name: fmt.Sprintf("x-%d", i), Value: "v"})
		d.Remove = append(d.Remove, fmt.Sprintf("x-%d", i), fmt.Sprintf("y-%d", i))
	}
	d.Verdict, d.Reason = authz.Allow, authz.Allowed
	wire, err := appendAllow(nil, &d)
	if err != nil {
		t.Fatal(err)
	}
	if got := decodeResponse(t, wire).GetOkResponse(); len(got.GetHeaders()) != 200 || len(got.GetHeadersToRemove()) != 200 {
		t.Fatalf("%d set and %d removed", len(got.GetHeaders()), len(got.GetHeadersToRemove()))
	}
	for i := range d.Set[1:] {
		twice := d
		twice.Set = append(append([]authz.Header(nil), d.Set...), d.Set[i])
		if _, err := appendAllow(nil, &twice); !errors.Is(err, errUnsayable) {
			t.Fatalf("%s may be set twice: %v", d.Set[i].Name, err)
		}
	}
}

// TestAllowOfAnySize: an answer is what generated code makes of it at each size
// at which the length of a field takes one byte more.
func TestAllowOfAnySize(t *testing.T) {
	r := newResponder()
	for _, near := range []int{0, 64, 110, 128, 16 << 10} {
		for size := max(1, near-64); size <= min(near+64, maxHeaderValue); size++ {
			d := authz.Decision{
				Verdict: authz.Allow, Reason: authz.Allowed,
				Set:      []authz.Header{{Name: "x-user", Value: strings.Repeat("v", size)}},
				Metadata: []authz.MetadataField{{Name: "sub", Text: strings.Repeat("t", min(size, maxMetadataBytes-3))}},
			}
			wire, err := appendAllow(nil, &d)
			if err != nil {
				t.Fatal(err)
			}
			want, err := r.allow(&d)
			if err != nil {
				t.Fatal(err)
			}
			if n := proto.Size(want); n != len(wire) || !proto.Equal(decodeResponse(t, wire), want) {
				t.Fatalf("a value of %d bytes: %d bytes, generated code makes %d", size, len(wire), n)
			}
		}
	}
}
