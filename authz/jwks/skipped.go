package jwks

import "errors"

// Values of `use` for signatures.
const (
	useSig  = "sig"
	useSVID = "jwt-svid"
)

// SkipReason says why a key of a set is not used. It is a closed set, fit for
// a metric label.
type SkipReason string

// The reasons.
const (
	SkipSyntax   SkipReason = "syntax"   // no JSON object, a member twice or of the wrong type
	SkipPrivate  SkipReason = "private"  // private or symmetric key material
	SkipPurpose  SkipReason = "purpose"  // use or key_ops name something else
	SkipUnusable SkipReason = "unusable" // a type, curve, size or alg that is not accepted
)

// SkipReasons returns the whole closed set, in a fixed order.
func SkipReasons() []SkipReason {
	return []SkipReason{SkipSyntax, SkipPrivate, SkipPurpose, SkipUnusable}
}

func reasonToSkip(err error) SkipReason {
	switch {
	case errors.Is(err, errKeyPrivate):
		return SkipPrivate
	case errors.Is(err, errKeyUse), errors.Is(err, errKeyOps):
		return SkipPurpose
	case errors.Is(err, errKeyNotObject), errors.Is(err, errKeyMemberType), errors.Is(err, errKeyAlgorithm), errors.Is(err, errKeyIssuer):
		return SkipSyntax
	}
	return SkipUnusable
}

// skips counts skipped keys, in the order of SkipReasons.
type skips [4]uint8 // there are at most maxKeys

func (d *keyDocument) skips() skips {
	var counts skips
	for _, skipped := range d.skipped {
		for i, reason := range SkipReasons() {
			if reason == reasonToSkip(skipped.why) {
				counts[i]++
			}
		}
	}
	return counts
}

func (s skips) total() int {
	total := 0
	for _, n := range s {
		total += int(n)
	}
	return total
}

func (s skips) byReason() map[SkipReason]int {
	counts := make(map[SkipReason]int, len(s))
	for i, reason := range SkipReasons() {
		counts[reason] = int(s[i])
	}
	return counts
}
