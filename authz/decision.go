package authz

import (
	"encoding/hex"

	"github.com/claimgate/claimgate/authz/token"
)

// Decision is the outcome of one request. Its zero value denies. The struct is
// the caller's; what its slices, strings and values point to is shared with
// other decisions: it is read, never written, and not kept beyond the request
// (see Engine.DecideInto) but for the names of configured things.
type Decision struct {
	Verdict Verdict
	Reason  Reason
	ID      DecisionID
	Tenant  string   // "" where none was found
	Issuer  string   // configured name, "" without a verified token
	Subject string   // `sub`, "" without a verified token; never logged in the clear
	Rule    string   // decisive rule or public route, or "require[0]"
	Header  string   // with HeaderValueRefused: the configured header that was refused
	Scopes  []string // for the challenge of ScopeMissing
	Realm   string   // for the challenge
	Cached  bool     // the token was answered by the cache

	Hint             string // for the operator, about a common mistake; a constant, or ""
	Entry            string // "" without one
	Shadowed         Reason // with ShadowPassed: what would have been the reason
	ShadowRule       string // first deny rule in shadow that would have denied; "" for none
	ResourceMetadata string // URL for challenges (RFC 9728), "" for none
	Document         []byte // body of MetadataDocument

	RemoveParams    []string        // query parameters to remove, on Allow only
	Set             []Header        // request headers to overwrite, on Allow only
	Remove          []string        // request headers to remove, on Allow only; never a name of Set
	ResponseHeaders []Header        // for the client, on every verdict
	Metadata        []MetadataField // on every verdict

	room *room // kept from one request to the next
}

// Refuse replaces the decision by a refusal; for a reason that allows, by
// Internal. Who was found stays on record, what was to be done does not.
func (d *Decision) Refuse(reason Reason) {
	if reason.Verdict() == Allow || reason >= reasonCount {
		reason = Internal
	}
	*d = Decision{
		Verdict: reason.Verdict(), Reason: reason, ID: d.ID, Tenant: d.Tenant, Entry: d.Entry,
		Issuer: d.Issuer, Subject: d.Subject, Cached: d.Cached, room: d.room,
	}
}

// Reset empties the decision, which then denies. Its room is kept.
func (d *Decision) Reset() {
	kept := d.room
	*d = Decision{} // in place, which a literal with a field would not be
	d.room = kept
}

// MetadataField is one field of the dynamic metadata: a text or a JSON value.
type MetadataField struct {
	Name  string
	Text  string
	Value *token.Value // nil: Text counts
}

// DecisionID names one decision: 128 random bits.
type DecisionID [16]byte

// String returns 32 lower-case hexadecimal digits.
func (id DecisionID) String() string {
	var text [2 * len(id)]byte
	hex.Encode(text[:], id[:])
	return string(text[:])
}
