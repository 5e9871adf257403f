package token

import (
	"context"
	"slices"
	"testing"
	"unsafe"
)

// keepingSource keeps what it is asked for.
type keepingSource struct {
	set  *KeySet
	kids []string
}

func (s *keepingSource) KeySet(_ context.Context, kid string) (*KeySet, error) {
	if kid != "" {
		s.kids = append(s.kids, kid)
	}
	return s.set, nil
}

// TestNothingKeptIsPartOfTheToken overwrites a token once it was judged: what the
// cache, the key source and the caller got must not change with it.
func TestNothingKeptIsPartOfTheToken(t *testing.T) {
	p := testPairs()
	bare := goodClaims().with(members{"iss": "https://id.example.com/t-1/", "tid": "t-1"})
	spec := testSpec(nil)
	template := testSpec(nil)
	template.URL = "https://id.example.com/{tid}/"
	for name, row := range map[string]struct {
		spec IssuerSpec
		raw  string
		good bool
	}{
		"good":        {spec, p.rs.mint("RS256", nil, accessToken(1)), true},
		"escapes":     {spec, p.ed.mintRaw("EdDSA", `{"iss":"`+testIssuer+`","\u0061ud":"second","exp":1.8000009e9,"sub":"a\u00e9\n","l":["\ud83d\ude00",1.50]}`), true},
		"template":    {template, p.es.mint("ES256", nil, bare), true},
		"unknown kid": {spec, p.rs.mint("RS256", members{"kid": "nobody's"}, goodClaims()), false},
		"forged":      {spec, p.rsOther.mint("RS256", nil, goodClaims()), false},
	} {
		t.Run(name, func(t *testing.T) {
			keys := &keepingSource{set: p.set()}
			row.spec.Keys = keys
			cache := NewCache(16)
			v := newTestVerifier(t, row.spec, cache)
			want, wantErr := newTestVerifier(t, row.spec, nil).Verify(t.Context(), row.raw, start)
			kids := slices.Clone(keys.kids)
			keys.kids = nil
			for range 2 { // fresh, then cached
				bytes := []byte(row.raw)
				got, err := v.Verify(t.Context(), unsafe.String(&bytes[0], len(bytes)), start)
				for i := range bytes {
					bytes[i] = '#'
				}
				if (err == nil) != row.good || err != wantErr { //nolint:errorlint // bare sentinels
					t.Fatal(err)
				}
				if string(got.Claims.AppendJSON(nil)) != string(want.Claims.AppendJSON(nil)) || got.Subject != want.Subject || got.IssuerURL != want.IssuerURL {
					t.Errorf("%+v, want %+v", got, want)
				}
			}
			for _, kid := range keys.kids {
				if !slices.Contains(kids, kid) {
					t.Errorf("the source was asked for %q, and keeps %q", kids, keys.kids)
				}
			}
			if entries := cache.Stats().Entries; (entries == 1) != row.good {
				t.Errorf("%d entries", entries)
			}
			cached, err := v.Verify(t.Context(), row.raw, start)
			if cached.Cached != row.good || err != wantErr || string(cached.Claims.AppendJSON(nil)) != string(want.Claims.AppendJSON(nil)) { //nolint:errorlint // bare
				t.Errorf("asked again: %+v, %v", cached, err)
			}
			for i := range cache.shards {
				s := &cache.shards[i]
				if len(s.flights.live) > 0 {
					t.Error("a verification is still under way")
				}
				for at := range s.table.Load().slots {
					if e := s.table.Load().slots[at].Load(); e != nil && e.origin.Value().kid != "" && !slices.Contains(kids, e.origin.Value().kid) {
						t.Errorf("the cache keeps %+v", e.origin.Value())
					}
				}
			}
		})
	}
}
