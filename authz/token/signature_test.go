package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// replaceSignature puts other bytes in the place of a token's signature.
func replaceSignature(raw string, sig []byte) string {
	return raw[:strings.LastIndexByte(raw, '.')+1] + base64url(sig)
}

func signatureOf(raw string) []byte {
	return []byte(must(testPart(raw[strings.LastIndexByte(raw, '.')+1:])))
}

func inputOf(raw string) string { return raw[:strings.LastIndexByte(raw, '.')] }

func TestP1SignatureAttacks(t *testing.T) {
	p := testPairs()
	tokens := map[string]string{
		"RS256": p.rs.mint("RS256", nil, goodClaims()), "PS256": p.ps.mint("PS256", nil, goodClaims()),
		"ES256": p.es.mint("ES256", nil, goodClaims()), "ES384": p.es384.mint("ES384", nil, goodClaims()),
		"ES512": p.es512.mint("ES512", nil, goodClaims()),
		"EdDSA": p.ed.mint("EdDSA", nil, goodClaims()), "Ed25519": p.ed.mint("Ed25519", nil, goodClaims()),
	}
	for alg, raw := range tokens {
		sig := signatureOf(raw)
		attacks := []attack{
			{"empty", inputOf(raw) + ".", ErrMalformed},
			{"one byte", replaceSignature(raw, sig[:1]), ErrSignature},
			{"short", replaceSignature(raw, sig[:len(sig)-1]), ErrSignature},
			{"long", replaceSignature(raw, append(sig[:len(sig):len(sig)], 0)), ErrSignature},
			{"leading zero", replaceSignature(raw, append([]byte{0}, sig...)), ErrSignature},
			{"zeros", replaceSignature(raw, make([]byte, len(sig))), ErrSignature},
			{"twice", replaceSignature(raw, append(sig[:len(sig):len(sig)], sig...)), ErrSignature},
		}
		for _, at := range []int{0, len(sig) / 2, len(sig) - 1} {
			flipped := append([]byte(nil), sig...)
			flipped[at] ^= 1
			attacks = append(attacks, attack{fmt.Sprintf("bit of byte %d", at), replaceSignature(raw, flipped), ErrSignature})
		}
		other := goodClaims().with(members{"sub": "admin"}).json()
		head, _, _ := strings.Cut(raw, ".")
		attacks = append(attacks, attack{"other payload", replaceSignature(head+"."+base64url([]byte(other))+".x", sig), ErrSignature})
		t.Run(alg, func(t *testing.T) { runAttacks(t, raw, attacks) })
	}
	t.Run("same kid, key of another issuer", func(t *testing.T) {
		runAttacks(t, tokens["RS256"], []attack{
			{"rsa", p.rsOther.mint("RS256", nil, goodClaims()), ErrSignature},
			{"ed25519", p.edOther.mint("EdDSA", nil, goodClaims()), ErrSignature},
		})
	})
}

func TestP1ECDSASignatureAttacks(t *testing.T) {
	p := testPairs()
	raw := p.es.mint("ES256", nil, goodClaims())
	sig := signatureOf(raw)
	n := elliptic.P256().Params().N
	r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	fixed := func(r, s *big.Int) string {
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return replaceSignature(raw, out)
	}
	one, zero := big.NewInt(1), new(big.Int)
	der := must(asn1.Marshal(struct{ R, S *big.Int }{r, s}))
	less, more := new(big.Int).Sub(n, one), new(big.Int).Add(n, one)
	runAttacks(t, raw, []attack{
		{"r zero", fixed(zero, s), ErrSignature}, {"s zero", fixed(r, zero), ErrSignature},
		{"r is n", fixed(n, s), ErrSignature}, {"s is n", fixed(r, n), ErrSignature},
		{"r and s n", fixed(n, n), ErrSignature},
		{"r above n", fixed(more, s), ErrSignature}, {"s above n", fixed(r, more), ErrSignature},
		{"r and s below n", fixed(less, less), ErrSignature}, {"r and s one", fixed(one, one), ErrSignature},
		{"DER", replaceSignature(raw, der), ErrSignature},
		// The other one of the two signatures that ECDSA has for a message.
		{"twin", fixed(r, new(big.Int).Sub(n, s)), nil},
	})
}

