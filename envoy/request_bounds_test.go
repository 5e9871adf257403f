package envoy

import (
	"fmt"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/claimgate/claimgate/authz"
)

// rawLines is a request whose header_map holds these lines alone, two texts
// each.
func rawLines(lines ...string) *authv3.CheckRequest {
	msg := plain().message()
	headers := &corev3.HeaderMap{}
	for i := 0; i < len(lines); i += 2 {
		headers.Headers = append(headers.Headers, &corev3.HeaderValue{Key: lines[i], RawValue: []byte(lines[i+1])})
	}
	msg.Attributes.Request.Http.HeaderMap = headers
	return msg
}

// TestOneHeaderIsEnough holds what a request with but one line, or one too many,
// is read as.
func TestOneHeaderIsEnough(t *testing.T) {
	if req := read(rawLines("x", "1")); req.Fault != authz.NoFault || req.Headers.Joined || len(req.Headers.Lines) != 1 || req.Headers.Lines[0] != (authz.Header{Name: "x", Value: "1"}) {
		t.Errorf("one raw line: %+v", req)
	}
	both := rawLines("x", "1")
	both.Attributes.Request.Http.Headers = map[string]string{"y": "2"}
	if req := read(both); req.Fault != authz.RequestInvalid {
		t.Errorf("one line in each encoding: %v", req.Fault)
	}
	lines := func(n int) []string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprint("x-", i), "1")
		}
		return list
	}
	for n, want := range map[int]authz.Reason{maxHeaderLines: authz.NoFault, maxHeaderLines + 1: authz.RequestInvalid} { // no pseudo header stands beside them
		if req := read(rawLines(lines(n)...)); req.Fault != want {
			t.Errorf("%d lines: %v", n, req.Fault)
		}
	}
	for n, want := range map[int]authz.Reason{maxHeaderBytes - 1: authz.NoFault, maxHeaderBytes: authz.RequestInvalid, maxHeaderBytes + 1: authz.RequestInvalid} {
		if req := read(rawLines("x", strings.Repeat("a", n))); req.Fault != want {
			t.Errorf("a value of %d bytes: %v", n, req.Fault)
		}
	}
	same := rawLines("x", "1")
	same.Attributes.Request.Http.HeaderMap.Headers[0].Value = "1"
	if req := read(same); req.Fault != authz.NoFault {
		t.Errorf("a value that is its bytes: %v", req.Fault)
	}
	path := rawLines(":path", "/orders/!1")
	path.Attributes.Request.Http.Path = "/orders/!1"
	if req := read(path); req.Fault != authz.NoFault || req.Path.Canonical != "/orders/!1" {
		t.Errorf("the bytes of the path alone: %v, %+v", req.Fault, req.Path)
	}
	first := plain()
	first.target = "\xff/orders"
	if req := read(first.mapped()); req.Fault != authz.PathNotCanonical {
		t.Errorf("a masked byte in front: %v", req.Fault)
	}
	for n, want := range map[int]authz.Reason{maxPrincipal: authz.NoFault, maxPrincipal + 1: authz.RequestInvalid} {
		msg := plain().raw()
		msg.Attributes.Source.Principal = strings.Repeat("p", n)
		if req := read(msg); req.Fault != want {
			t.Errorf("a principal of %d bytes: %v", n, req.Fault)
		}
	}
}

// TestNothingOddIsForgotten: a name or a value that has to be looked at again is
// so whatever comes behind it, beyond ASCII or not.
func TestNothingOddIsForgotten(t *testing.T) {
	behind := []string{"1", "\u00e9", "a\tb", "\u00e9\u00e8"}
	for _, last := range behind {
		s := plain().with("X-Odd", "1").with("x-last", last)
		for encoding, msg := range s.encodings() {
			req := read(msg)
			if _, n := req.Headers.Get("x-odd"); req.Fault != authz.NoFault || n != 1 {
				t.Errorf("%s, a name before %q: %v, %q", encoding, last, req.Fault, req.Headers.Lines)
			}
		}
		for _, odd := range []authz.Header{{Name: "x odd", Value: "1"}, {Name: "x-odd", Value: "a\nb"}, {Name: "x-odd", Value: "\u00e9\x00"}} {
			for encoding, msg := range plain().with(odd.Name, odd.Value).with("x-last", last).encodings() {
				if req := read(msg); req.Fault != authz.RequestInvalid {
					t.Errorf("%s, %q before %q: %v", encoding, odd, last, req.Fault)
				}
			}
		}
	}
}

