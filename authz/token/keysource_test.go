package token

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestP1KeySourceFaults holds that no answer of a key source opens a door, and
// that the errors are told apart.
func TestP1KeySourceFaults(t *testing.T) {
	p := testPairs()
	raw := p.rs.mint("RS256", nil, goodClaims())
	rows := map[string]struct {
		set  *KeySet
		err  error
		want error
	}{
		"good":                  {p.set(), nil, nil},
		"nothing at all":        {nil, nil, ErrKeysUnavailable},
		"empty set":             {NewKeySet(nil), nil, ErrKeyUnknown},
		"unavailable":           {nil, ErrKeysUnavailable, ErrKeysUnavailable},
		"pending":               {nil, ErrKeysPending, ErrKeysPending},
		"wrapped pending":       {nil, fmt.Errorf("x: %w", ErrKeysPending), ErrKeysPending},
		"deadline":              {nil, ErrDeadline, ErrDeadline},
		"context ended":         {nil, context.DeadlineExceeded, ErrDeadline},
		"context cancelled":     {nil, context.Canceled, ErrDeadline},
		"foreign error":         {nil, errors.New("dial tcp: secret"), ErrKeysUnavailable},
		"set beside an error":   {p.set(), errors.New("stale"), ErrKeysUnavailable},
		"other token's refusal": {nil, ErrExpired, ErrKeysUnavailable},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			v := newTestVerifier(t, testSpec(&source{set: row.set, err: row.err}), NewCache(4))
			_, err := v.Verify(t.Context(), raw, start)
			if err != row.want { //nolint:errorlint // sentinels come bare, without the source's text
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
}

// TestWhatAsksForKeys holds which tokens make a source look for a kid.
func TestWhatAsksForKeys(t *testing.T) {
	p := testPairs()
	rows := map[string]struct {
		raw   string
		want  error
		asked bool
	}{
		"known kid":          {p.rs.mint("RS256", nil, goodClaims()), nil, true},
		"unknown kid":        {p.rs.mint("RS256", members{"kid": "new"}, goodClaims()), ErrKeyUnknown, true},
		"no kid":             {p.rs.mint("RS256", members{"kid": absent}, goodClaims()), ErrKeyUnknown, false},
		"junk":               {"a.b", ErrMalformed, false},
		"foreign issuer":     {p.rs.mint("RS256", members{"kid": "new"}, goodClaims().with(members{"iss": "x"})), ErrIssuerUnknown, false},
		"algorithm not ours": {p.rs.mint("RS512", members{"kid": "new"}, goodClaims()), ErrAlgorithm, false},
		"typ not ours":       {p.rs.mint("RS256", members{"kid": "new", "typ": "dpop+jwt"}, goodClaims()), ErrType, false},
		"malformed payload":  {p.rs.mintRaw("RS256", `{`), ErrMalformed, false},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			keys := &source{set: p.set()}
			expect(t, newTestVerifier(t, testSpec(keys), nil), row.raw, row.want)
			if keys.asked() != row.asked {
				t.Errorf("asked %q", keys.kids)
			}
		})
	}
}

func TestTokenWithoutKID(t *testing.T) {
	p := testPairs()
	bare := p.rs.mint("RS256", members{"kid": absent}, goodClaims())
	twoNames := must(NewKey(KeySpec{KID: "again", Public: p.rs.private.Public()}))
	rows := map[string]struct {
		keys []*Key
		algs []string
		want error
	}{
		"one key":                      {[]*Key{p.rs.key}, []string{"RS256"}, nil},
		"one eligible key":             {[]*Key{p.rs.key, p.es.key, p.ed.key}, []string{"RS256"}, nil},
		"another kind is eligible too": {[]*Key{p.rs.key, p.es.key}, []string{"RS256", "ES256"}, ErrKeyUnknown},
		"two of a kind":                {[]*Key{p.rs.key, newPair("x", "RS256", p.ps.private).key}, []string{"RS256"}, ErrKeyUnknown},
		"one key under two names":      {[]*Key{p.rs.key, twoNames}, []string{"RS256"}, nil},
		"only key is bound elsewhere":  {[]*Key{p.ps.key}, []string{"RS256", "PS256"}, ErrKeyUnknown},
		"no keys":                      {nil, []string{"RS256"}, ErrKeyUnknown},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			spec := testSpec(&source{set: NewKeySet(row.keys)})
			spec.Algorithms = row.algs
			expect(t, newTestVerifier(t, spec, NewCache(4)), bare, row.want)
		})
	}
}

func TestP1EndedContext(t *testing.T) {
	p := testPairs()
	v := newTestVerifier(t, testSpec(&source{set: p.set()}), nil)
	ctx, cancel := context.WithCancel(t.Context())
	raw := p.rs.mint("RS256", nil, goodClaims())
	if _, err := v.Verify(ctx, raw, start); err != nil {
		t.Fatalf("control: %v", err)
	}
	cancel()
	for name, row := range map[string]struct {
		raw  string
		want error
	}{"good": {raw, ErrDeadline}, "forged": {p.rsOther.mint("RS256", nil, goodClaims()), ErrDeadline}, "junk": {"x", ErrMalformed}} {
		if _, err := v.Verify(ctx, row.raw, start); !errors.Is(err, row.want) {
			t.Errorf("%s: got %v, want %v", name, err, row.want)
		}
	}
}
