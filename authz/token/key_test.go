package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"
)

func fromBase64(s string) []byte { return []byte(must(testPart(s))) }

func number64(s string) *big.Int { return new(big.Int).SetBytes(fromBase64(s)) }

// Keys and tokens of RFC 7515 appendix A.2 to A.4, RFC 7638 section 3.1 and
// RFC 8037 appendix A.
const (
	rfc7515Payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	rfc7515N       = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
	rfc7515RS256   = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
	rfc7515X       = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
	rfc7515Y       = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
	rfc7515ES256   = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	rfc7638N       = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	rfc8037X       = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	rfc8037Sig     = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)

func rfcECKey() *ecdsa.PublicKey {
	point := append(append([]byte{4}, fromBase64(rfc7515X)...), fromBase64(rfc7515Y)...)
	return must(ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point))
}

func TestSignaturesOfTheRFCs(t *testing.T) {
	rows := map[string]struct {
		public     crypto.PublicKey
		alg        Algorithm
		input, sig string
	}{
		"RFC 7515 A.2": {&rsa.PublicKey{N: number64(rfc7515N), E: 65537}, RS256, "eyJhbGciOiJSUzI1NiJ9." + rfc7515Payload, rfc7515RS256},
		"RFC 7515 A.3": {rfcECKey(), ES256, "eyJhbGciOiJFUzI1NiJ9." + rfc7515Payload, rfc7515ES256},
		"RFC 8037 A.4": {ed25519.PublicKey(fromBase64(rfc8037X)), EdDSA, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", rfc8037Sig},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			key := must(NewKey(KeySpec{Public: row.public}))
			sig := fromBase64(row.sig)
			if !key.verifies(row.alg, row.input, sig) {
				t.Error("the RFC's signature is refused")
			}
			if key.verifies(row.alg, row.input+"A", sig) {
				t.Error("the RFC's signature fits another input")
			}
			sig[0] ^= 1
			if key.verifies(row.alg, row.input, sig) {
				t.Error("another signature fits the RFC's input")
			}
		})
	}
}