func TestPseudoHeadersThatAreNone(t *testing.T) {
	for _, name := range []string{":status", ":protocol", ":", ":Path", ":path ", "::path"} {
		if req := read(rawLines(name, "/orders/1?x=2")); req.Fault != authz.RequestInvalid {
			t.Errorf("%q: %v", name, req.Fault)
		}
	}
	for host, want := range map[string]authz.Reason{"api.example.com": authz.NoFault, "API.example.com": authz.RequestInvalid, "": authz.RequestInvalid} {
		if req := read(plain().with("host", host).raw()); req.Fault != want {
			t.Errorf("a host line %q beside :authority: %v", host, req.Fault)
		}
	}
	masked := plain()
	masked.target, masked.host = "/a!", "a,b"
	if req := read(masked.mapped()); req.Fault != authz.HostInvalid {
		t.Errorf("an invalid host beside a masked path: %v", req.Fault)
	}
}

// TestUpgradesOfHiddenHeaders: where the proxy hides headers, an upgrade that
// connection names is one whose protocol is not known.
func TestUpgradesOfHiddenHeaders(t *testing.T) {
	for _, tt := range []struct {
		lines    []string
		filtered bool
		want     string
	}{
		{[]string{"connection", "upgrade"}, true, unnamedUpgrade}, {[]string{"connection", "close, UPGRADE"}, true, unnamedUpgrade}, {[]string{"connection", "upgrade"}, false, ""},
		{[]string{"connection", "close"}, true, ""}, {[]string{"connection", "upgraded"}, true, ""}, {[]string{"connection", ""}, true, ""}, {nil, true, ""},
		{[]string{"connection", "upgrade", "connection", "close"}, true, unnamedUpgrade}, {[]string{"upgrade", ""}, false, unnamedUpgrade}, {[]string{"upgrade", "WebSocket"}, false, "websocket"},
		{[]string{"upgrade", "a", "upgrade", "b"}, false, "a,b"}, {[]string{"x", "upgrade"}, true, ""},
	} {
		var lines []authz.Header
		for i := 0; i < len(tt.lines); i += 2 {
			lines = append(lines, authz.Header{Name: tt.lines[i], Value: tt.lines[i+1]})
		}
		if got := upgradeOf(lines, tt.filtered); got != tt.want {
			t.Errorf("%q, filtered %v: %q, want %q", tt.lines, tt.filtered, got, tt.want)
		}
	}
}

func TestWhoIsAGRPCClient(t *testing.T) {
	for kind, want := range map[string]bool{
		"application/grpc": true, "application/grpc+proto": true, "application/grpc-web": false, "application/grpcx": false, "text/plain": false, "": false, "+proto": false, "x": false,
	} {
		if got := isGRPC([]authz.Header{{Name: "content-type", Value: kind}}); got != want {
			t.Errorf("%q: %v", kind, got)
		}
	}
	if isGRPC(nil) || isGRPC([]authz.Header{{Name: "accept", Value: "application/grpc"}}) {
		t.Error("a client without a content type is one")
	}
}

// TestOnlyBothSayAllow: a verdict that its reason does not admit is no allow, nor
// a reason that admits without the verdict.
func TestOnlyBothSayAllow(t *testing.T) {
	for reason := range authz.Reason(200) {
		for _, verdict := range []authz.Verdict{authz.Deny, authz.Allow, authz.Challenge, authz.Unavailable} {
			if got := allows(&authz.Decision{Verdict: verdict, Reason: reason}); got != (verdict == authz.Allow && reason.Verdict() == authz.Allow) {
				t.Errorf("%v with %v: %v", verdict, reason, got)
			}
		}
	}
}
