package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // for a signature that must not pass
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
)

// The forge builds tokens that no library would build: any text for a header
// and for claims, and any bytes for a signature. It shares no code with what it
// attacks and knows nothing but the standard library.

// member is one member of a JSON object, both parts as they are written.
type member struct{ name, raw string }

// object is a JSON object as it is written: in order, repetitions and all.
type object []member

// set replaces a member or adds it.
func (o *object) set(name, raw string) {
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i].raw = raw
			return
		}
	}
	o.add(name, raw)
}

// add adds a member, even if there is one of that name.
func (o *object) add(name, raw string) { *o = append(*o, member{name, raw}) }

// lead puts a member first, even if there is one of that name.
func (o *object) lead(name, raw string) { *o = slices.Insert(*o, 0, member{name, raw}) }

func (o *object) drop(name string) {
	*o = slices.DeleteFunc(*o, func(m member) bool { return m.name == name })
}

func (o object) String() string {
	var text strings.Builder
	for i, m := range o {
		text.WriteString([]string{"{", ","}[min(i, 1)] + `"` + m.name + `":` + m.raw)
	}
	if len(o) == 0 {
		return "{}"
	}
	return text.String() + "}"
}

// quoted writes a text as JSON.
func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// forgery is a token before it is put together.
type forgery struct {
	header, claims object
	// respell changes the JSON texts after they are made.
	respellHeader, respellClaims func(string) string
	sign                         signer
	resign                       func([]byte) []byte // changes the signature
}

// signer makes the signature of a signing input.
type signer func(input []byte) []byte

func b64(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }

func unb64(text string) []byte {
	bytes, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return bytes
}

func (f *forgery) String() string {
	header, claims := f.header.String(), f.claims.String()
	if f.respellHeader != nil {
		header = f.respellHeader(header)
	}
	if f.respellClaims != nil {
		claims = f.respellClaims(claims)
	}
	input := b64([]byte(header)) + "." + b64([]byte(claims))
	signature := f.sign([]byte(input))
	if f.resign != nil {
		signature = f.resign(signature)
	}
	return input + "." + b64(signature)
}

func digest(hash crypto.Hash, input []byte) []byte {
	if hash == 0 {
		return input
	}
	h := hash.New()
	h.Write(input)
	return h.Sum(nil)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// byRSA signs by PKCS #1 v1.5 (RFC 8017 section 8.2).
func byRSA(key *rsa.PrivateKey, hash crypto.Hash) signer {
	return func(input []byte) []byte {
		return must(rsa.SignPKCS1v15(nil, key, hash, digest(hash, input)))
	}
}

// byRSABare signs the digest itself, without saying of what hash.
func byRSABare(key *rsa.PrivateKey) signer {
	return func(input []byte) []byte {
		return must(rsa.SignPKCS1v15(nil, key, 0, digest(crypto.SHA256, input)))
	}
}

// byRSARaw applies the private key to an encoded message of any shape.
func byRSARaw(key *rsa.PrivateKey, encode func(digest []byte, size int) []byte) signer {
	return func(input []byte) []byte {
		m := new(big.Int).SetBytes(encode(digest(crypto.SHA256, input), key.Size()))
		return m.Exp(m, key.D, key.N).FillBytes(make([]byte, key.Size()))
	}
}

// sha256Info is what stands before a SHA-256 digest (RFC 8017 section 9.2).
var sha256Info = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}

// padded is an encoded message: lead, filling, separator, tail.
func padded(kind, fill byte, size int, tail []byte) []byte {
	m := []byte{0, kind}
	for len(m) < size-len(tail)-1 {
		m = append(m, fill)
	}
	return append(append(m, 0), tail...)
}

// byPSS signs by RSASSA-PSS with a salt of that length.
func byPSS(key *rsa.PrivateKey, hash crypto.Hash, salt int) signer {
	return func(input []byte) []byte {
		return must(rsa.SignPSS(rand.Reader, key, hash, digest(hash, input), &rsa.PSSOptions{SaltLength: salt, Hash: hash}))
	}
}

