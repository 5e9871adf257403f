package token

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// attack is a token beside what must become of it.
type attack struct {
	name string
	raw  string
	want error
}

// runAttacks checks every attack against a fresh verifier, twice where the
// cache might make a difference, and that the control passes before and after.
func runAttacks(t *testing.T, control string, attacks []attack) {
	t.Helper()
	v := newTestVerifier(t, testSpec(&source{set: testPairs().set()}), NewCache(1000))
	expect(t, v, control, nil)
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			expect(t, v, a.raw, a.want)
			expect(t, v, a.raw, a.want)
		})
	}
	expect(t, v, control, nil)
}

func TestP1AlgorithmAttacks(t *testing.T) {
	p := testPairs()
	control := p.rs.mint("RS256", nil, goodClaims())
	var attacks []attack
	raw := func(name, alg string, want error) { // alg as JSON, the signature a good one
		header := `{"alg":` + alg + `,"kid":"rs","typ":"JWT"}`
		attacks = append(attacks, attack{name, sign("RS256", p.rs.private, header, goodClaims().json()), want})
	}
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", "RS256 ", " rs256", "rs256", "HS256", "HS384",
		"HS512", "ES256K", "RSA-OAEP", "RSA1_5", "dir", "A256GCMKW", "PBES2-HS256+A128KW", "Ed448", "RS512", "\\u0052S256x"} {
		raw(fmt.Sprintf("alg %q", alg), `"`+alg+`"`, ErrAlgorithm)
	}
	raw("number", `256`, ErrMalformed)
	raw("array", `["RS256"]`, ErrMalformed)
	raw("object", `{"RS256":1}`, ErrMalformed)
	raw("null", `null`, ErrMalformed)
	attacks = append(attacks,
		attack{"missing", sign("RS256", p.rs.private, `{"kid":"rs"}`, goodClaims().json()), ErrMalformed},
		attack{"other case of the name", sign("RS256", p.rs.private, `{"Alg":"RS256","kid":"rs"}`, goodClaims().json()), ErrMalformed},
		attack{"PS256 on an RS256 key", p.rs.mint("PS256", nil, goodClaims()), ErrAlgorithm},
		attack{"RS256 on a PS256 key", p.ps.mint("RS256", nil, goodClaims()), ErrAlgorithm},
		attack{"RS256 named, PS256 made", sign("PS256", p.rs.private, `{"alg":"RS256","kid":"rs"}`, goodClaims().json()), ErrSignature},
		attack{"ES384 on P-256", sign("RS256", p.rs.private, `{"alg":"ES384","kid":"es"}`, goodClaims().json()), ErrAlgorithm},
		attack{"ES512 on P-384", sign("RS256", p.rs.private, `{"alg":"ES512","kid":"es384"}`, goodClaims().json()), ErrAlgorithm},
		attack{"EdDSA on an RSA key", p.ed.mint("EdDSA", members{"kid": "rs"}, goodClaims()), ErrAlgorithm},
	)
	for name, secret := range publicForms(p.rs.private.Public()) {
		header := `{"alg":"HS256","kid":"rs","typ":"JWT"}`
		input := base64url([]byte(header)) + "." + base64url([]byte(goodClaims().json()))
		mac := must(jwt.SigningMethodHS256.Sign(input, secret))
		attacks = append(attacks, attack{"HMAC keyed with " + name, input + "." + base64url(mac), ErrAlgorithm})
		forged := base64url([]byte(`{"alg":"RS256","kid":"rs"}`)) + "." + base64url([]byte(goodClaims().json()))
		mac = must(jwt.SigningMethodHS256.Sign(forged, secret))
		attacks = append(attacks, attack{"HMAC as RS256 keyed with " + name, forged + "." + base64url(mac), ErrSignature})
	}
	runAttacks(t, control, attacks)
}

// publicForms are the bytes of a public key that confused verifiers took for an
// HMAC secret.
func publicForms(public crypto.PublicKey) map[string][]byte {
	der := must(x509.MarshalPKIXPublicKey(public))
	key := public.(*rsa.PublicKey)
	return map[string][]byte{
		"DER":    der,
		"PEM":    pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"PKCS#1": x509.MarshalPKCS1PublicKey(key),
		"n":      key.N.Bytes(),
		"JWK":    []byte(`{"e":"AQAB","kty":"RSA","n":"` + base64url(key.N.Bytes()) + `"}`),
		"empty":  {},
	}
}

