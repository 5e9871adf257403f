package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"time"
)

const (
	malformed = "token_malformed"
	algorithm = "algorithm"
	keyless   = "key_unknown"
	forgedSig = "signature"
	rfc8725   = "RFC 8725 3.1"
)

// header is the case of one header member with another value.
func header(id, reason, source, name, raw string) attack {
	return attack{
		id: id, what: "header " + name + ": " + shorten(raw), source: source, reason: reason,
		token: func(f *forgery) { f.header.set(name, raw) },
	}
}

func shorten(text string) string { return text[:min(len(text), 60)] }

func (a *arena) algorithmAttacks() []attack {
	var all []attack
	unsigned := func(f *forgery) { f.sign = as(nil) }
	for _, name := range []string{"none", "None", "NONE", "nOnE"} {
		all = append(all,
			header("alg-"+name+"-signed", algorithm, "CVE-2015-9235", "alg", quoted(name)),
			attack{
				id: "alg-" + name + "-unsigned", what: "alg " + name + " without a signature", source: "CVE-2015-9235", reason: malformed,
				token: func(f *forgery) { f.header.set("alg", quoted(name)); unsigned(f) },
			},
			attack{
				id: "alg-" + name + "-junk", what: "alg " + name + " with junk for a signature", source: "CVE-2015-9235", reason: algorithm,
				token: func(f *forgery) { f.header.set("alg", quoted(name)); f.sign = as([]byte{0}) },
			})
	}
	all = append(all, attack{
		id: "alg-none-two-parts", what: "alg none and no third part", source: "RFC 7515 7.1", reason: malformed,
		token: func(f *forgery) { f.header.set("alg", `"none"`); unsigned(f) },
		spell: func(s string) string { return strings.TrimSuffix(s, ".") },
	})
	for id, raw := range map[string]string{
		"empty": `""`, "trailing-space": `"RS256 "`, "leading-space": `" rs256"`, "lower": `"rs256"`, "nul": `"RS256\u0000"`,
		"newline": `"RS256\n"`, "fullwidth": `"ＲＳ256"`, "es256k": `"ES256K"`, "rsa-oaep": `"RSA-OAEP"`, "rsa1_5": `"RSA1_5"`,
		"dir": `"dir"`, "a128kw": `"A128KW"`, "pbes2": `"PBES2-HS256+A128KW"`, "uri": `"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"`,
		"list-text": `"RS256,none"`, "prefix": `"RS25"`, "longer": `"RS2560"`, "ed448": `"Ed448"`, "mldsa": `"ML-DSA-44"`,
		"rs384": `"RS384"`, "rs512": `"RS512"`, "ps256": `"PS256"`, "es256": `"ES256"`, "eddsa": `"EdDSA"`, "rs1": `"RS1"`,
	} {
		all = append(all, header("alg-"+id, algorithm, rfc8725, "alg", raw))
	}
	for id, raw := range map[string]string{
		"number": "256", "list": `["RS256"]`, "null": "null", "true": "true", "object": `{"alg":"RS256"}`,
	} {
		all = append(all, header("alg-"+id, malformed, rfc8725, "alg", raw))
	}
	all = append(all, attack{
		id: "alg-missing", what: "no alg", source: "RFC 7515 4.1.1", reason: malformed,
		token: func(f *forgery) { f.header.drop("alg") },
	})
	return append(all, append(a.confusionAttacks(), a.crossAlgorithmAttacks()...)...)
}

