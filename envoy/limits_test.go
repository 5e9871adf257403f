package envoy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// TestP8RequestLimits holds each limit on a request to the byte, in both
// encodings: what reaches it is read, and what is one beyond it is refused.
func TestP8RequestLimits(t *testing.T) {
	base := 0 // bytes of the headers that each request has
	for _, line := range plain().raw().GetAttributes().GetRequest().GetHttp().GetHeaderMap().GetHeaders() {
		base += len(line.GetKey()) + len(line.GetRawValue())
	}
	many := func(n int) sent {
		s := plain()
		for i := range n {
			s = s.with(fmt.Sprint("x-", i), "1")
		}
		return s
	}
	target := func(n int) sent {
		s := plain()
		s.target = "/a?" + strings.Repeat("a", n-3)
		return s
	}
	method := func(n int) sent {
		s := plain()
		s.method = strings.Repeat("M", n)
		return s
	}
	for what, tc := range map[string]struct {
		at, beyond sent
		fault      authz.Reason
	}{
		"headers":        {many(maxHeaderLines), many(maxHeaderLines + 1), authz.RequestInvalid},
		"header bytes":   {plain().with("x", strings.Repeat("a", maxHeaderBytes-base-1)), plain().with("y", "1").with("x", strings.Repeat("a", maxHeaderBytes+1)), authz.RequestInvalid},
		"path and query": {target(maxTargetBytes), target(maxTargetBytes + 1), authz.RequestInvalid},
		"method":         {method(maxMethodBytes), method(maxMethodBytes + 1), authz.RequestInvalid},
	} {
		for encoding, msg := range tc.at.encodings() {
			if req := read(msg); req.Fault != authz.NoFault {
				t.Errorf("%s, %s: at the limit: %v", what, encoding, req.Fault)
			}
		}
		for encoding, msg := range tc.beyond.encodings() {
			if req := read(msg); req.Fault != tc.fault {
				t.Errorf("%s, %s: beyond the limit: %v, want %v", what, encoding, req.Fault, tc.fault)
			}
		}
	}
}

// TestP8ContextAndHost holds the limits that are no header's.
func TestP8ContextAndHost(t *testing.T) {
	for pairs, fault := range map[int]authz.Reason{maxContextPairs: authz.NoFault, maxContextPairs + 1: authz.RequestInvalid} {
		msg := plain().raw()
		msg.Attributes.ContextExtensions = map[string]string{}
		for i := range pairs {
			msg.Attributes.ContextExtensions[fmt.Sprint(i)] = ""
		}
		if req := read(msg); req.Fault != fault {
			t.Errorf("%d context extensions: %v, want %v", pairs, req.Fault, fault)
		}
	}
	s := plain()
	s.host = strings.Repeat("a.", maxHostBytes/2) + "a"
	for encoding, msg := range s.encodings() {
		if req := read(msg); req.Fault != authz.HostInvalid {
			t.Errorf("%s: a host of %d bytes: %v", encoding, len(s.host), req.Fault)
		}
	}
}

// TestP8Defaults holds that what an operator leaves out is bounded.
func TestP8Defaults(t *testing.T) {
	opts := ServiceOptions{}.withDefaults()
	if opts.MaxConcurrentStreams != DefaultMaxConcurrentStreams || opts.MaxMessageBytes != DefaultMaxMessageBytes || opts.MaxConnectionAge != DefaultMaxConnectionAge {
		t.Errorf("%+v", opts)
	}
	given := ServiceOptions{MaxConcurrentStreams: 1, MaxMessageBytes: 1, MaxConnectionAge: 1, DrainWait: 1}
	if opts := given.withDefaults(); opts != given {
		t.Errorf("what an operator writes becomes %+v", opts)
	}
	for given, want := range map[int]int64{-1: DefaultMaxInFlight, 0: DefaultMaxInFlight, 1: 1, 2: 2} {
		if server := NewServer(ServerOptions{MaxInFlight: given}); server.maxInFlight != want {
			t.Errorf("%d checks in progress for %d, want %d", server.maxInFlight, given, want)
		}
	}
}

// TestP8AnswerLimits holds the bounds on what is answered to the byte: what
// reaches one is said, and what is one beyond it is not.
func TestP8AnswerLimits(t *testing.T) {
	challenge := func(n int) authz.Decision {
		d := authz.Decision{Verdict: authz.Challenge, Reason: authz.NoToken}
		d.Realm = strings.Repeat("a", n-len(`Bearer realm=""`))
		return d
	}
	document := func(text string) authz.Decision {
		return authz.Decision{Verdict: authz.Deny, Reason: authz.MetadataDocument, Document: []byte(text)}
	}
	for name, tc := range map[string]struct{ at, beyond authz.Decision }{
		"challenge":         {challenge(maxHeaderValue), challenge(maxHeaderValue + 1)},
		"document":          {document(strings.Repeat("a", maxDocumentBytes)), document(strings.Repeat("a", maxDocumentBytes+1))},
		"shortest document": {document("a"), document("")},
		"document's text":   {document("\u00e9"), document("\xe9")},
	} {
		response, err := said(t, newResponder(), &authz.Request{}, &tc.at)
		if err != nil {
			t.Errorf("%s: at the bound: %v", name, err)
			continue
		}
		out := envoyReads(t, response, nil)
		if got := values(out.client, "www-authenticate"); tc.at.Realm != "" && (len(got) != 1 || len(got[0]) != maxHeaderValue) {
			t.Errorf("%s: %d challenges", name, len(got))
		}
		if out.body != string(tc.at.Document) && tc.at.Document != nil {
			t.Errorf("%s: a document of %d bytes", name, len(out.body))
		}
		if _, err := said(t, newResponder(), &authz.Request{}, &tc.beyond); !errors.Is(err, errUnsayable) {
			t.Errorf("%s: beyond the bound: %v", name, err)
		}
	}
}