func TestP1HeaderAttacks(t *testing.T) {
	p := testPairs()
	control := p.rs.mint("RS256", members{"x5t": "abc", "x5t#S256": "def", "nonce": "n", "iat": 1}, goodClaims())
	jwk := map[string]string{"kty": "RSA", "e": "AQAB", "n": base64url(p.rsOther.private.Public().(*rsa.PublicKey).N.Bytes())}
	var attacks []attack
	add := func(name string, header members, want error) {
		attacks = append(attacks, attack{name, p.rs.mint("RS256", header, goodClaims()), want})
	}
	add("jwk", members{"jwk": jwk}, ErrMalformed)
	attacks = append(attacks, attack{"jwk and its own signature", p.rsOther.mint("RS256", members{"jwk": jwk, "kid": absent}, goodClaims()), ErrMalformed})
	for _, name := range []string{"jku", "x5u", "x5c", "jwk", "crit", "b64", "zip", "enc", "cty"} {
		for _, value := range []any{nil, "", "https://evil.example/keys", "JWT", []string{}, []string{"exp"}, false, true, 1, jwk} {
			add(fmt.Sprintf("%s %v", name, value), members{name: value}, ErrMalformed)
		}
	}
	for _, kid := range []any{"", nil, 1, true, []string{"rs"}, members{"a": "rs"}, "rs\x00", "rs\n", "\x7f", "rs\u0085",
		strings.Repeat("k", MaxKIDBytes+1)} {
		add(fmt.Sprintf("kid %.20v", kid), members{"kid": kid}, ErrMalformed)
	}
	for _, kid := range []string{"../../dev/null", "' OR 1=1--", "RS", "rs ", "rs/", "r\u0455", strings.Repeat("k", MaxKIDBytes), "|id", "file:///etc/passwd"} {
		add(fmt.Sprintf("kid %.20q", kid), members{"kid": kid}, ErrKeyUnknown)
	}
	add("no kid among many keys", members{"kid": absent}, ErrKeyUnknown)
	add("thousands of values", members{"x": make([]int, 1400)}, ErrMalformed)
	header := func(name, text string, want error) {
		attacks = append(attacks, attack{name, sign("RS256", p.rs.private, text, goodClaims().json()), want})
	}
	header("hundreds of members", `{"alg":"RS256","kid":"rs","x":`+manyMembers(100, -1)+`}`, ErrMalformed)
	header("duplicate alg", `{"alg":"RS256","alg":"RS256","kid":"rs"}`, ErrMalformed)
	header("duplicate alg escaped", `{"alg":"RS256","\u0061lg":"none","kid":"rs"}`, ErrMalformed)
	header("duplicate kid", `{"alg":"RS256","kid":"rs","kid":"rs"}`, ErrMalformed)
	header("duplicate crit", `{"alg":"RS256","kid":"rs","crit":[],"crit":[]}`, ErrMalformed)
	header("escaped crit", `{"alg":"RS256","kid":"rs","\u0063rit":["exp"],"exp":1}`, ErrMalformed)
	header("not an object", `["RS256"]`, ErrMalformed)
	header("null", `null`, ErrMalformed)
	header("byte order mark", "\ufeff"+`{"alg":"RS256","kid":"rs"}`, ErrMalformed)
	header("UTF-16", "\xff\xfe{\x00}\x00", ErrMalformed)
	header("invalid UTF-8", "{\"alg\":\"RS256\",\"kid\":\"rs\",\"x\":\"\xff\"}", ErrMalformed)
	header("trailing garbage", `{"alg":"RS256","kid":"rs"}{}`, ErrMalformed)
	runAttacks(t, control, attacks)
}