// confusionAttacks sign by HMAC with what is public about the issuer's key.
func (a *arena) confusionAttacks() []attack {
	public, key := a.keys.rsa.Public(), &a.keys.rsa.PublicKey
	pkix := must(x509.MarshalPKIXPublicKey(public))
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
	point := must(x509.MarshalPKIXPublicKey(a.keys.p256.Public()))
	var all []attack
	for id, secret := range map[string][]byte{
		"pem": text, "pem-no-newline": []byte(strings.TrimSpace(string(text))),
		"pem-crlf": []byte(strings.ReplaceAll(string(text), "\n", "\r\n")),
		"der":      pkix, "pkcs1-der": x509.MarshalPKCS1PublicKey(key),
		"pkcs1-pem": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(key)}),
		"n-bytes":   key.N.Bytes(), "n-text": []byte(b64(key.N.Bytes())), "e-bytes": {1, 0, 1},
		"jwk": []byte(jwkOf(public, "k1").String()), "jwks": []byte(a.documents["/rsa/jwks"]),
		"empty": {}, "nul": {0}, "kid": []byte("k1"), "issuer": []byte(a.url("rsa")), "secret": []byte("secret"),
	} {
		all = append(all, attack{
			id: "hmac-" + id, what: "HS256 keyed with " + id, source: "CVE-2016-10555", reason: algorithm,
			token: func(f *forgery) { f.header.set("alg", `"HS256"`); f.sign = byHMAC(crypto.SHA256, secret) },
		})
	}
	for alg, hash := range map[string]crypto.Hash{"HS384": crypto.SHA384, "HS512": crypto.SHA512} {
		all = append(all, attack{
			id: "hmac-" + alg, what: alg + " keyed with the PEM", source: "CVE-2016-10555", reason: algorithm,
			token: func(f *forgery) { f.header.set("alg", quoted(alg)); f.sign = byHMAC(hash, text) },
		})
	}
	return append(all, attack{
		id: "hmac-ec-pem", what: "HS256 keyed with the EC key's PEM", source: "CVE-2022-29217", tenant: "ec", reason: algorithm,
		token: func(f *forgery) {
			f.header.set("alg", `"HS256"`)
			f.sign = byHMAC(crypto.SHA256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: point}))
		},
	}, attack{
		id: "hmac-under-rs256", what: "alg RS256 with an HMAC for a signature", source: "CVE-2016-10555", reason: forgedSig,
		token: func(f *forgery) { f.sign = byHMAC(crypto.SHA256, text) },
	})
}

// crossAlgorithmAttacks use a good key with an algorithm that it is not for.
func (a *arena) crossAlgorithmAttacks() []attack {
	k := &a.keys
	cross := func(id, tenant, alg, kid, reason string, sign signer) attack {
		return attack{
			id: "cross-" + id, what: alg + " with the key " + kid + " of " + tenant, source: "RFC 8725 3.1, RFC 7517 4.4", tenant: tenant, reason: reason,
			token: func(f *forgery) { f.header.set("alg", quoted(alg)); f.header.set("kid", quoted(kid)); f.sign = sign },
		}
	}
	return []attack{
		cross("ps-on-rs", "mixed", "PS256", "k1", algorithm, byPSS(k.rsa, crypto.SHA256, 32)),
		cross("rs-on-ps", "mixed", "RS256", "k2", algorithm, byRSA(k.pss, crypto.SHA256)),
		cross("es-on-rs", "mixed", "ES256", "k1", algorithm, byECDSA(k.p256, crypto.SHA256)),
		cross("rs-on-es", "mixed", "RS256", "k3", algorithm, byRSA(k.rsa, crypto.SHA256)),
		cross("rs-not-admitted", "pss", "RS256", "k1", algorithm, byRSA(k.pss, crypto.SHA256)),
		cross("ps384-not-admitted", "pss", "PS384", "k1", algorithm, byPSS(k.pss, crypto.SHA384, 48)),
		cross("es384-on-p256", "curves", "ES384", "p256", algorithm, byECDSA(k.p256, crypto.SHA384)),
		cross("es512-on-p256", "curves", "ES512", "p256", algorithm, byECDSA(k.p256, crypto.SHA512)),
		cross("es256-on-p384", "curves", "ES256", "p384", algorithm, byECDSA(k.p384, crypto.SHA256)),
		cross("es512-on-p384", "curves", "ES512", "p384", algorithm, byECDSA(k.p384, crypto.SHA512)),
		cross("es256-on-p521", "curves", "ES256", "p521", algorithm, byECDSA(k.p521, crypto.SHA256)),
		cross("es384-on-p521", "curves", "ES384", "p521", algorithm, byECDSA(k.p521, crypto.SHA384)),
		cross("other-kid", "curves", "ES256", "p384", algorithm, byECDSA(k.p256, crypto.SHA256)),
		cross("ed448", "ed", "Ed448", "k1", algorithm, byEd25519(k.ed)),
		cross("es-on-ed", "ed", "ES256", "k1", algorithm, byECDSA(k.p256, crypto.SHA256)),
		cross("ed-lower", "ed", "eddsa", "k1", algorithm, byEd25519(k.ed)),
	}
}

