package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
	"slices"
)

// Bounds on RSA keys. The lower size is that of RFC 7518 section 3.3; beyond
// the upper one each verification costs more than a request is worth.
const (
	minRSABits     = 2048
	maxRSABits     = 8192
	maxRSAExponent = 1<<31 - 1
)

func inspectRSA(p *rsa.PublicKey) (*Key, error) {
	if p == nil || p.N == nil || p.N.Sign() <= 0 {
		return nil, unusable("RSA key without a modulus")
	}
	if bits := p.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return nil, unusable("RSA modulus of %d bits; %d to %d are accepted", bits, minRSABits, maxRSABits)
	}
	if p.E < 3 || p.E > maxRSAExponent || p.E%2 == 0 {
		return nil, unusable("RSA exponent is even, below 3 or above 2^31-1")
	}
	if err := checkModulus(p.N); err != nil {
		return nil, err
	}
	own := &rsa.PublicKey{N: new(big.Int).Set(p.N), E: p.E}
	return &Key{
		public:     own,
		algs:       algorithms(RS256, RS384, RS512, PS256, PS384, PS512),
		thumbprint: thumbprintRSA(own),
	}, nil
}

// checkModulus refuses a modulus with a small factor, even ones included, and
// one of the shape that the flawed generator of CVE-2017-15361 (ROCA) makes:
// modulo each of the first primes such a modulus is a power of 65537.
func checkModulus(n *big.Int) error {
	powers := true
	for _, p := range []int64{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
		89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167} {
		rest := new(big.Int).Mod(n, big.NewInt(p)).Int64()
		if rest == 0 {
			return unusable("RSA modulus is divisible by %d", p)
		}
		powers = powers && isPower(65537%p, rest, p)
	}
	if powers {
		return unusable("RSA modulus made by the generator of CVE-2017-15361 (ROCA)")
	}
	return nil
}

// isPower reports whether x is a power of base modulo the prime p.
func isPower(base, x, p int64) bool {
	power := int64(1)
	for range p {
		if power == x {
			return true
		}
		power = power * base % p
	}
	return false
}

func inspectECDSA(p *ecdsa.PublicKey) (*Key, error) {
	//nolint:staticcheck // the coordinates are only looked at: Bytes panics where they are nil
	if p == nil || p.X == nil || p.Y == nil {
		return nil, unusable("EC key without coordinates")
	}
	var alg Algorithm
	switch p.Curve {
	case elliptic.P256():
		alg = ES256
	case elliptic.P384():
		alg = ES384
	case elliptic.P521():
		alg = ES512
	default:
		return nil, unusable("EC key on a curve other than P-256, P-384 and P-521")
	}
	point, err := p.Bytes() // refuses infinity and whatever is not on the curve
	if err != nil {
		return nil, unusable("EC point is not on its curve")
	}
	own, err := ecdsa.ParseUncompressedPublicKey(p.Curve, point)
	if err != nil {
		return nil, unusable("EC point is not on its curve")
	}
	return &Key{public: own, algs: algorithms(alg), thumbprint: thumbprintEC(p.Curve, point)}, nil
}

func inspectEd25519(p ed25519.PublicKey) (*Key, error) {
	if len(p) != ed25519.PublicKeySize {
		return nil, unusable("Ed25519 key of %d bytes; %d are needed", len(p), ed25519.PublicKeySize)
	}
	if err := checkEdwards(p); err != nil {
		return nil, err
	}
	own := slices.Clone(p)
	return &Key{public: own, algs: algorithms(EdDSA, Ed25519), thumbprint: thumbprintEd25519(own)}, nil
}

// checkEdwards refuses an encoding that is not canonical, a point that is not
// on the curve, and a point of small order, under which a signature can fit
// every message (RFC 8032 section 5.1.3, RFC 7748 section 6.1).
func checkEdwards(encoded []byte) error {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	y := edwardsY(encoded)
	if y.Cmp(p) >= 0 {
		return unusable("Ed25519 key is not canonically encoded")
	}
	square := new(big.Int).Mul(y, y)
	d, _ := new(big.Int).SetString("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3", 16)
	above := new(big.Int).Sub(square, big.NewInt(1))
	below := new(big.Int).Mul(d, square)
	below.Add(below, big.NewInt(1)).Mod(below, p)
	ratio := below.ModInverse(below, p) // never nil: -1/d is no square modulo p
	ratio.Mul(ratio, above).Mod(ratio, p)
	if big.Jacobi(ratio, p) < 0 {
		return unusable("Ed25519 point is not on the curve")
	}
	if smallOrder(y, ratio, p) {
		return unusable("Ed25519 point is of small order")
	}
	return nil
}

// edwardsY returns the y coordinate of an encoded point: little-endian, with
// the sign of x in the topmost bit.
func edwardsY(encoded []byte) *big.Int {
	bytes := slices.Clone(encoded)
	bytes[len(bytes)-1] &= 0x7f
	slices.Reverse(bytes)
	return new(big.Int).SetBytes(bytes)
}

// smallOrder reports whether the point with this y and x*x has an order that
// divides 8. Those of order 1, 2 and 4 have x = 0 or y = 0; those of order 8
// are the ones with x*x = -y*y, since doubling them gives y = 0.
func smallOrder(y, xx, p *big.Int) bool {
	if y.Sign() == 0 || xx.Sign() == 0 {
		return true
	}
	sum := new(big.Int).Mul(y, y)
	sum.Add(sum, xx).Mod(sum, p)
	return sum.Sign() == 0
}
