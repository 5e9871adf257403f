package token

import (
	"context"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
	"unique"
)

// TestSizesToTheByte asks the first look at a token for its limits alone.
func TestSizesToTheByte(t *testing.T) {
	part := func(n int) string { return strings.Repeat("AAAA", n/4+1)[:n] }
	const header = MaxHeaderBytes
	for raw, want := range map[string]error{
		part(header) + ".AAAA.AAAA":                 nil,
		part(header+4) + ".AAAA.AAAA":               ErrTooLarge,
		part(header + 1):                            ErrTooLarge,
		"AAAA." + part(MaxTokenBytes-10) + ".AAAA":  nil, // the greatest token
		"AAAA." + part(MaxTokenBytes-10) + ".AAAAA": ErrTooLarge,
		"":                                   ErrMalformed,
		"AAAA":                               ErrOpaque,
		"A.A.A.A.A":                          ErrEncrypted,
		"A.A.A.A":                            ErrMalformed,
		strings.Repeat(".", MaxTokenBytes):   ErrMalformed,
		strings.Repeat(".", MaxTokenBytes+1): ErrTooLarge,
	} {
		if _, err := splitCompact(raw); err != want { //nolint:errorlint // bare
			t.Errorf("%.20q, %d bytes: %v, want %v", raw, len(raw), err, want)
		}
	}
}

// TestCanonicalParts asks each of the two nets under the spelling of a part.
func TestCanonicalParts(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range 256 {
		c := string([]byte{byte(i)})
		value := strings.IndexByte(alphabet, byte(i))
		for part, good := range map[string]bool{
			c: false, "A" + c: value >= 0 && value%16 == 0, "AA" + c: value >= 0 && value%4 == 0, "AAA" + c: value >= 0,
			"AAAA" + c: false, c + "AAA": value >= 0, c + "A": value >= 0, "AAAAA" + c: value >= 0 && value%16 == 0,
		} {
			if canonicalPart(part) != good {
				t.Errorf("%q: canonical: %v", part, !good)
			}
			if _, err := testPart(part); good && err != nil || !good && value < 0 && i != '\r' && i != '\n' && !errors.Is(err, ErrMalformed) {
				t.Errorf("%q: decoded: %v", part, err)
			}
		}
	}
	if canonicalPart("") {
		t.Error("no character is a part")
	}
	if _, err := new(workspace).parseHeader("!"); !errors.Is(err, ErrMalformed) {
		t.Errorf("a header that is not decoded: %v", err)
	}
}

func TestMediaTypesFoldASCIIAlone(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		want := string([]byte{c}) + "+jwt"
		if at := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZ", c); at >= 0 {
			want = "abcdefghijklmnopqrstuvwxyz"[at:at+1] + "+jwt"
		}
		if got := mediaType("application/" + string([]byte{c}) + "+JWT"); got != want {
			t.Errorf("%q: %q", string([]byte{c}), got)
		}
	}
}

func TestNamesToTheByte(t *testing.T) {
	for text, good := range map[string]bool{
		strings.Repeat("a", maxNameBytes): true, strings.Repeat("a", maxNameBytes+1): false, "a\xff": false, "a\x1f": false, "a\x7f": false, "a\u0085": false, "\u00e9": true, "": false,
	} {
		if err := checkName("name", text); (err == nil) != good {
			t.Errorf("%.10q, %d bytes: %v", text, len(text), err)
		}
	}
	for _, tt := range []struct {
		skew, age time.Duration
		good      bool
	}{{MaxClockSkew, 0, true}, {MaxClockSkew + 1, 0, false}, {0, 0, true}, {-1, 0, false}, {0, 1, true}, {0, -1, false}} {
		if err := checkTimes(IssuerSpec{ClockSkew: tt.skew, MaxTokenAge: tt.age}); (err == nil) != tt.good {
			t.Errorf("skew %v, age %v: %v", tt.skew, tt.age, err)
		}
	}
}

func TestIssuersTellWhatTheyMatch(t *testing.T) {
	exact := must(NewIssuer(testSpec(&source{})))
	if exact.IsTemplate() || !exact.Matches(testIssuer) || exact.Matches(testIssuer+"x") {
		t.Error("one identifier passes for many")
	}
	spec := testSpec(&source{})
	spec.URL = "https://id.example.com/{tid}"
	if many := must(NewIssuer(spec)); !many.IsTemplate() || !many.Matches("https://id.example.com/a") || many.Matches("https://id.example.com/") {
		t.Error("a template passes for one identifier")
	}
}