func TestThumbprints(t *testing.T) {
	rows := map[string]struct {
		public crypto.PublicKey
		want   string
	}{
		"RFC 7638 3.1": {&rsa.PublicKey{N: number64(rfc7638N), E: 65537}, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		"RFC 8037 A.3": {ed25519.PublicKey(fromBase64(rfc8037X)), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		"RFC 7515 A.3": {rfcECKey(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			thumbprint := must(NewKey(KeySpec{KID: "any", Public: row.public})).Thumbprint()
			if got := base64url(thumbprint[:]); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

func TestNewKeyBindsAlgorithms(t *testing.T) {
	p := testPairs()
	rs, es, ed := p.rs.private.Public(), p.es.private.Public(), p.ed.private.Public()
	family := algorithms(RS256, RS384, RS512, PS256, PS384, PS512)
	rows := []struct {
		name   string
		public crypto.PublicKey
		alg    string
		want   AlgorithmSet // 0: refused
	}{
		{"rsa", rs, "", family}, {"rsa", rs, "RS384", algorithms(RS384)}, {"rsa", rs, "PS512", algorithms(PS512)},
		{"rsa", rs, "ES256", 0}, {"rsa", rs, "EdDSA", 0}, {"rsa", rs, "HS256", 0}, {"rsa", rs, "none", 0}, {"rsa", rs, "RSA-OAEP", 0}, {"rsa", rs, "rs256", 0},
		{"ec", es, "", algorithms(ES256)}, {"ec", es, "ES256", algorithms(ES256)}, {"ec", es, "ES384", 0}, {"ec", es, "ES256K", 0}, {"ec", es, "ECDH-ES", 0},
		{"ec384", p.es384.private.Public(), "", algorithms(ES384)}, {"ec384", p.es384.private.Public(), "ES512", 0},
		{"ec521", p.es512.private.Public(), "", algorithms(ES512)},
		{"okp", ed, "", algorithms(EdDSA, Ed25519)}, {"okp", ed, "EdDSA", algorithms(EdDSA, Ed25519)}, {"okp", ed, "Ed25519", algorithms(EdDSA, Ed25519)}, {"okp", ed, "RS256", 0},
	}
	for _, row := range rows {
		key, err := NewKey(KeySpec{KID: "k", Alg: row.alg, Public: row.public})
		switch {
		case row.want == 0 && !errors.Is(err, ErrKeyUnusable):
			t.Errorf("%s %q: got %v, want ErrKeyUnusable", row.name, row.alg, err)
		case row.want != 0 && (err != nil || key.Algorithms() != row.want || key.KID() != "k"):
			t.Errorf("%s %q: got %v, %v", row.name, row.alg, key, err)
		}
	}
}

// point builds keys that no parser would let through.
func point(curve elliptic.Curve, x, y *big.Int) *ecdsa.PublicKey {
	return &ecdsa.PublicKey{Curve: curve, X: x, Y: y} //nolint:staticcheck // deprecated, but the only way to an invalid key
}

func TestNewKeyRefuses(t *testing.T) {
	n := testPairs().rs.private.Public().(*rsa.PublicKey).N
	odd := func(bits uint) *big.Int { // an odd number without small factors
		x := new(big.Int).Lsh(big.NewInt(1), bits-1)
		for x.Add(x, big.NewInt(1)); !x.ProbablyPrime(1) && hasSmallFactor(x); x.Add(x, big.NewInt(2)) {
			continue
		}
		return x
	}
	small := must(rsa.GenerateKey(rand.Reader, 1024)).N
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	off := point(elliptic.P256(), big.NewInt(1), big.NewInt(1))
	foreign := point(elliptic.P256().Params(), elliptic.P256().Params().Gx, elliptic.P256().Params().Gy)
	rows := map[string]struct {
		public crypto.PublicKey
		cause  string
	}{
		"nil":               {nil, "type"},
		"HMAC secret":       {[]byte("secret"), "type"},
		"private key":       {testPairs().rs.private, "type"},
		"nil rsa":           {(*rsa.PublicKey)(nil), "without a modulus"},
		"rsa without n":     {&rsa.PublicKey{E: 65537}, "without a modulus"},
		"negative n":        {&rsa.PublicKey{N: new(big.Int).Neg(n), E: 65537}, "without a modulus"},
		"rsa 1024":          {&rsa.PublicKey{N: small, E: 65537}, "1024 bits"},
		"rsa 2047":          {&rsa.PublicKey{N: odd(2047), E: 65537}, "2047 bits"},
		"rsa 8193":          {&rsa.PublicKey{N: odd(8193), E: 65537}, "8193 bits"},
		"e 0":               {&rsa.PublicKey{N: n}, "exponent"},
		"e 1":               {&rsa.PublicKey{N: n, E: 1}, "exponent"},
		"e 2":               {&rsa.PublicKey{N: n, E: 2}, "exponent"},
		"e even":            {&rsa.PublicKey{N: n, E: 65536}, "exponent"},
		"e negative":        {&rsa.PublicKey{N: n, E: -3}, "exponent"},
		"e huge":            {&rsa.PublicKey{N: n, E: 1<<31 + 1}, "exponent"},
		"n even":            {&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}, "divisible by 2"},
		"n with a factor":   {&rsa.PublicKey{N: new(big.Int).Mul(odd(2048), big.NewInt(163)), E: 65537}, "divisible by"},
		"ROCA":              {&rsa.PublicKey{N: rocaModulus(), E: 65537}, "ROCA"},
		"nil ec":            {(*ecdsa.PublicKey)(nil), "without coordinates"},
		"zero ec":           {&ecdsa.PublicKey{}, "without coordinates"},
		"ec without point":  {&ecdsa.PublicKey{Curve: elliptic.P256()}, "without coordinates"},
		"P-224":             {p224.Public(), "curve other than"},
		"no curve":          {point(nil, big.NewInt(1), big.NewInt(1)), "curve other than"},
		"foreign curve":     {foreign, "curve other than"},
		"off the curve":     {off, "not on its curve"},
		"infinity":          {point(elliptic.P256(), new(big.Int), new(big.Int)), "not on its curve"},
		"negative x":        {point(elliptic.P256(), big.NewInt(-1), big.NewInt(1)), "not on its curve"},
		"x beyond field":    {point(elliptic.P256(), new(big.Int).Lsh(big.NewInt(1), 300), big.NewInt(1)), "not on its curve"},
		"nil ed25519":       {ed25519.PublicKey(nil), "0 bytes"},
		"short ed25519":     {ed25519.PublicKey(make([]byte, 31)), "31 bytes"},
		"long ed25519":      {ed25519.PublicKey(make([]byte, 33)), "33 bytes"},
		"ed25519 off curve": {ed25519.PublicKey(append([]byte{2}, make([]byte, 31)...)), "not on the curve"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			key, err := NewKey(KeySpec{KID: "k", Public: row.public})
			if key != nil || !errors.Is(err, ErrKeyUnusable) || !strings.Contains(err.Error(), row.cause) {
				t.Errorf("got %v, %v; want ErrKeyUnusable with %q", key, err, row.cause)
			}
		})
	}
	for _, kid := range []string{strings.Repeat("k", MaxKIDBytes+1), "a\x00", "\xff"} {
		if _, err := NewKey(KeySpec{KID: kid, Public: testPairs().ed.private.Public()}); !errors.Is(err, ErrKeyUnusable) {
			t.Errorf("kid %.10q: %v", kid, err)
		}
	}
}

func hasSmallFactor(n *big.Int) bool { return strings.Contains(errText(checkModulus(n)), "divisible") }

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// rocaModulus builds a 2048-bit modulus as the flawed generator did: each
// factor is k*M + (65537^a mod M), with M a product of the first primes.
func rocaModulus() *big.Int {
	m := big.NewInt(1)
	for p := int64(2); p <= 167; p++ {
		if big.NewInt(p).ProbablyPrime(20) {
			m.Mul(m, big.NewInt(p))
		}
	}
	factor := func(a int64, k uint) *big.Int {
		f := new(big.Int).Exp(big.NewInt(65537), big.NewInt(a), m)
		return f.Add(f, new(big.Int).Mul(m, new(big.Int).Lsh(big.NewInt(1), k)))
	}
	n := new(big.Int).Mul(factor(1234, 1023-219), factor(98765, 1023-218))
	for k := uint(0); n.BitLen() < 2048; k++ {
		n = new(big.Int).Mul(factor(1234, 1023-219+k), factor(98765, 1023-218))
	}
	return n
}

// TestEd25519SmallOrderPoints lists all encodings that decode to a point whose
// order divides 8, canonical and not.
func TestEd25519SmallOrderPoints(t *testing.T) {
	encodings := []string{
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	}
	for _, encoding := range encodings {
		_, err := NewKey(KeySpec{Public: ed25519.PublicKey(must(hex.DecodeString(encoding)))})
		if !errors.Is(err, ErrKeyUnusable) || strings.Contains(err.Error(), "not on the curve") {
			t.Errorf("%s: got %v", encoding, err)
		}
	}
	for range 50 { // honest keys are never mistaken for such
		public, _, _ := ed25519.GenerateKey(rand.Reader)
		if _, err := NewKey(KeySpec{Public: public}); err != nil {
			t.Errorf("%x: %v", public, err)
		}
	}
}

// TestKeyKeepsNoCallerMemory holds that a key does not change with the public
// key it was made from.
func TestKeyKeepsNoCallerMemory(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	key := must(NewKey(KeySpec{Public: public}))
	clear(public)
	if !key.verifies(EdDSA, "x", ed25519.Sign(private, []byte("x"))) {
		t.Error("the Ed25519 key changed")
	}
	own := must(rsa.GenerateKey(rand.Reader, 2048))
	rsaKey := must(NewKey(KeySpec{Public: own.Public()}))
	raw := sign("RS256", own, "{}", "{}")
	own.N.SetInt64(15)
	if !rsaKey.verifies(RS256, inputOf(raw), signatureOf(raw)) {
		t.Error("the RSA key changed")
	}
}

func TestKeySetFind(t *testing.T) {
	p := testPairs()
	every := algorithms(RS256, RS384, PS256, ES256, EdDSA, Ed25519)
	key := func(kid, alg string, of pair) *Key {
		return must(NewKey(KeySpec{KID: kid, Alg: alg, Public: of.private.Public()}))
	}
	a, b := key("k", "RS256", p.rs), key("k", "ES256", p.es)
	wide, twin := key("k", "", p.ps), key("k", "RS256", p.rs)
	bare := key("", "RS256", p.rs)
	rows := []struct {
		name    string
		keys    []*Key
		kid     string
		alg     Algorithm
		allowed AlgorithmSet
		want    *Key
	}{
		{"by kid", []*Key{a, b}, "k", RS256, every, a},
		{"same kid, other family", []*Key{a, b}, "k", ES256, every, b},
		{"same kid, neither", []*Key{a, b}, "k", EdDSA, every, nil},
		{"not allowed", []*Key{a}, "k", RS256, algorithms(ES256), nil},
		{"other kid", []*Key{a}, "K", RS256, every, nil},
		{"ambiguous", []*Key{a, wide}, "k", RS256, every, nil},
		{"unambiguous for another algorithm", []*Key{a, wide}, "k", RS384, every, wide},
		{"listed twice", []*Key{a, twin}, "k", RS256, every, twin},
		{"kid does not find a key without", []*Key{bare}, "k", RS256, every, nil},
		{"without kid", []*Key{bare}, "", RS256, every, bare},
		{"without kid finds a key with", []*Key{a}, "", RS256, every, a},
		{"without kid, two", []*Key{a, b}, "", RS256, every, nil},
		{"without kid, one eligible", []*Key{a, b}, "", RS256, algorithms(RS256), a},
		{"without kid, other algorithm", []*Key{a}, "", RS384, every, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			set := NewKeySet(row.keys)
			if got := set.Find(row.kid, row.alg, row.allowed); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
	set := NewKeySet([]*Key{a, bare})
	if !set.HasKID("k") || set.HasKID("") || set.HasKID("x") || set.Len() != 2 {
		t.Error("HasKID or Len is wrong")
	}
	own := must(NewKey(KeySpec{KID: "own", Alg: "RS256", Issuer: testIssuer, Public: p.rs.private.Public()}))
	if got := NewKeySet([]*Key{own}).Find("own", RS256, every); got != own {
		t.Errorf("a key of one issuer alone is not found among those of all: %v", got)
	}
	if !set.Contains(a.Thumbprint()) || set.Contains(b.Thumbprint()) || set.Contains(Thumbprint{}) {
		t.Error("Contains is wrong")
	}
}