// headerAttacks have a header that says more than a signature needs.
func (a *arena) headerAttacks() []attack {
	mine := a.keys.attacker
	own := jwkOf(mine.Public(), "k1").String()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate := quoted(base64.StdEncoding.EncodeToString(must(x509.CreateCertificate(rand.Reader, template, template, mine.Public(), mine))))
	lure := quoted(a.origin.URL + "/lure/jwks")
	var all []attack
	for _, c := range []struct{ id, name, raw, source string }{
		{"jwk", "jwk", own, "CVE-2018-0114"}, {"jwk-null", "jwk", "null", "RFC 7515 4.1.3"},
		{"jku", "jku", lure, "RFC 8725 3.10"}, {"jku-userinfo", "jku", quoted(strings.Replace(a.origin.URL, "://", "://id.example.com@", 1) + "/lure"), "RFC 8725 3.10"},
		{"jku-file", "jku", `"file:///dev/null"`, "RFC 8725 3.10"}, {"jku-metadata", "jku", `"http://169.254.169.254/jwks"`, "RFC 8725 3.10"},
		{"x5u", "x5u", lure, "RFC 8725 3.10"}, {"x5c", "x5c", "[" + certificate + "]", "RFC 7515 4.1.6"}, {"x5c-empty", "x5c", "[]", "RFC 7515 4.1.6"},
	} {
		all = append(all, attack{
			id: "own-key-" + c.id, what: "signed by the attacker, whose key " + c.name + " names", source: c.source, reason: malformed,
			token: func(f *forgery) { f.header.set(c.name, c.raw); f.sign = byRSA(mine, crypto.SHA256) },
		}, header("offers-"+c.id, malformed, c.source, c.name, c.raw))
	}
	for id, c := range map[string][2]string{
		"crit-unknown": {"crit", `["http://example.com/unknown"]`}, "crit-exp": {"crit", `["exp"]`}, "crit-b64": {"crit", `["b64"]`},
		"crit-empty": {"crit", "[]"}, "crit-text": {"crit", `"exp"`}, "crit-null": {"crit", "null"}, "crit-number": {"crit", "0"},
		"crit-object": {"crit", "{}"}, "crit-alg": {"crit", `["alg"]`},
		"b64-false": {"b64", "false"}, "b64-true": {"b64", "true"}, "b64-text": {"b64", `"false"`},
		"zip": {"zip", `"DEF"`}, "enc": {"enc", `"A128GCM"`}, "cty-jwt": {"cty", `"JWT"`}, "cty-empty": {"cty", `""`},
	} {
		all = append(all, header(id, malformed, "RFC 7515 4.1.11, RFC 7797", c[0], c[1]))
	}
	return append(all, attack{
		id: "crit-and-extension", what: "crit names an extension that is there", source: "CVE-2025-59420, RFC 7515 4.1.11", reason: malformed,
		token: func(f *forgery) { f.header.add("crit", `["exp"]`); f.header.add("exp", "4102444800") },
	}, attack{
		id: "crit-twice", what: "crit twice", source: "RFC 7515 4", reason: malformed,
		token: func(f *forgery) { f.header.add("crit", "[]"); f.header.add("crit", "[]") },
	}, attack{
		id: "crit-escaped", what: "crit spelled with an escape", source: "RFC 8259 7", reason: malformed,
		token: func(f *forgery) { f.header.add(`\u0063rit`, `["x"]`) },
	}, attack{
		id: "b64-detached", what: "an unencoded payload", source: "RFC 7797 3", reason: malformed,
		token: func(f *forgery) { f.header.add("b64", "false"); f.header.add("crit", `["b64"]`) },
		spell: func(s string) string {
			parts := strings.Split(s, ".")
			return parts[0] + ".." + parts[2]
		},
	})
}

