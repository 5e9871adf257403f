package envoy

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/claimgate/claimgate/authz"
)

func TestRequest(t *testing.T) {
	for encoding, msg := range plain().with("x-a", "1").with("authorization", "Bearer t").encodings() {
		req := read(msg)
		if req.Fault != authz.NoFault || req.Method != "GET" || req.Path.Canonical != "/orders/1" || req.Host != "api.example.com" || req.Scheme != "https" {
			t.Errorf("%s: %+v", encoding, req)
		}
		if req.Filtered || req.Upgrade != "" || req.Context["tenant"] != "acme" || req.RemoteIP != netip.MustParseAddr("203.0.113.7") {
			t.Errorf("%s: %+v", encoding, req)
		}
		if req.Query != "x=2" || req.Principal != "spiffe://lab/client" {
			t.Errorf("%s: query %q, principal %q", encoding, req.Query, req.Principal)
		}
		if len(req.Headers.Lines) != 2 || req.Headers.Joined != (encoding == "map") {
			t.Errorf("%s: headers %+v", encoding, req.Headers)
		}
		for _, want := range []authz.Header{{Name: "x-a", Value: "1"}, {Name: "authorization", Value: "Bearer t"}} {
			if !slices.Contains(req.Headers.Lines, want) {
				t.Errorf("%s: no %+v in %+v", encoding, want, req.Headers.Lines)
			}
		}
	}
}

// TestTargets: targets that Envoy passes on, in both encodings.
func TestTargets(t *testing.T) {
	const odd, clean = true, false
	for _, tc := range []struct {
		target, canonical string
		odd               bool
		fault             authz.Reason
	}{
		{"/", "/", clean, authz.NoFault},
		{"/a?b=2&a=1", "/a", clean, authz.NoFault},
		{"/a?x=/../b?c", "/a", clean, authz.NoFault},
		{"/a%3Fb", "/a%3Fb", clean, authz.NoFault},
		{"/%61dmin", "/admin", clean, authz.NoFault},
		{"/A", "/A", clean, authz.NoFault},
		{"/a?\xff", "/a", clean, authz.NoFault},
		{"/a?b!", "/a", clean, authz.NoFault},
		{"//a", "//a", odd, authz.NoFault},
		{"//evil.example/admin?x", "//evil.example/admin", odd, authz.NoFault},
		{"/a/../b", "/a/../b", odd, authz.NoFault},
		{"/a/%2e%2e/b", "/a/../b", odd, authz.NoFault},
		{"/a/..;x/b", "/a/..;x/b", odd, authz.NoFault},
		{"/a%2fb", "/a%2Fb", odd, authz.NoFault},
		{`/a\b`, `/a\b`, odd, authz.NoFault},
		{"/a%zz", "/a%zz", odd, authz.NoFault},
		{"/a%00", "/a%00", odd, authz.NoFault},
		{"/a;v=1/b", "/a;v=1/b", odd, authz.NoFault},
		{"/a#f", "/a#f", odd, authz.NoFault},
		{"http://other.test/abs", "http://other.test/abs", odd, authz.NoFault},
		{"*", "*", odd, authz.NoFault},
		{"", "", clean, authz.RequestInvalid},
		{"?x=1", "", clean, authz.RequestInvalid},
		{"/a\r\nx", "", clean, authz.RequestInvalid},
		{"/a?" + strings.Repeat("a", maxTargetBytes), "", clean, authz.RequestInvalid},
	} {
		s := plain()
		s.target = tc.target
		for encoding, msg := range s.encodings() {
			req := read(msg)
			if req.Fault != tc.fault || req.Path.Canonical != tc.canonical || (req.Path.Oddities != 0) != tc.odd {
				t.Errorf("%s %.40q: fault %v, path %+v", encoding, tc.target, req.Fault, req.Path)
			}
		}
	}
}