// byECDSA signs as RFC 7518 section 3.4 says: r and s in full length.
func byECDSA(key *ecdsa.PrivateKey, hash crypto.Hash) signer {
	return byECDSAWith(key, hash, func(r, s, _ *big.Int) (*big.Int, *big.Int) { return r, s })
}

// byECDSAWith lets the two numbers be changed before they are written.
func byECDSAWith(key *ecdsa.PrivateKey, hash crypto.Hash, change func(r, s, n *big.Int) (*big.Int, *big.Int)) signer {
	return func(input []byte) []byte {
		r, s, err := ecdsa.Sign(rand.Reader, key, digest(hash, input))
		if err != nil {
			panic(err)
		}
		r, s = change(r, s, key.Params().N)
		size := (key.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
}

// byECDSAInDER signs as TLS does (RFC 3279), which no JWS does.
func byECDSAInDER(key *ecdsa.PrivateKey, hash crypto.Hash) signer {
	return func(input []byte) []byte {
		return must(ecdsa.SignASN1(rand.Reader, key, digest(hash, input)))
	}
}

func byEd25519(key ed25519.PrivateKey) signer {
	return func(input []byte) []byte { return ed25519.Sign(key, input) }
}

// byEd25519With signs as Ed25519ph or Ed25519ctx (RFC 8032 section 5.1).
func byEd25519With(key ed25519.PrivateKey, options *ed25519.Options) signer {
	return func(input []byte) []byte {
		return must(key.Sign(rand.Reader, digest(options.Hash, input), options))
	}
}

func byHMAC(hash crypto.Hash, secret []byte) signer {
	return func(input []byte) []byte {
		mac := hmac.New(hash.New, secret)
		mac.Write(input)
		return mac.Sum(nil)
	}
}

// as is a signature of these bytes, whatever is signed.
func as(bytes []byte) signer { return func([]byte) []byte { return bytes } }

func rsaKey(bits int) *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, bits)) }

// tinyKey makes an RSA key of 512 bits, which the standard library refuses to
// make.
func tinyKey() *rsa.PrivateKey {
	const exponent = 65537
	for {
		p, q, one := must(rand.Prime(rand.Reader, 256)), must(rand.Prime(rand.Reader, 256)), big.NewInt(1)
		order := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		if d := new(big.Int).ModInverse(big.NewInt(exponent), order); d != nil {
			return &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent}, D: d, Primes: []*big.Int{p, q}}
		}
	}
}

func ecKey(curve elliptic.Curve) *ecdsa.PrivateKey {
	return must(ecdsa.GenerateKey(curve, rand.Reader))
}

func edKey() ed25519.PrivateKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return private
}

// jwkOf writes a public key as a JWK (RFC 7518 section 6, RFC 8037).
func jwkOf(public crypto.PublicKey, kid string) object {
	var o object
	if kid != "" {
		o.add("kid", quoted(kid))
	}
	o.add("use", `"sig"`)
	switch p := public.(type) {
	case *rsa.PublicKey:
		o.add("kty", `"RSA"`)
		o.add("n", quoted(b64(p.N.Bytes())))
		o.add("e", quoted(b64(big.NewInt(int64(p.E)).Bytes())))
	case *ecdsa.PublicKey:
		point := must(p.Bytes())
		size := (len(point) - 1) / 2
		o.add("kty", `"EC"`)
		o.add("crv", quoted(p.Params().Name))
		o.add("x", quoted(b64(point[1:1+size])))
		o.add("y", quoted(b64(point[1+size:])))
	case ed25519.PublicKey:
		o.add("kty", `"OKP"`)
		o.add("crv", `"Ed25519"`)
		o.add("x", quoted(b64(p)))
	default:
		panic("no such key")
	}
	return o
}

// with returns a copy of the object with one member more or another.
func (o object) with(name, raw string) object {
	o = slices.Clone(o)
	o.set(name, raw)
	return o
}

func keySetOf(keys ...object) string {
	texts := make([]string, len(keys))
	for i, key := range keys {
		texts[i] = key.String()
	}
	return `{"keys":[` + strings.Join(texts, ",") + `]}`
}