// headerTextAttacks spell the header in ways that two readers read differently.
func (a *arena) headerTextAttacks() []attack {
	text := func(id, what, source string, respell func(string) string) attack {
		return attack{id: "header-" + id, what: what, source: source, reason: malformed, token: func(f *forgery) { f.respellHeader = respell }}
	}
	twice := func(id, name, raw string) attack {
		return attack{
			id: "header-twice-" + id, what: name + " twice", source: "RFC 7515 4", reason: malformed,
			token: func(f *forgery) { f.header.add(name, raw) },
		}
	}
	constant := func(s string) func(string) string { return func(string) string { return s } }
	return []attack{
		twice("alg", "alg", `"none"`), twice("same-alg", "alg", `"RS256"`), twice("kid", "kid", `"k2"`), twice("typ", "typ", `"JWT"`),
		twice("escaped", `\u0061lg`, `"none"`), twice("unknown", "x", `1,"x":2`),
		{
			id: "header-twice-first", what: "alg none stands first", source: "RFC 7515 4", reason: malformed,
			token: func(f *forgery) { f.header.lead("alg", `"none"`) },
		},
		text("null", "null", "RFC 7515 4", constant("null")), text("list", "a list", "RFC 7515 4", constant("[]")),
		text("text", "a text", "RFC 7515 4", constant(`"RS256"`)), text("number", "a number", "RFC 7515 4", constant("1")),
		text("empty-object", "an empty object", "RFC 7515 4", constant("{}")), text("blank", "white space", "RFC 7515 4", constant(" ")),
		text("garbage", "garbage after it", "RFC 8259 2", func(s string) string { return s + "x" }),
		text("second", "a second object after it", "RFC 8259 2", func(s string) string { return s + s }),
		text("comment", "a comment", "RFC 8259 2", func(s string) string { return "/**/" + s }),
		text("comma", "a comma too many", "RFC 8259 4", func(s string) string { return strings.TrimSuffix(s, "}") + ",}" }),
		text("bom", "a byte order mark", "RFC 8259 8.1", func(s string) string { return "\ufeff" + s }),
		text("utf16", "UTF-16", "RFC 8259 8.1", utf16Text), text("nul", "a NUL after it", "RFC 8259 2", func(s string) string { return s + "\x00" }),
		text("invalid-utf8", "a byte that is no UTF-8", "RFC 8259 8.1", func(s string) string { return strings.Replace(s, "{", "{\"x\":\"\xff\",", 1) }),
		text("lone-surrogate", "a lone surrogate", "RFC 8259 8.2", func(s string) string { return strings.Replace(s, "{", `{"x":"\ud800",`, 1) }),
		text("cut", "cut short", "RFC 8259 4", func(s string) string { return s[:len(s)-1] }),
		text("deep", "lists within lists", "CVE-2020-36518", func(s string) string {
			return strings.Replace(s, "{", `{"x":`+strings.Repeat("[", 500)+strings.Repeat("]", 500)+",", 1)
		}),
		text("quotes", "single quotes", "RFC 8259 7", func(s string) string { return strings.ReplaceAll(s, `"`, "'") }),
		{
			id: "header-large", what: "a header beyond 4 KiB", source: "RFC 8725 3.11", reason: "token_too_large",
			token: func(f *forgery) { f.header.add("x", quoted(strings.Repeat("x", 4<<10))) },
		},
		{
			id: "header-case", what: "ALG in place of alg", source: "RFC 7515 4", reason: malformed,
			token: func(f *forgery) { f.header.drop("alg"); f.header.add("ALG", `"RS256"`) },
		},
		{
			id: "header-fold", what: "a Kelvin sign in kid", source: "RFC 7515 5.3", tenant: "mixed", reason: keyless,
			token: func(f *forgery) { f.header.drop("kid"); f.header.add("\u212aid", `"k1"`) },
		},
	}
}

func utf16Text(s string) string {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for _, c := range []byte(s) {
		b.Write([]byte{c, 0})
	}
	return b.String()
}