// TestMaskedBytes: HTTP/2 carries any byte to the upstream, but Envoy shows us
// `!` for what is no UTF-8, unless it sends raw headers.
func TestMaskedBytes(t *testing.T) {
	overlong := plain()
	overlong.target = "/public/\xc0\xae\xc0\xae\xc0\xafadmin"
	mapped, raw := read(overlong.mapped()), read(overlong.raw())
	if mapped.Fault != authz.PathNotCanonical {
		t.Errorf("map: fault %v", mapped.Fault)
	}
	if raw.Fault != authz.NoFault || raw.Path.Oddities&authz.PathNonASCII == 0 {
		t.Errorf("raw: fault %v, %+v", raw.Fault, raw.Path)
	}
	bang := plain()
	bang.target = "/rooms/!abc"
	mapped, raw = read(bang.mapped()), read(bang.raw())
	if mapped.Fault != authz.PathNotCanonical || raw.Fault != authz.NoFault || raw.Path.Canonical != "/rooms/!abc" {
		t.Errorf("map: fault %v; raw: fault %v, path %+v", mapped.Fault, raw.Fault, raw.Path)
	}
	filtered := bang.raw()
	headers := filtered.Attributes.Request.Http.HeaderMap
	headers.Headers = slices.DeleteFunc(headers.Headers, func(h *corev3.HeaderValue) bool { return h.Key == ":path" })
	if req := read(filtered); req.Fault != authz.PathNotCanonical || !req.Filtered {
		t.Errorf("raw without :path: fault %v, filtered %v", req.Fault, req.Filtered)
	}
}

func TestHosts(t *testing.T) {
	for host, want := range map[string]string{
		"h.test": "h.test", "H.Test": "h.test", "h.test:8080": "h.test", "h.test.": "h.test", "h.test.:8080": "h.test",
		"[::1]:80": "[::1]", "h_test": "h_test",
		"": "", "x,y": "", "h.test,other.test": "", "a@b": "", "h test": "", "h.test/x": "", "h\xe9.test": "", "é.test": "",
		"h%2etest": "", "..": "", strings.Repeat("a", maxHostBytes+1): "",
	} {
		s := plain()
		s.host = host
		for encoding, msg := range s.encodings() {
			req := read(msg)
			fault := authz.NoFault
			if want == "" {
				fault = authz.HostInvalid
			}
			if req.Host != want || req.Fault != fault {
				t.Errorf("%s %.40q: host %q, fault %v; want %q, %v", encoding, host, req.Host, req.Fault, want, fault)
			}
		}
	}
}

func TestMethods(t *testing.T) {
	for method, fault := range map[string]authz.Reason{
		"GET": authz.NoFault, "get": authz.NoFault, "QUERY": authz.NoFault, "FOO": authz.NoFault, "M-SEARCH": authz.NoFault,
		"": authz.RequestInvalid, "CONNECT": authz.RequestInvalid, "G T": authz.RequestInvalid, "GET\x00": authz.RequestInvalid,
		"é": authz.RequestInvalid, strings.Repeat("A", maxMethodBytes+1): authz.RequestInvalid,
	} {
		s := plain()
		s.method = method
		for encoding, msg := range s.encodings() {
			if req := read(msg); req.Fault != fault {
				t.Errorf("%s %.40q: fault %v, want %v", encoding, method, req.Fault, fault)
			}
		}
	}
}

func TestRepeatedHeaders(t *testing.T) {
	s := plain().with("x-t", "1").with("x-t", "2").with("x-t", "")
	mapped, raw := read(s.mapped()), read(s.raw())
	if got := mapped.Headers.Lines; len(got) != 1 || got[0].Value != "1,2," || !mapped.Headers.Joined {
		t.Errorf("map: %+v", mapped.Headers)
	}
	want := []authz.Header{{Name: "x-t", Value: "1"}, {Name: "x-t", Value: "2"}, {Name: "x-t", Value: ""}}
	if !slices.Equal(raw.Headers.Lines, want) || raw.Headers.Joined {
		t.Errorf("raw: %+v", raw.Headers)
	}
}

