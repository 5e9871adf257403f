package e2e

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/binary"
	"math/big"
	"slices"
	"strconv"
)

// resigned is a case of a signature whose bytes are changed.
func resigned(id, what, source, tenant string, change func([]byte) []byte) attack {
	return attack{id: tenant + "-sig-" + id, what: what, source: source, tenant: tenant, reason: forgedSig, token: func(f *forgery) { f.resign = change }}
}

// signedBy is a case of a signature made in another way.
func signedBy(id, what, source, tenant string, sign signer) attack {
	return attack{id: tenant + "-sig-" + id, what: what, source: source, tenant: tenant, reason: forgedSig, token: func(f *forgery) { f.sign = sign }}
}

// mangled are changes that no kind of signature may survive.
func mangled(tenant string) []attack {
	const source = "RFC 7515 5.2"
	flip := func(at func(int) int, bit byte) func([]byte) []byte {
		return func(s []byte) []byte {
			s = slices.Clone(s)
			s[at(len(s))] ^= bit
			return s
		}
	}
	first, middle, last := func(int) int { return 0 }, func(n int) int { return n / 2 }, func(n int) int { return n - 1 }
	all := []attack{
		resigned("short", "one byte less", source, tenant, func(s []byte) []byte { return s[:len(s)-1] }),
		resigned("tail", "without its first byte", source, tenant, func(s []byte) []byte { return s[1:] }),
		resigned("half", "half of it", source, tenant, func(s []byte) []byte { return s[:len(s)/2] }),
		resigned("long", "one byte more", source, tenant, func(s []byte) []byte { return append(slices.Clone(s), 0) }),
		resigned("led", "a zero before it", source, tenant, func(s []byte) []byte { return append([]byte{0}, s...) }),
		resigned("twice", "twice", source, tenant, func(s []byte) []byte { return append(slices.Clone(s), s...) }),
		resigned("first-bit", "the first bit flipped", source, tenant, flip(first, 0x80)),
		resigned("middle-bit", "a bit in the middle flipped", source, tenant, flip(middle, 1)),
		resigned("last-bit", "the last bit flipped", source, tenant, flip(last, 1)),
		resigned("zero", "nothing but zeros", "CVE-2022-21449", tenant, func(s []byte) []byte { return make([]byte, len(s)) }),
		resigned("ones", "nothing but ones", source, tenant, func(s []byte) []byte { return bytes.Repeat([]byte{0xff}, len(s)) }),
		resigned("reversed", "the bytes in reverse", source, tenant, func(s []byte) []byte { s = slices.Clone(s); slices.Reverse(s); return s }),
		resigned("one-byte", "one byte in all", source, tenant, func([]byte) []byte { return []byte{1} }),
	}
	empty := resigned("empty", "an empty one", source, tenant, func([]byte) []byte { return nil })
	empty.reason = malformed
	return append(all, empty, attack{
		id: tenant + "-sig-other-claims", what: "the signature of other claims", source: source, tenant: tenant, reason: forgedSig,
		token: func(f *forgery) {
			sign := f.sign
			other := forgery{header: slices.Clone(f.header), claims: slices.Clone(f.claims), sign: sign}
			other.claims.set("sub", `"bob"`)
			input := b64([]byte(other.header.String())) + "." + b64([]byte(other.claims.String()))
			f.sign = as(sign([]byte(input)))
		},
	}, attack{
		id: tenant + "-sig-other-header", what: "the signature of another header", source: source, tenant: tenant, reason: forgedSig,
		token: func(f *forgery) {
			sign := f.sign
			other := forgery{header: slices.Clone(f.header), claims: f.claims}
			other.header.set("typ", `"JWT"`)
			input := b64([]byte(other.header.String())) + "." + b64([]byte(other.claims.String()))
			f.sign = as(sign([]byte(input)))
		},
	}, attack{
		id: tenant + "-sig-of-claims-alone", what: "the claims signed without the header", source: source, tenant: tenant, reason: forgedSig,
		token: func(f *forgery) {
			sign := f.sign
			f.sign = func(input []byte) []byte { return sign(input[bytes.IndexByte(input, '.')+1:]) }
		},
	})
}