func (a *arena) typAttacks() []attack {
	var all []attack
	const kind = "token_type"
	for id, typ := range map[string]string{
		"dpop": "dpop+jwt", "logout": "logout+jwt", "secevent": "secevent+jwt", "introspection": "token-introspection+jwt",
		"request": "oauth-authz-req+jwt", "txn": "txntoken+jwt", "id": "id_token+jwt", "vc": "vc+sd-jwt", "kb": "kb+jwt", "client": "client-authentication+jwt",
		"media": "application/logout+jwt", "jose": "JOSE", "json": "JOSE+JSON", "empty": "", "space": "at+jwt ", "parameter": "at+jwt; charset=utf-8",
		"twice": "application/application/at+jwt", "text": "text/at+jwt", "jwe": "JWE", "fold": "at+\u017fwt", "nul": "at+jwt\x00", "two": "at+jwt,JWT",
	} {
		all = append(all, header("typ-"+id, kind, "RFC 8725 3.11", "typ", quoted(typ)))
	}
	for id, raw := range map[string]string{"number": "1", "list": `["at+jwt"]`, "null": "null", "object": "{}"} {
		all = append(all, header("typ-"+id, malformed, "RFC 7515 4.1.9", "typ", raw))
	}
	strict := header("typ-strict-jwt", kind, "RFC 9068 4", "typ", `"JWT"`)
	strict.tenant = "strict"
	optional := header("typ-empty-where-optional", kind, "RFC 7515 4.1.9", "typ", `""`)
	optional.tenant = "pss"
	return append(all, strict, optional, attack{
		id: "typ-missing", what: "no typ", source: "RFC 8725 3.11", reason: kind,
		token: func(f *forgery) { f.header.drop("typ") },
	}, attack{
		id: "typ-case", what: "TYP in place of typ", source: "RFC 7515 4", reason: kind,
		token: func(f *forgery) { f.header.drop("typ"); f.header.add("TYP", `"at+jwt"`) },
	})
}

func (a *arena) kidAttacks() []attack {
	var all []attack
	const source = "RFC 8725 3.10"
	for id, kid := range map[string]string{
		"traversal": "../../dev/null", "absolute": "/etc/passwd", "sql": "' OR 1=1--", "union": "x' UNION SELECT 'key'--", "command": "k1|/usr/bin/id",
		"ldap": "*)(kid=*", "template": "{{kid}}", "url": a.origin.URL + "/lure/key", "file": "file:///dev/null", "wildcard": "*",
		"case": "K1", "space": "k1 ", "prefix": "k", "longer": "k1x", "zero-width": "k1\u200b", "confusable": "\u043a1", "other-tenants": "p256",
		"combining": "k1\u0301", "256-bytes": strings.Repeat("k", 256), "thumbprint": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		"escaped": "%6b1", "null-text": "null", "proto": "__proto__",
	} {
		all = append(all, header("kid-"+id, keyless, source, "kid", quoted(kid)))
	}
	for id, raw := range map[string]string{
		"empty": `""`, "nul": `"k1\u0000"`, "newline": `"k1\n"`, "257-bytes": quoted(strings.Repeat("k", 257)), "del": `"k1\u007f"`, "c1": `"k1\u0085"`,
		"number": "1", "list": `["k1"]`, "object": `{"kid":"k1"}`, "null": "null", "false": "false", "lone-surrogate": `"k1\ud800"`,
	} {
		all = append(all, header("kid-"+id, malformed, source, "kid", raw))
	}
	return append(all,
		header("kid-5-KiB", "token_too_large", source, "kid", quoted(strings.Repeat("k", 5<<10))),
		header("kid-64-KiB", "token_too_large", source, "kid", quoted(strings.Repeat("k", 64<<10))).beyondEnvoy(),
		attack{
			id: "kid-missing-several-keys", what: "no kid, though the issuer has several keys", source: "RFC 7515 4.1.4", tenant: "mixed", reason: keyless,
			token: func(f *forgery) { f.header.drop("kid") },
		},
		attack{
			id: "kid-own-key", what: "an unknown kid and a key of the attacker's", source: source, reason: keyless,
			token: func(f *forgery) {
				f.header.set("kid", `"mine"`)
				f.sign = byRSA(a.keys.attacker, crypto.SHA256)
			},
		},
		attack{
			id: "kid-missing-own-key", what: "no kid and a key of the attacker's", source: source, reason: forgedSig,
			token: func(f *forgery) {
				f.header.drop("kid")
				f.sign = byRSA(a.keys.attacker, crypto.SHA256)
			},
		})
}

// beyondEnvoy says that Envoy refuses the request, since its headers are more
// than 60 KiB.
func (x attack) beyondEnvoy() attack {
	x.proxy = 431
	return x
}
