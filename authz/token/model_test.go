package token

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestP4CachedEqualsFresh drives verifiers with and without a cache through the
// same random history of keys, outages, settings and clocks that go either way.
// Whatever happened before, both must say the same of every token.
func TestP4CachedEqualsFresh(t *testing.T) {
	p := testPairs()
	tokens := modelTokens(p)
	sets := modelSets(p)
	rapid.Check(t, func(t *rapid.T) {
		keys := &source{set: sets[0]}
		cache := NewCache(3) // small, so that entries come and go
		now := start
		spec := modelSpec(keys, 0)
		for range rapid.IntRange(5, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "change") {
			case 0:
				keys.answer(rapid.SampledFrom(sets).Draw(t, "set"), nil)
			case 1:
				keys.answer(nil, rapid.SampledFrom([]error{ErrKeysUnavailable, ErrKeysPending}).Draw(t, "outage"))
			case 2:
				spec = modelSpec(keys, rapid.IntRange(0, 3).Draw(t, "settings"))
			case 3:
				now = start.Add(time.Duration(rapid.IntRange(-40, 140).Draw(t, "second")) * time.Second)
			}
			raw := rapid.SampledFrom(tokens).Draw(t, "token")
			issuer := must(NewIssuer(spec))
			got, gotErr := must(NewVerifier([]*Issuer{issuer}, cache)).Verify(context.Background(), raw, now)
			want, wantErr := must(NewVerifier([]*Issuer{issuer}, nil)).Verify(context.Background(), raw, now)
			if gotErr != wantErr || got.Issuer != want.Issuer || got.Subject != want.Subject { //nolint:errorlint // bare sentinels
				t.Fatalf("with a cache: %+v, %v; without: %+v, %v", got, gotErr, want, wantErr)
			}
			if gotErr == nil && string(got.Claims.AppendJSON(nil)) != string(want.Claims.AppendJSON(nil)) {
				t.Fatal("the claims differ")
			}
		}
	})
}

// modelTokens are short-lived tokens that the changes of the model concern.
func modelTokens(p pairs) []string {
	short := goodClaims().with(members{"exp": start.Unix() + 60, "iat": start.Unix() + 5})
	bare := members{"kid": absent}
	return []string{
		p.es.mint("ES256", nil, short), p.ed.mint("EdDSA", nil, short), p.ed.mint("Ed25519", bare, short),
		p.edOther.mint("EdDSA", nil, short), p.ed.mint("EdDSA", members{"typ": "JWT"}, short.with(members{"aud": "second"})),
	}
}

func modelSets(p pairs) []*KeySet {
	renamed := must(NewKey(KeySpec{KID: "es", Public: p.ed.private.Public()}))
	return []*KeySet{
		NewKeySet([]*Key{p.es.key, p.ed.key}), NewKeySet([]*Key{p.ed.key}), NewKeySet([]*Key{p.edOther.key}),
		NewKeySet([]*Key{p.es.key, renamed}), NewKeySet([]*Key{p.ed.key, p.edOther.key}), NewKeySet(nil),
	}
}

func modelSpec(keys KeySource, variant int) IssuerSpec {
	spec := testSpec(keys)
	spec.ClockSkew = 10 * time.Second
	switch variant {
	case 1:
		spec.MaxTokenAge = 20 * time.Second
	case 2:
		spec.Audiences = []string{"second"}
	case 3:
		spec.Types, spec.Algorithms = []string{"at+jwt"}, []string{"EdDSA"}
	}
	return spec
}