func (a *arena) rsaAttacks() []attack {
	k := &a.keys
	const padding = "RFC 8017 8.2.2, CVE-2006-4339"
	raw := func(id, what string, encode func(digest []byte, size int) []byte) attack {
		return signedBy(id, what, padding, "rsa", byRSARaw(k.rsa, encode))
	}
	info := func(digest []byte) []byte { return append(slices.Clone(sha256Info), digest...) }
	all := append(mangled("rsa"),
		signedBy("sha384", "over SHA-384", padding, "rsa", byRSA(k.rsa, crypto.SHA384)),
		signedBy("sha1", "over SHA-1", padding, "rsa", byRSA(k.rsa, crypto.SHA1)),
		signedBy("bare", "over a digest of no named hash", padding, "rsa", byRSABare(k.rsa)),
		signedBy("pss", "PSS under alg RS256", padding, "rsa", byPSS(k.rsa, crypto.SHA256, 32)),
		signedBy("attacker", "by the attacker's key", "RFC 7515 5.2", "rsa", byRSA(k.attacker, crypto.SHA256)),
		signedBy("twin", "by another issuer's key of the same kid", "RFC 8725 3.8", "rsa", byRSA(k.other, crypto.SHA256)),
		signedBy("ecdsa", "by ECDSA under alg RS256", "RFC 8725 3.1", "rsa", byECDSA(k.p256, crypto.SHA256)),
		raw("garbage", "padding too short and garbage after the digest", func(d []byte, size int) []byte {
			m := append([]byte{0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 0}, info(d)...)
			return append(m, make([]byte, size-len(m))...)
		}),
		raw("block-2", "block type 2", func(d []byte, size int) []byte { return padded(2, 0xff, size, info(d)) }),
		raw("block-0", "block type 0", func(d []byte, size int) []byte { return padded(0, 0, size, info(d)) }),
		raw("fill", "padding of other bytes", func(d []byte, size int) []byte { return padded(1, 0xfe, size, info(d)) }),
		raw("no-null", "no parameters in the digest's name", func(d []byte, size int) []byte {
			bare := append([]byte{0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20}, d...)
			return padded(1, 0xff, size, bare)
		}),
		raw("long-length", "a length in BER's long form", func(d []byte, size int) []byte {
			return padded(1, 0xff, size, append(append([]byte{0x30, 0x81, 0x31}, sha256Info[2:]...), d...))
		}),
		raw("no-info", "the digest alone", func(d []byte, size int) []byte { return padded(1, 0xff, size, d) }),
		raw("digest-only", "no padding", func(d []byte, size int) []byte { return append(make([]byte, size-len(d)), d...) }),
		attack{
			id: "rsa-sig-plus-n", what: "the number plus the modulus", source: "RFC 8017 5.2.2", reason: forgedSig,
			token: func(f *forgery) {
				f.resign = func(s []byte) []byte { return new(big.Int).Add(new(big.Int).SetBytes(s), k.rsa.N).Bytes() }
			},
		},
		attack{
			id: "rsa-sig-n-minus", what: "the modulus less the number", source: "RFC 8017 5.2.2", reason: forgedSig,
			token: func(f *forgery) {
				f.resign = func(s []byte) []byte { return new(big.Int).Sub(k.rsa.N, new(big.Int).SetBytes(s)).Bytes() }
			},
		},
		signedBy("is-n", "the modulus itself", "RFC 8017 5.2.2", "rsa", as(k.rsa.N.Bytes())),
		signedBy("is-1", "the number one", "RFC 8017 5.2.2", "rsa", as(append(make([]byte, 255), 1))),
		signedBy("pkcs1", "PKCS #1 v1.5 under alg PS256", "RFC 7518 3.5", "pss", byRSA(k.pss, crypto.SHA256)),
		signedBy("sha512", "PSS over SHA-512", "RFC 7518 3.5", "pss", byPSS(k.pss, crypto.SHA512, 64)),
	)
	for _, salt := range []int{0, 8, 16, 20, 31, 33, 64, 222} {
		all = append(all, signedBy("salt-"+strconv.Itoa(salt), "a salt of other length than the digest", "RFC 7518 3.5", "pss", byPSS(k.pss, crypto.SHA256, salt)))
	}
	return append(all, mangled("pss")...)
}

