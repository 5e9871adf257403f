package token

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestP1ClaimsAttacks(t *testing.T) {
	p := testPairs()
	var attacks []attack
	add := func(claim string, value any, want error) {
		name := fmt.Sprintf("%s %.40v", claim, value)
		attacks = append(attacks, attack{name, p.rs.mint("RS256", nil, goodClaims().with(members{claim: value})), want})
	}
	for _, iss := range []any{absent, nil, "", 1, []string{testIssuer}, members{"a": 1}, "https://id.example.com", "https://id.example.com//",
		"https://ID.example.com/", "http://id.example.com/", "https://user@id.example.com/", "https://id.example.com/\x00",
		"https://id.example.com:443/", "https://xn--id-example.com/", "https://\u0456d.example.com/", " https://id.example.com/", "https://id.example.com/%2e"} {
		add("iss", iss, ErrIssuerUnknown)
	}
	many := make([]string, 800)
	for i := range many {
		many[i] = fmt.Sprint("a", i)
	}
	for _, aud := range []any{absent, []string{}, "https://api.example.com/", "https://api", "HTTPS://api.example.com", "https://api.example.com-admin",
		[]string{"other"}, many, testAudience + " ", testAudience + "\x00", testAudience + "," + testAudience} {
		add("aud", aud, ErrAudience)
	}
	for _, aud := range []any{nil, "", 1, true, members{testAudience: 1}, []any{testAudience, 1}, []any{1, testAudience}, []any{[]string{testAudience}},
		[]string{"", testAudience}, []string{testAudience, ""}, []any{testAudience, nil}} {
		add("aud", aud, ErrClaimsInvalid)
	}
	for _, aud := range []any{testAudience, "second", []string{testAudience}, []string{"other", testAudience}, []string{testAudience, testAudience}, append(many, testAudience)} {
		add("aud", aud, nil)
	}
	for _, sub := range []any{nil, "", 1, []string{"u"}, strings.Repeat("s", maxSubjectBytes+1)} {
		add("sub", sub, ErrClaimsInvalid)
	}
	for _, sub := range []any{absent, "u", strings.Repeat("s", maxSubjectBytes), "\x00"} {
		add("sub", sub, nil)
	}
	for _, cnf := range []any{nil, "", members{}, members{"jkt": "x"}, members{"x5t#S256": "x"}, []string{}} {
		add("cnf", cnf, ErrBindingUnproved)
	}
	runAttacks(t, p.rs.mint("RS256", nil, goodClaims()), attacks)
}

func TestP1NumericDates(t *testing.T) {
	p := testPairs()
	at := start.Unix()
	rows := []struct{ claim, value, wantName string }{
		{"exp", "", "claims"}, {"exp", "0", "claims"}, {"exp", "-0", "claims"}, {"exp", "0.9", "claims"}, {"exp", "null", "claims"},
		{"exp", `"4102444800"`, "claims"}, {"exp", "-1", "claims"}, {"exp", "-1e300", "claims"}, {"exp", "1e300", "claims"}, {"exp", "1e9999", "claims"},
		{"exp", "true", "claims"}, {"exp", "[4102444800]", "claims"}, {"exp", `{"a":1}`, "claims"}, {"exp", "9223372036854775807", "claims"},
		{"exp", "9223372036854775808", "claims"}, {"exp", "18446744073709551617", "claims"}, {"exp", "4102444800000", "claims"}, {"exp", "253402300800", "claims"}, {"exp", "253402300799.5", "claims"},
		{"exp", "253402300799", "ok"}, {"exp", "4102444800.25", "ok"}, {"exp", "4.1024448e9", "ok"}, {"exp", "41024448e2", "ok"}, {"exp", "1", "expired"},
		{"nbf", "1e300", "claims"}, {"nbf", "null", "claims"}, {"nbf", `"1"`, "claims"}, {"nbf", "-5", "claims"}, {"nbf", "0", "ok"}, {"nbf", "0.0", "ok"}, {"nbf", "-0", "ok"}, {"nbf", "0.5", "claims"}, {"nbf", `"0"`, "claims"}, {"iat", "0", "claims"}, {"exp", "0", "claims"}, {"nbf", "1", "ok"}, {"nbf", "", "ok"},
		{"nbf", fmt.Sprint(at + 3000), "early"}, {"nbf", fmt.Sprint(at + 3600), "claims"}, {"nbf", fmt.Sprint(at + 3601), "claims"}, {"nbf", fmt.Sprint(at+3599) + ".5", "claims"},
		{"iat", "1e300", "claims"}, {"iat", "null", "claims"}, {"iat", `"1"`, "claims"}, {"iat", "1", "ok"}, {"iat", "", "ok"}, {"iat", fmt.Sprint(at + 86400), "early"}, {"iat", "253402300799", "early"},
	}
	wants := map[string]error{"ok": nil, "claims": ErrClaimsInvalid, "expired": ErrExpired, "early": ErrNotYetValid}
	v := newTestVerifier(t, testSpec(&source{set: p.set()}), nil)
	for _, row := range rows {
		t.Run(row.claim+" "+row.value, func(t *testing.T) {
			claims := map[string]string{"exp": fmt.Sprint(at + 3600)}
			if claims[row.claim] = row.value; row.value == "" {
				delete(claims, row.claim)
			}
			payload := `{"iss":"` + testIssuer + `","aud":"` + testAudience + `"`
			for name, value := range claims {
				payload += `,"` + name + `":` + value
			}
			expect(t, v, p.rs.mintRaw("RS256", payload+"}"), wants[row.wantName])
		})
	}
}