func TestP1RSASignatureAttacks(t *testing.T) {
	p := testPairs()
	raw := p.rs.mint("RS256", nil, goodClaims())
	key := p.rs.private.(*rsa.PrivateKey)
	sig := new(big.Int).SetBytes(signatureOf(raw))
	attacks := []attack{
		{"zero", replaceSignature(raw, make([]byte, 256)), ErrSignature},
		{"n", replaceSignature(raw, key.N.Bytes()), ErrSignature},
		{"one", replaceSignature(raw, big.NewInt(1).FillBytes(make([]byte, 256))), ErrSignature},
	}
	if wrapped := new(big.Int).Add(sig, key.N); wrapped.BitLen() <= 2048 {
		attacks = append(attacks, attack{"s + n", replaceSignature(raw, wrapped.Bytes()), ErrSignature})
	}
	digest := sha256.Sum256([]byte(inputOf(raw)))
	for name, padded := range paddings(digest[:]) {
		m := new(big.Int).SetBytes(padded)
		forged := new(big.Int).Exp(m, key.D, key.N).FillBytes(make([]byte, 256))
		want := ErrSignature
		if name == "standard" {
			want = nil
		}
		attacks = append(attacks, attack{"padding " + name, replaceSignature(raw, forged), want})
	}
	runAttacks(t, raw, attacks)
}

// paddings are PKCS#1 v1.5 encodings, of which only the standard one is good.
func paddings(digest []byte) map[string][]byte {
	info := append([]byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, digest...)
	noNull := append([]byte{0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20}, digest...)
	build := func(block byte, fill byte, fillers int, tail []byte) []byte {
		out := append([]byte{0, block}, make([]byte, fillers)...)
		for i := range fillers {
			out[2+i] = fill
		}
		out = append(append(out, 0), tail...)
		return append(out, make([]byte, max(0, 256-len(out)))...)[:256]
	}
	return map[string][]byte{
		"standard":          build(1, 0xff, 256-3-len(info), info),
		"without NULL":      build(1, 0xff, 256-3-len(noNull), noNull),
		"short fill, tail":  build(1, 0xff, 8, info),
		"block type 2":      build(2, 0xff, 256-3-len(info), info),
		"other filler":      build(1, 0xfe, 256-3-len(info), info),
		"no algorithm info": build(1, 0xff, 256-3-len(digest), digest),
	}
}

func TestP1PSSSaltLengths(t *testing.T) {
	p := testPairs()
	raw := p.ps.mint("PS256", nil, goodClaims())
	digest := sha256.Sum256([]byte(inputOf(raw)))
	var attacks []attack
	for salt, want := range map[int]error{32: nil, 1: ErrSignature, 20: ErrSignature, 31: ErrSignature, 33: ErrSignature, 64: ErrSignature, 222: ErrSignature} {
		sig := must(rsa.SignPSS(rand.Reader, p.ps.private.(*rsa.PrivateKey), crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: salt}))
		attacks = append(attacks, attack{fmt.Sprintf("salt of %d bytes", salt), replaceSignature(raw, sig), want})
	}
	runAttacks(t, raw, attacks)
}

func TestP1EdDSASignatureAttacks(t *testing.T) {
	p := testPairs()
	raw := p.ed.mint("EdDSA", nil, goodClaims())
	sig := signatureOf(raw)
	// S + L is the same number modulo the order of the group, not canonical.
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	little := append([]byte(nil), sig[32:]...)
	reverse(little)
	sum := new(big.Int).Add(new(big.Int).SetBytes(little), order).FillBytes(make([]byte, 32))
	reverse(sum)
	smallR := append([]byte{1}, make([]byte, 63)...)
	runAttacks(t, raw, []attack{
		{"S not canonical", replaceSignature(raw, append(sig[:32:32], sum...)), ErrSignature},
		{"R of small order and S zero", replaceSignature(raw, smallR), ErrSignature},
	})
}

func reverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}

// TestCurveIsBoundToAlgorithm checks keys past Find: even asked directly, a key
// serves no algorithm of another curve or family.
func TestCurveIsBoundToAlgorithm(t *testing.T) {
	p := testPairs()
	for _, k := range []pair{p.rs, p.ps, p.es, p.es384, p.es512, p.ed} {
		for alg := RS256; alg < algorithmCount; alg++ {
			input := "header.payload"
			name := alg.String()
			if alg == Ed25519 {
				name = "EdDSA"
			}
			sig, err := jwt.GetSigningMethod(name).Sign(input, k.private)
			if private, ok := k.private.(*ecdsa.PrivateKey); ok && err != nil {
				r, s, _ := ecdsa.Sign(rand.Reader, private, make([]byte, 64))
				sig = append(r.Bytes(), s.Bytes()...)
			}
			if got := k.key.verifies(alg, input, sig); got != k.key.algs.Has(alg) {
				t.Errorf("key %s, %v: verifies is %v", k.key.kid, alg, got)
			}
		}
	}
}