func (a *arena) ecdsaAttacks() []attack {
	k := &a.keys
	zero, one := new(big.Int), big.NewInt(1)
	const source = "CVE-2022-21449, RFC 7518 3.4"
	with := func(id, what string, change func(r, s, n *big.Int) (*big.Int, *big.Int)) attack {
		return signedBy(id, what, source, "ec", byECDSAWith(k.p256, crypto.SHA256, change))
	}
	all := append(mangled("ec"),
		with("r0-s0", "r = s = 0", func(_, _, _ *big.Int) (*big.Int, *big.Int) { return zero, zero }),
		with("r0", "r = 0", func(_, s, _ *big.Int) (*big.Int, *big.Int) { return zero, s }),
		with("s0", "s = 0", func(r, _, _ *big.Int) (*big.Int, *big.Int) { return r, zero }),
		with("r1-s1", "r = s = 1", func(_, _, _ *big.Int) (*big.Int, *big.Int) { return one, one }),
		with("rn", "r = n", func(_, s, n *big.Int) (*big.Int, *big.Int) { return n, s }),
		with("sn", "s = n", func(r, _, n *big.Int) (*big.Int, *big.Int) { return r, n }),
		with("rn-sn", "r = s = n", func(_, _, n *big.Int) (*big.Int, *big.Int) { return n, n }),
		with("n-minus-1", "r = s = n - 1", func(_, _, n *big.Int) (*big.Int, *big.Int) {
			m := new(big.Int).Sub(n, one)
			return m, m
		}),
		with("beyond-n", "r = s = n + 1", func(_, _, n *big.Int) (*big.Int, *big.Int) {
			m := new(big.Int).Add(n, one)
			return m, m
		}),
		with("swapped", "s before r", func(r, s, _ *big.Int) (*big.Int, *big.Int) { return s, r }),
		with("negated-r", "n - r", func(r, s, n *big.Int) (*big.Int, *big.Int) { return new(big.Int).Sub(n, r), s }),
		signedBy("der", "in DER", "RFC 7518 3.4", "ec", byECDSAInDER(k.p256, crypto.SHA256)),
		signedBy("sha384", "over SHA-384", "RFC 7518 3.4", "ec", byECDSA(k.p256, crypto.SHA384)),
		signedBy("p384", "by a key on P-384", "RFC 7518 3.4", "ec", byECDSA(k.p384, crypto.SHA256)),
		signedBy("stranger", "by another key on P-256", "RFC 7515 5.2", "ec", byECDSA(k.stranger, crypto.SHA256)),
		signedBy("hmac", "an HMAC", "CVE-2022-29217", "ec", byHMAC(crypto.SHA256, []byte(jwkOf(k.p256.Public(), "k1").String()))),
		resigned("wide", "r and s in 33 bytes each", "RFC 7518 3.4", "ec", func(s []byte) []byte {
			return slices.Concat([]byte{0}, s[:32], []byte{0}, s[32:])
		}),
		resigned("text", "r and s in hexadecimal", "RFC 7518 3.4", "ec", func(s []byte) []byte { return []byte(new(big.Int).SetBytes(s).Text(16)) }),
	)
	for alg, c := range map[string]struct {
		kid  string
		sign signer
		size int
	}{
		"ES384": {"p384", byECDSA(k.p384, crypto.SHA384), 48}, "ES512": {"p521", byECDSA(k.p521, crypto.SHA512), 66},
	} {
		first := func(f *forgery) {
			f.header.set("alg", quoted(alg))
			f.header.set("kid", quoted(c.kid))
			f.sign = c.sign
		}
		for id, change := range map[string]func([]byte) []byte{
			"zero":       func(s []byte) []byte { return make([]byte, len(s)) },
			"short":      func(s []byte) []byte { return s[1:] },
			"as-for-256": func(s []byte) []byte { return s[len(s)-64:] },
			"swapped":    func(s []byte) []byte { return slices.Concat(s[c.size:], s[:c.size]) },
		} {
			all = append(all, attack{
				id: "curves-sig-" + alg + "-" + id, what: alg + ": " + id, source: source, tenant: "curves", reason: forgedSig,
				first: first, token: func(f *forgery) { f.resign = change },
			})
		}
	}
	return all
}

func (a *arena) edAttacks() []attack {
	key := a.keys.ed
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	all := append(mangled("ed"),
		signedBy("stranger", "by another key", "RFC 8032 5.1.7", "ed", byEd25519(edKey())),
		signedBy("ph", "Ed25519ph", "RFC 8037 3.1", "ed", byEd25519With(key, &ed25519.Options{Hash: crypto.SHA512})),
		signedBy("ctx", "Ed25519ctx", "RFC 8037 3.1", "ed", byEd25519With(key, &ed25519.Options{Context: "x"})),
		resigned("s-plus-l", "S + L, which is S again", "RFC 8032 5.1.7, CVE-2020-36843", "ed", func(s []byte) []byte {
			number := slices.Clone(s[32:])
			slices.Reverse(number)
			number = new(big.Int).Add(new(big.Int).SetBytes(number), order).FillBytes(make([]byte, 32))
			slices.Reverse(number)
			return slices.Concat(s[:32], number)
		}),
		resigned("identity-r", "R is the neutral point and S is 0", "RFC 8032 5.1.7", "ed", func([]byte) []byte {
			return append([]byte{1}, make([]byte, 63)...)
		}),
		resigned("swapped", "S before R", "RFC 8032 5.1.6", "ed", func(s []byte) []byte { return slices.Concat(s[32:], s[:32]) }),
		resigned("high-bits", "bits above S set", "RFC 8032 5.1.7", "ed", func(s []byte) []byte {
			s = slices.Clone(s)
			binary.BigEndian.PutUint16(s[62:], binary.BigEndian.Uint16(s[62:])|0x00e0)
			return s
		}),
	)
	return append(all, attack{
		id: "ed-sig-name", what: "alg Ed25519 where EdDSA was signed", source: "RFC 9864", tenant: "ed", reason: forgedSig,
		token: func(f *forgery) {
			input := b64([]byte(f.header.String())) + "." + b64([]byte(f.claims.String()))
			sign := f.sign
			f.header.set("alg", `"Ed25519"`)
			f.sign = as(sign([]byte(input)))
		},
	})
}