// TestEveryAlgorithmVerifies holds each algorithm against all others of its
// family: none takes the signature of another.
func TestEveryAlgorithmVerifies(t *testing.T) {
	p := testPairs()
	for family, algs := range map[*pair][]string{
		&p.rs: {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, &p.es: {"ES256"}, &p.es384: {"ES384"}, &p.es512: {"ES512"}, &p.ed: {"EdDSA", "Ed25519"},
	} {
		for _, signed := range algs {
			raw := sign(signed, family.private, "{}", "{}")
			for _, asked := range algs {
				alg, _ := ParseAlgorithm(asked)
				key := must(NewKey(KeySpec{Public: family.private.Public()}))
				want := signed == asked || strings.HasPrefix(signed, "Ed")
				if got := key.verifies(alg, inputOf(raw), signatureOf(raw)); got != want {
					t.Errorf("%s takes what %s signed: %v", asked, signed, got)
				}
			}
		}
	}
	all := algorithms(RS256, ES384, Ed25519)
	if got := all.Names(); !slices.Equal(got, []string{"RS256", "ES384", "Ed25519"}) {
		t.Errorf("names are %v", got)
	}
	if AlgorithmSet(0).Names() != nil || AlgorithmSet(1).Has(0) {
		t.Error("no algorithm is one")
	}
}

func TestKeysToTheBit(t *testing.T) {
	n := testPairs().rs.private.Public().(*rsa.PublicKey).N
	wide := new(big.Int).Lsh(big.NewInt(1), 8191) // of 8192 bits, and without a small factor
	for wide.Add(wide, big.NewInt(1)); hasSmallFactor(wide); wide.Add(wide, big.NewInt(2)) {
		continue
	}
	for name, row := range map[string]struct {
		n    *big.Int
		e    int
		good bool
	}{
		"8192 bits": {wide, 65537, true}, "e 3": {n, 3, true}, "e 2": {n, 2, false}, "greatest e": {n, 1<<31 - 1, true}, "greater e": {n, 1<<31 + 1, false}, "no n": {new(big.Int), 3, false},
	} {
		if _, err := NewKey(KeySpec{Public: &rsa.PublicKey{N: row.n, E: row.e}}); (err == nil) != row.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	one := big.NewInt(1)
	for _, public := range [][2]*big.Int{{nil, one}, {one, nil}} {
		if _, err := NewKey(KeySpec{Public: point(elliptic.P256(), public[0], public[1])}); !errors.Is(err, ErrKeyUnusable) {
			t.Errorf("a point without a coordinate: %v", err)
		}
	}
}

func TestTreesTellOnlyWhatTheyHold(t *testing.T) {
	const written = `{"f":false,"list":[1,2,[3]],"text":"x"}`
	v := must(ParseObject([]byte(written)))
	if v.Get("f").Bool() {
		t.Error("false is true")
	}
	if name, member := v.Member(-1); name != "" || member != nil {
		t.Error("there is a member before the first")
	}
	if name, member := v.Get("list").Member(0); name != "" || member != nil {
		t.Error("a list has members")
	}
	if _, size, err := new(workspace).parseObject(written, maxNodes); err != nil || size != 8*16+len("flisttextx123") {
		t.Errorf("8 nodes and their texts take %d bytes (%v)", size, err)
	}
	for i := range rune(0x300) {
		text := fmt.Sprintf("a%cb", i)
		doc := must(ParseObject(fmt.Appendf(nil, `{%s:0}`, must(json.Marshal(text)))))
		var back map[string]int
		if err := json.Unmarshal(doc.AppendJSON(nil), &back); err != nil || len(back) != 1 {
			t.Fatalf("%q is written as %q: %v", text, doc.AppendJSON(nil), err)
		}
		if _, ok := back[text]; !ok {
			t.Errorf("%q is written as %q", text, doc.AppendJSON(nil))
		}
	}
}

// TestChecksThatOthersCover asks what another check usually answers first.
func TestChecksThatOthersCover(t *testing.T) {
	p := testPairs()
	v := newTestVerifier(t, templateSpec(testTemplate), nil)
	named := goodClaims().with(members{"iss": testTemplate, "tid": "{tid}"})
	expect(t, v, p.edOther.mint("EdDSA", nil, named), ErrIssuerUnknown) // the template is no issuer, whatever its signature

	plain := newTestVerifier(t, testSpec(staticSource{p.set()}), nil)
	stray := cached{origin: unique.Make(origin{issuer: "https://nobody.example.com", kid: "rs", alg: RS256, thumbprint: p.rs.key.Thumbprint()}), lifetime: lifetime{expiry: 1 << 62}}
	if i, err := plain.recheck(t.Context(), &stray, start); i != nil || err != nil {
		t.Errorf("an entry of nobody's is %v's, %v", i, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := plain.Verify(ended, p.ed.mint("EdDSA", members{"nonce": "x"}, goodClaims()), start); err != ErrDeadline { //nolint:errorlint // bare
		t.Errorf("a nonce makes another error of a deadline: %v", err)
	}
	for typ, want := range map[string]error{"Logout": ErrNotAccess, "Offline": ErrNotAccess, "Refresh": ErrNotAccess, "ID": ErrIDToken, "Bearer": nil} {
		expect(t, plain, p.ed.mint("EdDSA", members{"typ": "JWT"}, goodClaims().with(members{"typ": typ})), want)
	}
}

func TestLifetimesToTheSecond(t *testing.T) {
	p := testPairs()
	v := newTestVerifier(t, testSpec(staticSource{p.set()}), nil)
	now := start.Unix()
	for _, tt := range []struct {
		exp, nbf int64
		want     error
	}{{now + 1, now, nil}, {now, now, ErrClaimsInvalid}, {now + 1, now + 1, ErrClaimsInvalid}} {
		expect(t, v, p.ed.mint("EdDSA", nil, goodClaims().with(members{"exp": tt.exp, "nbf": tt.nbf, "iat": absent})), tt.want)
	}
	life := lifetime{expiry: atSecond(10)}
	for second, want := range map[int64]error{0: ErrNotYetValid, 1: nil, 9: nil, 10: ErrExpired, 1<<64/1_000_000 + 5: ErrExpired /* in microseconds it wraps around */} {
		if err := life.check(time.Unix(second, 0)); err != want { //nolint:errorlint // bare
			t.Errorf("at %d: %v, want %v", second, err, want)
		}
	}
}
