package authz_test

import (
	"context"
	"reflect"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
)

// buffer is the one that a request was received in.
type buffer []byte

// hold returns a text that lies in the buffer.
func (b *buffer) hold(s string) string {
	if s == "" {
		return ""
	}
	from := len(*b)
	if from+len(s) > cap(*b) {
		panic("the buffer would move")
	}
	*b = append(*b, s...)
	return unsafe.String(&(*b)[from], len(s))
}

// held returns the request as one whose texts all lie in the buffer.
func (b *buffer) held(req *authz.Request) *authz.Request {
	copied := *req
	for _, text := range []*string{&copied.Method, &copied.Path.Canonical, &copied.Host, &copied.Query, &copied.Scheme, &copied.Principal} {
		*text = b.hold(*text)
	}
	if copied.Path.Lenient == req.Path.Canonical {
		copied.Path.Lenient = copied.Path.Canonical
	} else {
		copied.Path.Lenient = b.hold(copied.Path.Lenient)
	}
	copied.Headers.Lines = nil
	for _, line := range req.Headers.Lines {
		copied.Headers.Lines = append(copied.Headers.Lines, authz.Header{Name: b.hold(line.Name), Value: b.hold(line.Value)})
	}
	return &copied
}

// names are what an observer may keep of a decision.
func names(d *authz.Decision) []string {
	return []string{d.Tenant, d.Issuer, d.Rule, d.Header, d.Realm, d.Hint, d.Entry, d.ShadowRule, d.ResourceMetadata, d.Reason.String()}
}

// TestNothingKeptIsPartOfTheRequest overwrites what a request was received in once
// its answer would be on its way. Later requests must be judged as by an engine
// that never saw it, and the names that observers keep must stay what they are.
func TestNothingKeptIsPartOfTheRequest(t *testing.T) {
	random := &fickle{}
	a, untouched := newReuseWorld(t, random), newReuseWorld(t, random)
	tokens := []string{a.idp.sign(t, scope), "", "garbage", a.idp.sign(t, map[string]any{"scope": "orders:read", "roles": []string{"a,b", "ü"}, "sub": "ä%"})}
	received := make(buffer, 0, 64<<10)
	var d, want authz.Decision
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(1, 10).Draw(rt, "requests") {
			req := drawRequest(rt, tokens)
			received = received[:0]
			a.engine.DecideInto(context.Background(), received.held(req), &d)
			untouched.engine.DecideInto(context.Background(), req, &want)
			d.Cached, want.Cached = false, false
			if !sameDecision(&d, &want) {
				rt.Fatalf("aliasing\n%+v\nelse\n%+v", d, want)
			}
			kept := names(&d)
			for i := range received {
				received[i] = '#'
			}
			if !reflect.DeepEqual(kept, names(&want)) {
				rt.Fatalf("kept names became %q, want %q", kept, names(&want))
			}
		}
	})
	for _, raw := range tokens[:1] {
		if got := a.decide(get("/orders/7", "", authz.Header{Name: "authorization", Value: "Bearer " + raw})); !got.Cached || got.Subject != "user-1" {
			t.Errorf("in the end: %+v", got)
		}
	}
}