func TestRawBytesAreKept(t *testing.T) {
	s := plain().with("x-t", "\xff\xe9").with("x-u", " a ").with("x-v", "a\tb")
	req := read(s.raw())
	for _, want := range []authz.Header{{Name: "x-t", Value: "\xff\xe9"}, {Name: "x-u", Value: " a "}, {Name: "x-v", Value: "a\tb"}} {
		if req.Fault != authz.NoFault || !slices.Contains(req.Headers.Lines, want) {
			t.Errorf("fault %v, no %+v in %+v", req.Fault, want, req.Headers.Lines)
		}
	}
}

// TestAmbiguity: two ways to read a request are a refusal.
func TestAmbiguity(t *testing.T) {
	type edit = func(http *authv3.AttributeContext_HttpRequest)
	rawLine := func(name, value string) edit {
		return func(http *authv3.AttributeContext_HttpRequest) {
			http.HeaderMap.Headers = append(http.HeaderMap.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
		}
	}
	mapLine := func(name, value string) edit {
		return func(http *authv3.AttributeContext_HttpRequest) {
			http.HeaderMap, http.Headers = nil, plain().mapped().Attributes.Request.Http.Headers
			http.Headers[name] = value
		}
	}
	for name, tc := range map[string]edit{
		"both encodings":     func(http *authv3.AttributeContext_HttpRequest) { http.Headers = map[string]string{"x": "y"} },
		"two paths":          rawLine(":path", "/orders/1?x=2"),
		"two methods":        rawLine(":method", "GET"),
		"two authorities":    rawLine(":authority", "api.example.com"),
		"two schemes":        rawLine(":scheme", "https"),
		"unknown pseudo":     rawLine(":protocol", "websocket"),
		"other host line":    rawLine("host", "evil.example"),
		"empty name":         rawLine("", "x"),
		"space in name":      rawLine("x y", "x"),
		"line in value":      rawLine("x-y", "a\nb"),
		"NUL in value":       rawLine("x-y", "a\x00b"),
		"too long":           rawLine("x-y", strings.Repeat("a", maxHeaderBytes)),
		"path field":         func(http *authv3.AttributeContext_HttpRequest) { http.Path = "/admin" },
		"path field masked":  func(http *authv3.AttributeContext_HttpRequest) { http.Path = "/orders/!?x=2" },
		"path field empty":   func(http *authv3.AttributeContext_HttpRequest) { http.Path = "" },
		"host field":         func(http *authv3.AttributeContext_HttpRequest) { http.Host = "evil.example" },
		"host field case":    func(http *authv3.AttributeContext_HttpRequest) { http.Host = "API.example.com" },
		"method field":       func(http *authv3.AttributeContext_HttpRequest) { http.Method = "POST" },
		"scheme field":       func(http *authv3.AttributeContext_HttpRequest) { http.Scheme = "http" },
		"value and raw":      func(http *authv3.AttributeContext_HttpRequest) { http.HeaderMap.Headers[1].Value = "/admin" },
		"mapped path":        mapLine(":path", "/admin"),
		"mapped authority":   mapLine(":authority", "evil"),
		"mapped method":      mapLine(":method", "POST"),
		"mapped host line":   mapLine("host", "evil"),
		"mapped odd name":    mapLine("x\x00", "a"),
		"mapped empty path":  mapLine(":path", ""),
		"upper case pseudo":  rawLine(":PATH", "/admin"),
		"mapped case pseudo": mapLine(":Path", "/admin"),
	} {
		msg := plain().raw()
		tc(msg.Attributes.Request.Http)
		if req := read(msg); req.Fault != authz.RequestInvalid {
			t.Errorf("%s: fault %v, want %v", name, req.Fault, authz.RequestInvalid)
		}
	}
}

func TestAmbiguityOfUnreadableBytes(t *testing.T) {
	msg := plain().raw()
	http := msg.Attributes.Request.Http
	http.HeaderMap.Headers[1].RawValue = []byte("/a\xe9?b=\xff")
	for shown, fault := range map[string]authz.Reason{
		"/a!?b=!": authz.NoFault, "/b!?b=!": authz.RequestInvalid, "/a!?b=": authz.RequestInvalid, "/aé?b=!": authz.RequestInvalid,
	} {
		if http.Path = shown; read(msg).Fault != fault {
			t.Errorf("%q: fault %v, want %v", shown, read(msg).Fault, fault)
		}
	}
}

func TestTooManyHeaders(t *testing.T) {
	for lines, fault := range map[int]authz.Reason{maxHeaderLines: authz.NoFault, maxHeaderLines + 1: authz.RequestInvalid, 10 * maxHeaderLines: authz.RequestInvalid} {
		s := plain()
		for i := range lines {
			s.headers = append(s.headers, authz.Header{Name: fmt.Sprint("x-", i), Value: "1"})
		}
		for encoding, msg := range s.encodings() {
			if req := read(msg); req.Fault != fault {
				t.Errorf("%s, %d lines: fault %v, want %v", encoding, lines, req.Fault, fault)
			}
		}
	}
	msg := plain().raw()
	for i := range maxContextPairs + 1 {
		msg.Attributes.ContextExtensions[fmt.Sprint(i)] = ""
	}
	if req := read(msg); req.Fault != authz.RequestInvalid {
		t.Errorf("context extensions: fault %v", req.Fault)
	}
}

func TestNamesAreLowerCased(t *testing.T) {
	s := plain().with("Authorization", "a").with("X-User_Id", "b")
	for encoding, msg := range s.encodings() {
		names := map[string]bool{}
		for _, line := range read(msg).Headers.Lines {
			names[line.Name] = true
		}
		if !maps.Equal(names, map[string]bool{"authorization": true, "x-user_id": true}) {
			t.Errorf("%s: %v", encoding, names)
		}
	}
}

func TestFiltered(t *testing.T) {
	for _, hidden := range []string{":path", ":method", ":authority"} {
		mapped := plain().mapped()
		delete(mapped.Attributes.Request.Http.Headers, hidden)
		raw := plain().raw()
		headers := raw.Attributes.Request.Http.HeaderMap
		headers.Headers = slices.DeleteFunc(headers.Headers, func(h *corev3.HeaderValue) bool { return h.Key == hidden })
		for encoding, msg := range map[string]*authv3.CheckRequest{"map": mapped, "raw": raw} {
			req := read(msg)
			if !req.Filtered || req.Fault != authz.NoFault || req.Path.Canonical != "/orders/1" || req.Host != "api.example.com" || req.Method != "GET" {
				t.Errorf("%s without %s: %+v", encoding, hidden, req)
			}
		}
	}
	if req := read(plain().message()); !req.Filtered || req.Fault != authz.NoFault {
		t.Errorf("no headers at all: %+v", req)
	}
}

func TestUpgrades(t *testing.T) {
	for _, tc := range []struct{ connection, upgrade, want string }{
		{"", "", ""},
		{"keep-alive", "", ""},
		{"Upgrade", "WebSocket", "websocket"},
		{"keep-alive, Upgrade", "websocket", "websocket"},
		{"", "websocket", "websocket"},
		{"close", "h2c", "h2c"},
		{"upgrade", "", ""},
		{"upgrade", "websocket, h2c", "websocket, h2c"},
		{"not-upgrade", "", ""},
	} {
		s := plain()
		if tc.connection != "" {
			s = s.with("connection", tc.connection)
		}
		if tc.upgrade != "" {
			s = s.with("upgrade", tc.upgrade)
		}
		for encoding, msg := range s.encodings() {
			if got := read(msg).Upgrade; got != tc.want {
				t.Errorf("%s %+v: %q", encoding, tc, got)
			}
		}
	}
	two := plain().with("upgrade", "websocket").with("upgrade", "h2c")
	for encoding, msg := range two.encodings() {
		if got := read(msg).Upgrade; got != "websocket,h2c" {
			t.Errorf("%s, two lines: %q", encoding, got)
		}
	}
	hidden := plain().with("connection", "keep-alive, Upgrade").mapped()
	delete(hidden.Attributes.Request.Http.Headers, ":path")
	if got := read(hidden).Upgrade; got != unnamedUpgrade {
		t.Errorf("the protocol is hidden: %q", got)
	}
	empty := plain().with("upgrade", "")
	for encoding, msg := range empty.encodings() {
		if got := read(msg).Upgrade; got != unnamedUpgrade {
			t.Errorf("%s, empty: %q", encoding, got)
		}
	}
}

func TestRemoteIP(t *testing.T) {
	for text, want := range map[string]netip.Addr{
		"192.0.2.1":        netip.MustParseAddr("192.0.2.1"),
		"::1":              netip.MustParseAddr("::1"),
		"::ffff:192.0.2.1": netip.MustParseAddr("192.0.2.1"),
		"fe80::1%eth0":     netip.MustParseAddr("fe80::1"),
		"":                 {}, "localhost": {}, "192.0.2.1:80": {},
	} {
		msg := plain().raw()
		msg.Attributes.Source.Address.GetSocketAddress().Address = text
		if req := read(msg); req.RemoteIP != want || req.Fault != authz.NoFault {
			t.Errorf("%q: %v, fault %v", text, req.RemoteIP, req.Fault)
		}
	}
	pipe := plain().raw()
	pipe.Attributes.Source.Address = &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: "/x"}}}
	if req := read(pipe); req.RemoteIP.IsValid() || req.Fault != authz.NoFault {
		t.Errorf("pipe: %v, fault %v", req.RemoteIP, req.Fault)
	}
}