// TestTimeBoundaries walks over every boundary with and without skew, fresh and
// cached, to the nanosecond.
func TestTimeBoundaries(t *testing.T) {
	p := testPairs()
	exp, nbf, iat := start.Add(time.Hour), start, start.Add(10*time.Second)
	rows := []struct {
		name    string
		claims  members
		age     time.Duration
		instant time.Time // without skew
		end     bool      // the first invalid moment rather than the first valid one
		want    error
	}{
		{"exp", members{"nbf": absent, "iat": absent, "exp": exp.Unix()}, 0, exp, true, ErrExpired},
		{"exp with fraction", members{"nbf": absent, "iat": absent, "exp": float64(exp.Unix()) + 0.75}, 0, exp, true, ErrExpired},
		{"nbf", members{"iat": absent, "nbf": nbf.Unix()}, 0, nbf, false, ErrNotYetValid},
		{"nbf with fraction", members{"iat": absent, "nbf": float64(nbf.Unix()) + 0.25}, 0, nbf.Add(time.Second), false, ErrNotYetValid},
		{"iat", members{"nbf": absent, "iat": iat.Unix()}, 0, iat, false, ErrNotYetValid},
		{"iat after nbf", members{"nbf": nbf.Unix(), "iat": iat.Unix()}, 0, iat, false, ErrNotYetValid},
		{"age", members{"nbf": absent, "iat": iat.Unix()}, 5 * time.Minute, iat.Add(5 * time.Minute), true, ErrTooOld},
		{"age with fraction", members{"nbf": absent, "iat": float64(iat.Unix()) + 0.9}, 5 * time.Minute, iat.Add(5 * time.Minute), true, ErrTooOld},
		{"age beyond exp", members{"nbf": absent, "iat": iat.Unix(), "exp": exp.Unix()}, 10 * time.Hour, exp, true, ErrExpired},
	}
	for _, row := range rows {
		for _, skew := range []time.Duration{0, 30 * time.Second, 1500 * time.Millisecond} {
			spec := testSpec(&source{set: p.set()})
			spec.ClockSkew, spec.MaxTokenAge = skew, row.age
			raw := p.es.mint("ES256", nil, goodClaims().with(row.claims))
			edge, inside := row.instant.Add(-skew), time.Duration(0)
			outside := -time.Nanosecond
			if row.end {
				edge, inside, outside = row.instant.Add(skew), -time.Nanosecond, 0
			}
			for _, cache := range []*Cache{nil, NewCache(8)} {
				v := newTestVerifier(t, spec, cache)
				for round := range 3 {
					if _, err := v.Verify(t.Context(), raw, edge.Add(inside)); err != nil {
						t.Errorf("%s, skew %v, cache %v, round %d: just inside: %v", row.name, skew, cache != nil, round, err)
					}
					if _, err := v.Verify(t.Context(), raw, edge.Add(outside)); err != row.want { //nolint:errorlint // bare sentinels
						t.Errorf("%s, skew %v, cache %v, round %d: just outside: %v, want %v", row.name, skew, cache != nil, round, err, row.want)
					}
				}
			}
		}
	}
}

func TestTokenAgeNeedsIat(t *testing.T) {
	p := testPairs()
	spec := testSpec(&source{set: p.set()})
	spec.MaxTokenAge = time.Hour
	v := newTestVerifier(t, spec, nil)
	expect(t, v, p.es.mint("ES256", nil, goodClaims()), nil)
	expect(t, v, p.es.mint("ES256", nil, goodClaims().with(members{"iat": absent})), ErrClaimsInvalid)
	spec.MaxTokenAge = math.MaxInt64 // must not wrap around
	v = newTestVerifier(t, spec, nil)
	expect(t, v, p.es.mint("ES256", nil, goodClaims()), nil)
}

// TestForgedTokensLearnNothing holds that a token without a good signature is
// told nothing about its claims, whatever they are.
func TestForgedTokensLearnNothing(t *testing.T) {
	p := testPairs()
	v := newTestVerifier(t, testSpec(&source{set: p.set()}), NewCache(8))
	for _, change := range []members{{}, {"exp": 1}, {"exp": "x"}, {"aud": "other"}, {"sub": ""}, {"cnf": 1}, {"nbf": 9e10}, {"at_hash": "x"}} {
		expect(t, v, p.rsOther.mint("RS256", members{"typ": "JWT"}, goodClaims().with(change)), ErrSignature)
	}
}

func TestVerifiedResult(t *testing.T) {
	p := testPairs()
	v := newTestVerifier(t, testSpec(&source{set: p.set()}), NewCache(8))
	raw := p.ed.mint("Ed25519", nil, goodClaims().with(members{"n": 5, "deep": members{"a": []string{"x"}}}))
	for _, cached := range []bool{false, true} {
		got, err := v.Verify(t.Context(), raw, start)
		if err != nil {
			t.Fatal(err)
		}
		if got.Cached != cached || got.Subject != "u-1" || got.Issuer.Name() != "idp" || got.Issuer.URL() != testIssuer {
			t.Errorf("got %+v", got)
		}
		if s := got.Claims.Lookup([]string{"deep", "a"}).At(0).Str(); s != "x" {
			t.Errorf("nested claim is %q", s)
		}
	}
	got, err := v.Verify(t.Context(), p.ed.mint("EdDSA", nil, goodClaims().with(members{"sub": absent})), start)
	if err != nil || got.Subject != "" {
		t.Errorf("without sub: %+v, %v", got, err)
	}
}