func TestP1TypeAttacks(t *testing.T) {
	p := testPairs()
	var attacks []attack
	for _, typ := range []string{"", "dpop+jwt", "logout+jwt", "secevent+jwt", "token-introspection+jwt", "oauth-authz-req+jwt",
		"txntoken+jwt", "jwt ", "JWT;a=b", "application/", "application/application/jwt", "text/jwt", "at+JWTx", "at+jwt\x00", "JOSE"} {
		attacks = append(attacks, attack{fmt.Sprintf("typ %q", typ), p.rs.mint("RS256", members{"typ": typ}, goodClaims()), ErrType})
	}
	for _, typ := range []any{nil, 1, []string{"JWT"}, true} {
		attacks = append(attacks, attack{fmt.Sprintf("typ %v", typ), p.rs.mint("RS256", members{"typ": typ}, goodClaims()), ErrMalformed})
	}
	jwtTyp := members{"typ": "JWT"}
	for name, tell := range map[string]members{
		"at_hash": {"at_hash": "x"}, "c_hash": {"c_hash": nil}, "keycloak id token": {"typ": "ID"}, "keycloak refresh token": {"typ": "Refresh"},
		"logout event": {"events": members{"http://schemas.openid.net/event/backchannel-logout": members{}}},
	} {
		attacks = append(attacks, attack{name, p.rs.mint("RS256", jwtTyp, goodClaims().with(tell)), ErrType})
	}
	for _, typ := range []any{"jwt", "JWT", "at+JWT", "AT+jwt", "application/at+jwt", "APPLICATION/JWT", absent} {
		attacks = append(attacks, attack{fmt.Sprintf("good %v", typ), p.rs.mint("RS256", members{"typ": typ}, goodClaims()), nil})
	}
	harmless := goodClaims().with(members{"nonce": "n", "typ": "Bearer", "azp": "client", "events": members{"other": 1}})
	attacks = append(attacks, attack{"at_hash in what calls itself an access token", p.rs.mint("RS256", nil, goodClaims().with(members{"at_hash": "x", "typ": "ID"})), nil})
	attacks = append(attacks, attack{"harmless claims", p.rs.mint("RS256", jwtTyp, harmless), nil})
	runAttacks(t, p.rs.mint("RS256", nil, goodClaims()), attacks)
}

func TestP1TypesOfTheIssuer(t *testing.T) {
	p := testPairs()
	rows := []struct {
		types []string
		typ   any
		want  error
	}{
		{nil, "at+jwt", nil}, {nil, "JWT", nil}, {nil, absent, ErrType}, {nil, "logout+jwt", ErrType},
		{[]string{"at+jwt"}, "at+jwt", nil}, {[]string{"at+jwt"}, "JWT", ErrType}, {[]string{"at+jwt"}, absent, ErrType},
		{[]string{"application/at+jwt"}, "AT+JWT", nil}, {[]string{""}, absent, nil}, {[]string{""}, "JWT", ErrType}, {[]string{""}, "", ErrType},
		{[]string{"secevent+jwt"}, "secevent+jwt", nil}, {[]string{"secevent+jwt"}, "\u017fecevent+jwt", ErrType},
	}
	for _, row := range rows {
		t.Run(fmt.Sprintf("%q %v", row.types, row.typ), func(t *testing.T) {
			spec := testSpec(&source{set: p.set()})
			spec.Types = row.types
			expect(t, newTestVerifier(t, spec, nil), p.rs.mint("RS256", members{"typ": row.typ}, goodClaims()), row.want)
		})
	}
}