// TestValueWithoutRaw: callers that fill only `value` are understood.
func TestValueWithoutRaw(t *testing.T) {
	msg := plain().with("x-a", "1").raw()
	for _, h := range msg.Attributes.Request.Http.HeaderMap.Headers {
		h.Value, h.RawValue = string(h.RawValue), nil
	}
	req := read(msg)
	if req.Fault != authz.NoFault || len(req.Headers.Lines) != 1 || req.Headers.Lines[0].Value != "1" || req.Path.Canonical != "/orders/1" {
		t.Errorf("%+v", req)
	}
}

// TestQueryIsWhatFollowsTheFirstMark: nothing of it is decoded, and nothing of
// it gets into the path.
func TestQueryIsWhatFollowsTheFirstMark(t *testing.T) {
	for target, want := range map[string]string{
		"/a": "", "/a?": "", "/a?b=%2F&c": "b=%2F&c", "/a?b?c": "b?c", "/a%3Fb?c=d": "c=d", "/a?access%5ftoken=T": "access%5ftoken=T",
	} {
		s := plain()
		s.target = target
		for encoding, msg := range s.encodings() {
			if req := read(msg); req.Query != want || req.Fault != authz.NoFault || strings.Contains(req.Path.Canonical, "?") {
				t.Errorf("%s %s: query %q of path %q, want %q", encoding, target, req.Query, req.Path.Canonical, want)
			}
		}
	}
}

func TestPrincipalIsBounded(t *testing.T) {
	msg := plain().raw()
	msg.Attributes.Source.Principal = strings.Repeat("a", maxPrincipal+1)
	if req := read(msg); req.Fault != authz.RequestInvalid || req.Principal != "" {
		t.Errorf("fault %v, %d bytes", req.Fault, len(req.Principal))
	}
}
