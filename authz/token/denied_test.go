package token

import (
	"context"
	"errors"
	"testing"
)

// TestP3DeniedKeysAreRefusedAtOnce: fresh and cached, by kid and by thumbprint,
// for the one who denies them and nobody else.
func TestP3DeniedKeysAreRefusedAtOnce(t *testing.T) {
	p := testPairs()
	shared := &source{set: p.set()}
	raw, other := p.rs.mint("RS256", nil, goodClaims()), p.es.mint("ES256", nil, goodClaims())
	thumbprint := p.rs.key.Thumbprint().String()
	for name, denied := range map[string]string{
		"kid": "rs", "thumbprint": thumbprint, "URN": "urn:ietf:params:oauth:jwk-thumbprint:sha-256:" + thumbprint,
	} {
		t.Run(name, func(t *testing.T) {
			cache := NewCache(16)
			before := newTestVerifier(t, testSpec(shared), cache)
			expect(t, before, raw, nil)
			spec := testSpec(must(Without(shared, []string{"unheard of", denied}))) // with the same fingerprint
			after := newTestVerifier(t, spec, cache)
			expect(t, after, raw, ErrKeyUnknown)
			expect(t, after, other, nil)
			es := p.es.key
			if list := []string{"unheard of", denied}; !Denied(list, "rs", thumbprint) || Denied(list, es.KID(), es.Thumbprint().String()) || Denied(list, "", "") {
				t.Error("Denied says something else")
			}
			expect(t, before, raw, nil)
		})
	}
}

func TestP3ADeniedThumbprintIsRefusedUnderAnyKID(t *testing.T) {
	p := testPairs()
	renamed := must(NewKey(KeySpec{KID: "new name", Alg: "RS256", Public: p.rs.private.Public()}))
	keys := must(Without(&source{set: NewKeySet([]*Key{renamed, p.es.key})}, []string{p.rs.key.Thumbprint().String()}))
	expect(t, newTestVerifier(t, testSpec(keys), nil), p.rs.mint("RS256", members{"kid": "new name"}, goodClaims()), ErrKeyUnknown)
}

func TestDeniedKeysFollowTheSet(t *testing.T) {
	p := testPairs()
	shared := &source{set: NewKeySet([]*Key{p.rs.key})}
	keys := must(Without(shared, []string{"rs"}))
	set, err := keys.KeySet(t.Context(), "rs")
	if err != nil || set.Len() != 0 {
		t.Fatalf("%v, %v", set, err)
	}
	if again, _ := keys.KeySet(t.Context(), ""); again != set {
		t.Error("the narrowed set is made anew each time")
	}
	shared.answer(NewKeySet([]*Key{p.rsOther.key, p.es.key}), nil)
	if set, err = keys.KeySet(t.Context(), "es"); err != nil || set.Len() != 1 || !set.HasKID("es") {
		t.Errorf("%v, %v", set, err)
	}
	shared.answer(nil, ErrKeysPending)
	if set, err = keys.KeySet(t.Context(), "es"); set != nil || !isExactly(err, ErrKeysPending) {
		t.Errorf("%v, %v", set, err)
	}
}

// TestP3OnlyAWholeThumbprintNamesAKey: of a text that is almost one, no more is
// denied than the kid that it is.
func TestP3OnlyAWholeThumbprintNamesAKey(t *testing.T) {
	p := testPairs()
	thumbprint := p.rs.key.Thumbprint()
	longer, text := base64url(append(thumbprint[:], 0)), thumbprint.String()
	for _, denied := range []string{longer, text[:40], text[:42], text + "=", text + "!", thumbprintURN, "abcd"} {
		keys := must(Without(&source{set: p.set()}, []string{denied}))
		expect(t, newTestVerifier(t, testSpec(keys), nil), p.rs.mint("RS256", nil, goodClaims()), nil)
		if Denied([]string{denied}, "rs", text) || Denied([]string{denied}, "", "") || !Denied([]string{denied}, denied, text) {
			t.Errorf("%s: Denied says something else", denied)
		}
	}
	if Denied([]string{""}, "", "") || Denied([]string{""}, "rs", text) {
		t.Error("the empty name names a key")
	}
}

// TestP1ASourceThatContradictsItself: with an error there are no keys, whatever
// comes with it, and neither are there where nothing comes at all.
func TestP1ASourceThatContradictsItself(t *testing.T) {
	p := testPairs()
	both, neither := &source{set: p.set(), err: ErrKeysPending}, &source{}
	for name, row := range map[string]struct {
		keys KeySource
		want error
	}{
		"both":                      {both, ErrKeysPending},
		"both, some are denied":     {must(Without(both, []string{"es"})), ErrKeysPending},
		"neither":                   {neither, ErrKeysUnavailable},
		"neither, some are denied":  {must(Without(neither, []string{"es"})), ErrKeysUnavailable},
		"another error, and a set":  {&source{set: p.set(), err: errors.New("x")}, ErrKeysUnavailable},
		"a deadline, and a set":     {&source{set: p.set(), err: context.DeadlineExceeded}, ErrDeadline},
		"its caller left, and more": {&source{set: p.set(), err: context.Canceled}, ErrDeadline},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, newTestVerifier(t, testSpec(row.keys), nil), p.rs.mint("RS256", nil, goodClaims()), row.want)
		})
	}
}

