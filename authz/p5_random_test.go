package authz_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
)

// anyClaim draws a value of any JSON type, with what breaks headers in it.
func anyClaim(t *rapid.T, depth int) any {
	text := rapid.OneOf(rapid.StringN(0, 8, -1), rapid.SampledFrom([]string{
		"", " ", "a,b", "a%2Cb", "a\r\nx-user-id: root", "\x00", "\x7f", "\u00e9", "\u2028", "x-user-id", strings.Repeat("x", 1024), strings.Repeat("x", 1025), strings.Repeat("\u00e9", 400), "a\tb",
	}))
	switch kind := rapid.IntRange(0, 6).Draw(t, "kind"); {
	case kind == 1:
		return nil
	case kind == 2:
		return rapid.Bool().Draw(t, "bool")
	case kind == 3:
		return rapid.Int64().Draw(t, "number")
	case kind == 4 && depth > 0:
		list := make([]any, rapid.IntRange(0, 3).Draw(t, "length"))
		for i := range list {
			list[i] = anyClaim(t, depth-1)
		}
		return list
	case kind == 5 && depth > 0:
		object := map[string]any{}
		for range rapid.IntRange(0, 2).Draw(t, "members") {
			object[text.Draw(t, "name")] = anyClaim(t, depth-1)
		}
		return object
	}
	return text.Draw(t, "text")
}

// TestP5AnyClaims signs claims of any value for every source of a header. What
// passes has each owned name exactly once or not at all, whatever the client
// sent under it and its spellings; each value is one that a header may hold, and
// within its bounds; and what a claim says alone decides which.
func TestP5AnyClaims(t *testing.T) {
	headers := map[string]authz.HeaderSpec{
		"x-user-id": {}, "x-roles": {Join: ","}, "x-plan": {Encoding: authz.Refuse}, "x-raw": {Encoding: authz.JSON}, "x-coded": {Encoding: authz.Base64URL}, "x-long": {OmitOversize: true},
	}
	names := slices.Sorted(maps.Keys(headers))
	a := newACME(t, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		owned := ownedHeaders(t, append(names, "x-tenant", "x-spare")...)
		tenant.Owned, snapshot.Owned, tenant.Headers = owned, owned, nil
		for _, name := range names {
			spec := headers[name]
			spec.Name, spec.Source = name, authz.SourceSpec{Claim: []string{name}}
			tenant.Headers = append(tenant.Headers, spec)
		}
	})
	var forged []authz.Header
	for _, name := range append(names, "x-spare", "x-tenant") {
		forged = append(forged, authz.Header{Name: name, Value: "forged"}, authz.Header{Name: strings.ReplaceAll(name, "-", "_"), Value: "forged"}, authz.Header{Name: name, Value: "forged"})
	}
	passed, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		claims := jwt.MapClaims{"scope": "orders:read"}
		for _, name := range names {
			if rapid.IntRange(0, 2).Draw(rt, name) > 0 {
				claims[name] = anyClaim(rt, 2)
			}
		}
		raw := a.idp.sign(t, claims)
		for range 2 { // fresh and cached
			req := get("/orders/7", raw, forged...)
			d := a.decide(req)
			if d.Verdict != authz.Allow {
				if d.Set != nil || d.Remove != nil || !slices.Contains([]authz.Reason{authz.HeaderValueRefused, authz.TokenMalformed, authz.TokenTooLarge}, d.Reason) {
					rt.Fatalf("%v of %v: %+v", d.Reason, claims, d)
				}
				refused++
				continue
			}
			passed++
			checkUpstream(rt, upstream(req, &d), names, claims)
		}
	})
	if !testing.Short() && (passed < 20 || refused < 5) {
		t.Errorf("%d passed, %d were refused: the drawn claims prove little", passed, refused)
	}
}

// checkUpstream looks at what would arrive.
func checkUpstream(t *rapid.T, seen map[string][]string, names []string, claims jwt.MapClaims) {
	total := 0
	for header, values := range seen {
		if strings.HasPrefix(header, "x") && (len(values) != 1 || values[0] == "forged" || values[0] == "" || !slices.Contains(names, header)) {
			t.Fatalf("the upstream sees %s: %q of %v", header, values, claims)
		}
		for _, value := range values {
			total += len(value)
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) || strings.Trim(value, " ") != value || len(value) > 1024 {
				t.Fatalf("%s is %q of %v", header, value, claims)
			}
		}
	}
	if total > 8<<10+4<<10 { // and the request's own
		t.Fatalf("%d bytes of %v", total, claims)
	}
	for _, name := range names {
		text, err := json.Marshal(claims[name])
		if err != nil {
			t.Fatal(err)
		}
		if absent := slices.Contains([]string{"null", `""`, "[]"}, string(text)); absent && seen[name] != nil {
			t.Fatalf("%s is %q of %s", name, seen[name], text)
		}
	}
}
