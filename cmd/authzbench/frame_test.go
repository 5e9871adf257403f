package main

import (
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

// TestFrameSize holds that the load is of the size that is promised.
func TestFrameSize(t *testing.T) {
	load := usual()
	load.Tokens = 2
	w, err := smallWorld(t).traffic(load)
	if err != nil {
		t.Fatal(err)
	}
	request := &authv3.CheckRequest{}
	if err := proto.Unmarshal(w.frames[0], request); err != nil {
		t.Fatal(err)
	}
	if n := len(request.GetAttributes().GetRequest().GetHttp().GetHeaderMap().GetHeaders()); n != 20 {
		t.Errorf("%d headers, want 20", n)
	}
	text, err := bearer(request)
	if err != nil {
		t.Fatal(err)
	}
	about(t, "a token", len(text), tokenSize)
	about(t, "a frame", len(w.frames[0]), frameSize)
	if len(w.frames[0]) != len(w.frames[1]) {
		t.Error("frames differ in length")
	}
}

func about(t *testing.T, what string, got, want int) {
	t.Helper()
	if got < want*95/100 || got > want*105/100 {
		t.Errorf("%s has %d bytes, want about %d", what, got, want)
	}
}

// TestAllows: the load generator takes nothing for consent that Envoy would
// not, and no empty answer either, which Envoy would.
func TestAllows(t *testing.T) {
	ok := fixedAllow()
	failed := fixedAllow()
	failed.Status = &rpcstatus.Status{Code: 7}
	for name, c := range map[string]struct {
		message *authv3.CheckResponse
		want    bool
	}{
		"an allow":                {ok, true},
		"an allow without status": {&authv3.CheckResponse{HttpResponse: ok.GetHttpResponse()}, true},
		"a denial":                {denial(), false},
		"an empty answer":         {&authv3.CheckResponse{}, false},
		"a status alone":          {&authv3.CheckResponse{Status: &rpcstatus.Status{}}, false},
		"an allow with a code":    {failed, false},
	} {
		bytes, err := proto.Marshal(c.message)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&answer{bytes}).allows(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	whole, err := proto.Marshal(ok)
	if err != nil {
		t.Fatal(err)
	}
	if (&answer{whole[:len(whole)-1]}).allows() {
		t.Error("a cut answer is taken for an allow")
	}
}