func TestWithoutRefusesWhatNamesNoKey(t *testing.T) {
	for _, bad := range []string{"", "a\n", string(make([]byte, MaxKIDBytes+1))} {
		if _, err := Without(&source{}, []string{bad}); err == nil {
			t.Errorf("%q", bad)
		}
	}
	keys := &source{}
	if same := must(Without(keys, nil)); same != keys {
		t.Error("nothing denied, another source")
	}
}

func TestDeniedKeysCostNoAllocation(t *testing.T) {
	keys := must(Without(staticSource{testPairs().set()}, []string{"rs"}))
	if n := testing.AllocsPerRun(100, func() { _, _ = keys.KeySet(t.Context(), "es") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestP2AKeyOfAnotherIssuerInASharedSet is how Microsoft Entra publishes: one
// set, and some keys for the tokens of one issuer alone.
func TestP2AKeyOfAnotherIssuerInASharedSet(t *testing.T) {
	p := testPairs()
	const mine, other = "https://login.example.com/t-1/v2.0", "https://login.example.com/t-2/v2.0"
	claims := func(iss, tid string) members { return goodClaims().with(members{"iss": iss, "tid": tid}) }
	for name, row := range map[string]struct {
		issuer string
		iss    string
		tid    string
		want   error
	}{
		"any issuer":            {"", mine, "t-1", nil},
		"this issuer":           {mine, mine, "t-1", nil},
		"another issuer":        {other, mine, "t-1", ErrKeyUnknown},
		"template":              {"https://login.example.com/{tenantid}/v2.0", mine, "t-1", nil},
		"another template":      {"https://sts.example.com/{tenantid}/", mine, "t-1", ErrKeyUnknown},
		"template, no claim":    {"https://login.example.com/{tenantid}/v2.0", mine, "t-2", ErrIssuerUnknown},
		"case":                  {"https://login.example.com/T-1/v2.0", mine, "t-1", ErrKeyUnknown},
		"with a trailing slash": {mine + "/", mine, "t-1", ErrKeyUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			key := must(NewKey(KeySpec{KID: "rs", Alg: "RS256", Public: p.rs.private.Public(), Issuer: row.issuer}))
			for _, kid := range []any{"rs", absent} {
				spec := templateSpec(testTemplate)
				spec.Keys, spec.Algorithms = &source{set: NewKeySet([]*Key{key})}, []string{"RS256"}
				expect(t, newTestVerifier(t, spec, NewCache(4)), p.rs.mint("RS256", members{"kid": kid}, claims(row.iss, row.tid)), row.want)
			}
		})
	}
	for _, bad := range []string{"{x}", "https://a/{b", "a\nb"} {
		if _, err := NewKey(KeySpec{KID: "rs", Public: p.rs.private.Public(), Issuer: bad}); err == nil {
			t.Errorf("issuer %q", bad)
		}
	}
}

// TestP2ACachedTokenLosesItsKeyToAnotherIssuer: the member is asked on each hit.
func TestP2ACachedTokenLosesItsKeyToAnotherIssuer(t *testing.T) {
	p := testPairs()
	key := func(issuer string) *KeySet {
		return NewKeySet([]*Key{must(NewKey(KeySpec{KID: "rs", Alg: "RS256", Public: p.rs.private.Public(), Issuer: issuer}))})
	}
	keys := &source{set: key(testIssuer)}
	v := newTestVerifier(t, testSpec(keys), NewCache(4))
	raw := p.rs.mint("RS256", nil, goodClaims())
	expect(t, v, raw, nil)
	expect(t, v, raw, nil)
	keys.answer(key("https://elsewhere.example.com/"), nil)
	expect(t, v, raw, ErrKeyUnknown)
}

// TestSameKIDForTwoIssuers: the key of the token's own issuer is the one.
func TestSameKIDForTwoIssuers(t *testing.T) {
	p := testPairs()
	set := NewKeySet([]*Key{
		must(NewKey(KeySpec{KID: "rs", Alg: "RS256", Public: p.rs.private.Public(), Issuer: testIssuer})),
		must(NewKey(KeySpec{KID: "rs", Alg: "RS256", Public: p.rsOther.private.Public(), Issuer: "https://elsewhere.example.com/"})),
	})
	v := newTestVerifier(t, testSpec(&source{set: set}), nil)
	expect(t, v, p.rs.mint("RS256", nil, goodClaims()), nil)
	expect(t, v, p.rsOther.mint("RS256", nil, goodClaims()), ErrSignature)
	if set.Find("rs", RS256, algorithms(RS256)) != nil || NewKeySet(set.Keys()[:1]).Find("rs", RS256, algorithms(RS256)) == nil {
		t.Error("without an issuer not each of them is looked for")
	}
}
