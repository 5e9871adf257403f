package authz

import (
	"slices"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// TestP1ShadowByReason asks each mode about each reason, with a verified token
// and without: no shadow passes a reason that is not named here.
func TestP1ShadowByReason(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	byPolicy := []Reason{PolicyDenied, RequireFailed, ScopeMissing}
	bad := []Reason{
		NoToken, TokenMalformed, SeveralTokens, TokenTooLarge, TokenType, AlgorithmRefused, KeyUnknown,
		SignatureInvalid, Expired, NotYetValid, TooOld, ClaimsInvalid, BindingUnproved,
	}
	for name, row := range map[string]struct {
		spec       ShadowSpec
		policy     bool // passes what the policy denies with a token
		everything bool // also without one
	}{
		"off":               {ShadowSpec{}, false, false},
		"off, with a time":  {ShadowSpec{Until: now.Add(time.Hour)}, false, false},
		"policy":            {ShadowSpec{Mode: ShadowPolicy}, true, false},
		"policy, for a day": {ShadowSpec{Mode: ShadowPolicy, Until: now.Add(1)}, true, false},
		"policy, ended":     {ShadowSpec{Mode: ShadowPolicy, Until: now}, false, false},
		"insecure":          {ShadowSpec{Mode: ShadowInsecure, Until: now.Add(MaxInsecureShadow)}, true, true},
		"insecure, ended":   {ShadowSpec{Mode: ShadowInsecure, Until: now}, false, false},
		"insecure for long": {ShadowSpec{Mode: ShadowInsecure, Until: now.Add(MaxInsecureShadow + 1)}, false, false},
		"unknown mode":      {ShadowSpec{Mode: ShadowInsecure + 1, Until: now.Add(time.Hour)}, false, false},
	} {
		for _, reason := range Reasons() {
			for _, issuer := range []*token.Issuer{nil, {}} {
				j := &judgement{req: &Request{}, now: now, tenant: &Tenant{}, issuer: issuer}
				want := slices.Contains(byPolicy, reason) && row.policy && (issuer != nil || row.everything) || slices.Contains(bad, reason) && row.everything
				if got := row.spec.passes(reason, j); got != want {
					t.Errorf("%s, %v, token %v: %v", name, reason, issuer != nil, got)
				}
			}
		}
	}
}