func TestP1EncodingAttacks(t *testing.T) {
	p := testPairs()
	raw := p.rs.mint("RS256", nil, goodClaims())
	parts := strings.Split(raw, ".")
	join := strings.Join
	attacks := []attack{
		{"empty", "", ErrMalformed}, {"one part", parts[0], ErrMalformed}, {"two parts", join(parts[:2], "."), ErrMalformed},
		{"four parts", raw + ".x", ErrMalformed}, {"five parts, as JWE", raw + ".x.y", ErrMalformed},
		{"thousand parts", strings.Repeat("a.", 1000), ErrMalformed}, {"dots alone", "..", ErrMalformed},
		{"leading dot", "." + raw, ErrMalformed}, {"trailing dot", raw + ".", ErrMalformed},
		{"no header", "." + parts[1] + "." + parts[2], ErrMalformed}, {"no payload, as detached", parts[0] + ".." + parts[2], ErrMalformed},
		{"none with empty signature", base64url([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", ErrMalformed},
		{"JSON form", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, ErrMalformed},
		{"PASETO", "v4.public.abcd", ErrMalformed}, {"opaque", "2YotnFZFEjr1zCsicMWpAA", ErrMalformed},
		{"opaque with dots", "AAAA.AAAA.AAAA", ErrMalformed},
		{"percent-encoded dots", strings.ReplaceAll(raw, ".", "%2E"), ErrMalformed},
		{"fullwidth dots", strings.ReplaceAll(raw, ".", "\uff0e"), ErrMalformed},
		{"byte order mark", "\ufeff" + raw, ErrMalformed}, {"scheme left on", "Bearer " + raw, ErrMalformed},
		{"too large by one", strings.Repeat("a", MaxTokenBytes+1), ErrTooLarge},
		{"60 KiB", strings.Repeat(".", 60<<10), ErrTooLarge}, {"1 MiB", strings.Repeat("a", 1<<20), ErrTooLarge},
		{"large header", p.rs.mint("RS256", members{"pad": strings.Repeat("x", 3000)}, goodClaims()), nil},
		{"too large a header", p.rs.mint("RS256", members{"pad": strings.Repeat("x", 3100)}, goodClaims()), ErrTooLarge},
		{"nested", p.rs.mintRaw("RS256", raw), ErrMalformed},
	}
	for _, c := range []string{"=", "+", "/", "\r", "\n", "\r\n", " ", "\t", "\x00", "%", ",", ";", "~", "\x80", "é"} {
		for i := range parts {
			for name, spelt := range map[string]string{"end": parts[i] + c, "start": c + parts[i], "middle": parts[i][:4] + c + parts[i][4:]} {
				changed := append([]string(nil), parts...)
				changed[i] = spelt
				attacks = append(attacks, attack{fmt.Sprintf("%q at the %s of part %d", c, name, i), join(changed, "."), ErrMalformed})
			}
		}
	}
	runAttacks(t, raw, attacks)
}

// TestP1TrailingBits respells each part with other bits where base64 has spare
// ones: the decoded bytes are the same, yet the token is another text.
func TestP1TrailingBits(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	p := testPairs()
	respelt := 0
	var attacks []attack
	good := p.rs.mint("RS256", nil, goodClaims())
	for _, pad := range []string{"", "x", "xx"} {
		raw := p.rs.mint("RS256", members{"pad": pad}, goodClaims().with(members{"pad": pad}))
		parts := strings.Split(raw, ".")
		for i, part := range parts {
			if len(part)%4 == 0 {
				continue
			}
			last := strings.IndexByte(alphabet, part[len(part)-1])
			changed := append([]string(nil), parts...)
			changed[i] = part[:len(part)-1] + alphabet[last|1:last|1+1]
			attacks = append(attacks, attack{fmt.Sprintf("pad %q part %d", pad, i), strings.Join(changed, "."), ErrMalformed})
			respelt++
		}
	}
	if respelt < 5 {
		t.Fatalf("only %d respellings", respelt)
	}
	runAttacks(t, good, attacks)
}

func TestP1JSONAttacks(t *testing.T) {
	p := testPairs()
	exp := fmt.Sprint(start.Unix() + 3600)
	good := `{"iss":"` + testIssuer + `","aud":"` + testAudience + `","exp":` + exp
	var attacks []attack
	add := func(name, payload string, want error) {
		attacks = append(attacks, attack{name, p.rs.mintRaw("RS256", payload), want})
	}
	add("duplicate exp", good+`,"exp":1}`, ErrMalformed)
	add("duplicate exp, escaped", good+`,"\u0065xp":1}`, ErrMalformed)
	add("duplicate deep down", good+`,"a":{"b":[{"c":1,"c":1}]}}`, ErrMalformed)
	add("duplicate empty names", good+`,"":1,"":2}`, ErrMalformed)
	add("trailing object", good+`}{}`, ErrMalformed)
	add("trailing comma", good+`,}`, ErrMalformed)
	add("trailing NUL", good+"}\x00", ErrMalformed)
	add("comment", good+`/**/}`, ErrMalformed)
	add("unclosed", good, ErrMalformed)
	add("null", `null`, ErrMalformed)
	add("list", `[]`, ErrMalformed)
	add("string", `"x"`, ErrMalformed)
	add("number", `1`, ErrMalformed)
	add("NUL alone", "\x00", ErrMalformed)
	add("lone high surrogate", good+`,"a":"\ud800"}`, ErrMalformed)
	add("lone low surrogate", good+`,"a":"\udc00"}`, ErrMalformed)
	add("surrogates swapped", good+`,"a":"\udc00\ud800"}`, ErrMalformed)
	add("overlong UTF-8", good+",\"a\":\"\xc0\xaf\"}", ErrMalformed)
	add("surrogate in UTF-8", good+",\"a\":\"\xed\xa0\x80\"}", ErrMalformed)
	add("raw control", good+",\"a\":\"\n\"}", ErrMalformed)
	add("depth", good+`,"a":`+strings.Repeat("[", MaxDepth)+strings.Repeat("]", MaxDepth)+`}`, ErrMalformed)
	add("depth of 5000", good+`,"a":`+strings.Repeat("[", 5000), ErrMalformed)
	add("many elements", good+`,"a":[`+strings.Repeat("1,", 5000)+`1]}`, ErrMalformed)
	add("exponent", good+`,"a":1e99999}`, ErrMalformed)
	add("NaN", good+`,"a":NaN}`, ErrMalformed)
	add("leading zero", good+`,"a":01}`, ErrMalformed)
	add("hexadecimal", good+`,"a":0x1}`, ErrMalformed)
	add("deepest", good+`,"a":`+strings.Repeat("[", MaxDepth-1)+strings.Repeat("]", MaxDepth-1)+`}`, nil)
	add("white space around", " \r\n\t"+good+"} \n", nil)
	// Names that fold to registered ones under Unicode are just other names.
	add("case variants", good+`,"EXP":1,"Exp":2,"i\u017fs":"x","\u212aid":1,"NBF":9e11,"__proto__":{"exp":1}}`, nil)
	add("only case variants", `{"Iss":"`+testIssuer+`","aud":"`+testAudience+`","exp":`+exp+`}`, ErrIssuerUnknown)
	add("folded iss", `{"is\u017f":"`+testIssuer+`","aud":"`+testAudience+`","exp":`+exp+`}`, ErrIssuerUnknown)
	add("only case variant of exp", `{"iss":"`+testIssuer+`","aud":"`+testAudience+`","EXP":`+exp+`}`, ErrClaimsInvalid)
	runAttacks(t, p.rs.mintRaw("RS256", good+`}`), attacks)
}

// TestP1ZeroValues holds that nothing that a constructor did not make opens a door.
func TestP1ZeroValues(t *testing.T) {
	raw := testPairs().rs.mint("RS256", nil, goodClaims())
	expect(t, &Verifier{}, raw, ErrIssuerUnknown)
	empty := must(NewVerifier(nil, NewCache(10)))
	expect(t, empty, raw, ErrIssuerUnknown)
	if _, err := NewVerifier([]*Issuer{{}}, nil); err == nil {
		t.Error("a zero Issuer was accepted")
	}
	if _, err := NewVerifier([]*Issuer{nil}, nil); err == nil {
		t.Error("a nil Issuer was accepted")
	}
	forever := testPairs().rs.mint("RS256", nil, goodClaims().with(members{"nbf": absent, "iat": absent}))
	v := newTestVerifier(t, testSpec(&source{set: testPairs().set()}), NewCache(4))
	expect(t, v, forever, nil)
	for _, now := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 0)} {
		if _, err := v.Verify(t.Context(), forever, now); !errors.Is(err, ErrNotYetValid) {
			t.Errorf("a clock at %v: %v", now, err)
		}
	}
	set := NewKeySet([]*Key{nil, {}})
	if set.Len() != 0 || set.Find("", RS256, algorithms(RS256)) != nil {
		t.Error("a zero Key got into a set")
	}
	var none Algorithm
	if algorithms(RS256).Has(none) || none.method() != nil || none.String() != "" {
		t.Error("the zero Algorithm is one")
	}
	if (&Key{}).verifies(RS256, "", nil) || (&Key{}).verifies(none, "", nil) {
		t.Error("a zero Key verifies")
	}
}
