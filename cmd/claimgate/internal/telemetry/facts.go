package telemetry

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/claimgate/claimgate/authz"
)

// fact is what the log and spans tell of a decision alike: names of configured
// things and words of ours, nothing of the request or of a token.
type fact struct {
	name string
	key  attribute.Key // in a span
	text string        // "" where there is nothing to tell
	word bool          // of ours: one of a closed set, or a random number
}

// factsOf returns them in the order of the log. What a span shows besides is in
// Tracing.check, and what a line of the log does in decisionLog.fields.
func factsOf(d *authz.Decision) [8]fact {
	return [...]fact{
		{"decision_id", "claimgate.decision_id", d.ID.String(), true},
		{"reason", "claimgate.reason", d.Reason.String(), true},
		{"tenant", "claimgate.tenant", d.Tenant, false},
		{"rule", "claimgate.rule", d.Rule, false},
		{"shadowed", "claimgate.shadowed", shadowed(d), true},
		{"shadow_rule", "claimgate.shadow_rule", d.ShadowRule, false},
		{"issuer", "claimgate.issuer", d.Issuer, false},
		{"hint", "claimgate.hint", d.Hint, true},
	}
}

// attribute passes the filter of the log, which spans do not have around them. It
// outlives the decision, and so keeps nothing of it.
func (f *fact) attribute() attribute.KeyValue {
	if f.word {
		return f.key.String(f.text)
	}
	return kept(f.key, f.text)
}

// kept makes an attribute of a name.
func kept(key attribute.Key, text string) attribute.KeyValue {
	return key.String(strings.Clone(scrub(text)))
}
