package e2e

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
)

// Every request to the shared gates, the attacks among them, goes to both codecs
// by twins of Envoy's listeners, and the answers are compared. The differential
// of paths has a gate of each. A restart changes codecs from life to life.
//
// What starts gates of its own runs with one codec, and with the other where
// codecVariable is `generated`: `make test-codec`. Not run again is what reads no
// other message than the rest and is about something that no codec has a part in:
// connections and certificates (TestMeshSidecar, TestP6Certificate...), when keys
// are fetched (TestKeysPending, TestP3...; see alone), and what ten thousand files
// cost (TestP6TenThousandTenants). Package live decides without a server, and real
// identity providers (package providers) differ in tokens, which both codecs hand
// on as they are.

// codecVariable says with which codec.
const codecVariable = "CLAIMGATE_TEST_CODEC"

// inTheCodec returns the configuration with the codec that is asked for.
func inTheCodec(text string) string {
	if os.Getenv(codecVariable) == "generated" {
		return withGenerated(text)
	}
	return text
}

// withGenerated returns the configuration with the other codec.
func withGenerated(text string) string {
	const before = "\nlisten: {"
	switch {
	case strings.Count(text, before) == 1:
		return strings.Replace(text, before, before+"codec: generated, ", 1)
	case !strings.Contains(text, "\nlisten:"):
		return text + "\nlisten: {codec: generated}\n"
	}
	panic("no place for the codec in:\n" + text)
}

// twin returns the name of the listener that differs from another by nothing but
// the codec of the claimgate that it asks.
func twin(listener string) string { return listener + "-generated" }

// withTwins returns the listeners and their twins, which ask other clusters.
func (w *world) withTwins(clusters map[string]string, listeners ...listenerSpec) []listenerSpec {
	w.twins = map[string]bool{}
	all := listeners
	for _, l := range listeners {
		w.twins[l.Name] = true
		l.Name, l.Cluster = twin(l.Name), clusters[l.Cluster]
		all = append(all, l)
	}
	return all
}

// TestTwinsHaveTheOtherCodec holds that a listener and its twin ask two gates,
// whose codecs differ by their configuration, and that what differs would be seen.
func TestTwinsHaveTheOtherCodec(t *testing.T) {
	w := the(t)
	for listener, host := range map[string]string{viaMap: "main.test", viaRaw: "main.test", viaProfile: "main.test", viaOpen: "main.test", viaAttackMap: "rsa.test", viaAttackOpen: "rsa.test"} {
		if !w.twins[listener] {
			t.Errorf("%s has no twin", listener)
		}
		own, generated := w.rawOnce(t, listener, lines(http.MethodGet, "/any", host)), w.rawOnce(t, twin(listener), lines(http.MethodGet, "/any", host))
		gate := 0
		if host == "rsa.test" {
			gate = 2
		}
		_, here := w.gates[gate].Decision(own.header.Get("x-decision-id"))
		_, there := w.gates[gate+1].Decision(generated.header.Get("x-decision-id"))
		if !here || !there {
			t.Errorf("%s: decided by own %v, by generated %v", listener, here, there)
		}
		if what := own.differs(&generated); what != "" {
			t.Errorf("%s: %s", listener, what)
		}
		for part, change := range map[string]func(*answer){
			"status": func(a *answer) { a.status = http.StatusOK }, "reason": func(a *answer) { a.reason = "allowed" }, "body": func(a *answer) { a.body += "." },
			"header": func(a *answer) { a.header.Set("X-Spare", "1") }, "upstream": func(a *answer) { a.seen = &demo.Seen{Path: "/any"} }, "rule": func(a *answer) { a.record.Rule = "x" },
		} {
			other := generated
			other.header = generated.header.Clone()
			if change(&other); own.differs(&other) == "" {
				t.Errorf("another %s is not seen", part)
			}
		}
	}
}

// alone returns the world in which listeners have no twins: for what is asked of
// the state of keys, which two gates come to know at different moments.
func (w *world) alone() *world {
	one := *w
	one.twins = nil
	return &one
}

// asTwin asks by a listener and by its twin, if it has one, and holds that both
// answer the same.
func (w *world) asTwin(t *testing.T, listener string, ask func(listener string) answer) answer {
	t.Helper()
	own := ask(listener)
	if w.twins[listener] {
		other := ask(twin(listener))
		if what := own.differs(&other); what != "" {
			t.Errorf("%s: the codecs differ: %s", listener, what)
		}
	}
	return own
}

// differs says what is different in the answer of another claimgate.
func (a *answer) differs(b *answer) string {
	own, generated := a.comparable(), b.comparable()
	if slices.Equal(own, generated) {
		return ""
	}
	return fmt.Sprintf("own %q, generated %q", own, generated)
}

// comparable are the parts of an answer that no clock and no number of the
// request has a part in.
func (a *answer) comparable() []string {
	id := a.header.Get("x-decision-id")
	parts := []string{
		http.StatusText(a.status), a.reason, a.record.Tenant, a.record.Issuer, a.record.Rule,
		withoutOwn(a.header, "Date", "X-Decision-Id", "X-Envoy-Upstream-Service-Time", "Content-Length"),
	}
	if a.seen == nil {
		return append(parts, strings.ReplaceAll(a.body, id, "ID"))
	}
	headers := http.Header(a.seen.Headers).Clone()
	return append(parts, a.seen.Method, a.seen.Host, a.seen.Path, withoutOwn(headers, "x-decision", "x-request-id"))
}

// withoutOwn writes a header without what is each answer's own.
func withoutOwn(header http.Header, names ...string) string {
	header = header.Clone()
	for _, name := range names {
		delete(header, name)
	}
	var text strings.Builder
	_ = header.Write(&text) // sorted
	return text.String()
}
