package e2e

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"net/http"
	"slices"
	"strings"
)

// oddKey is one key of the odd set, and the token that it must not verify.
type oddKey struct {
	id, source string
	jwk        object
	alg        string
	sign       signer
	reason     string
	kid        string // of the token, where it is another than the id
}

// oddKeys are what a key set should not hold. One good key stands beside them.
func (a *arena) oddKeys() []oddKey {
	k := &a.keys
	rs, plain := byRSA(k.other, crypto.SHA256), jwkOf(k.other.Public(), "")
	ec, es := jwkOf(k.p256.Public(), ""), byECDSA(k.p256, crypto.SHA256)
	secret := []byte("0123456789abcdef0123456789abcdef")
	oct := object{{"kty", `"oct"`}, {"k", quoted(b64(secret))}}
	small := func(size int) signer {
		return byRSARaw(map[int]*rsa.PrivateKey{512: k.tiny, 1024: k.small, 1536: k.medium}[size], func(d []byte, n int) []byte { return padded(1, 0xff, n, append(slices.Clone(sha256Info), d...)) })
	}
	odd := []oddKey{
		{"oct", "RFC 7518 6.4", oct, "HS256", byHMAC(crypto.SHA256, secret), algorithm, ""},
		{"oct-rs256", "RFC 7518 6.4", oct.with("alg", `"RS256"`), "RS256", byHMAC(crypto.SHA256, secret), keyless, ""},
		{"rsa-512", "RFC 7518 3.3", jwkOf(k.tiny.Public(), ""), "RS256", small(512), keyless, ""},
		{"rsa-1024", "RFC 7518 3.3", jwkOf(k.small.Public(), ""), "RS256", small(1024), keyless, ""},
		{"rsa-1536", "RFC 7518 3.3", jwkOf(k.medium.Public(), ""), "RS256", small(1536), keyless, ""},
		{"enc", "RFC 7517 4.2", plain.with("use", `"enc"`), "RS256", rs, keyless, ""},
		{"use-empty", "RFC 7517 4.2", plain.with("use", `""`), "RS256", rs, keyless, ""},
		{"use-null", "RFC 7517 4.2", plain.with("use", `null`), "RS256", rs, keyless, ""},
		{"use-upper", "RFC 7517 4.2", plain.with("use", `"SIG"`), "RS256", rs, keyless, ""},
		{"ops-sign", "RFC 7517 4.3", plain.with("key_ops", `["sign"]`), "RS256", rs, keyless, ""},
		{"ops-encrypt", "RFC 7517 4.3", plain.with("key_ops", `["encrypt","wrapKey"]`), "RS256", rs, keyless, ""},
		{"ops-empty", "RFC 7517 4.3", plain.with("key_ops", `[]`), "RS256", rs, keyless, ""},
		{"private-d", "RFC 7518 6.3.2", plain.with("d", quoted(b64(k.other.D.Bytes()))), "RS256", rs, keyless, ""},
		{"private-p", "RFC 7518 6.3.2", plain.with("p", quoted(b64(k.other.Primes[0].Bytes()))), "RS256", rs, keyless, ""},
		{"private-ec", "RFC 7518 6.2.2", ec.with("d", quoted(b64(must(k.p256.Bytes())))), "ES256", es, keyless, ""},
		{"alg-oaep", "RFC 7517 4.4", plain.with("alg", `"RSA-OAEP"`), "RS256", rs, keyless, ""},
		{"alg-hs256", "RFC 7517 4.4", plain.with("alg", `"HS256"`), "RS256", rs, keyless, ""},
		{"alg-none", "RFC 7517 4.4", plain.with("alg", `"none"`), "RS256", rs, keyless, ""},
		{"alg-es256-on-rsa", "RFC 7517 4.4", plain.with("alg", `"ES256"`), "RS256", rs, keyless, ""},
		{"alg-empty", "RFC 7517 4.4", plain.with("alg", `""`), "RS256", rs, keyless, ""},
		{"alg-rs384", "RFC 7517 4.4", plain.with("alg", `"RS384"`), "RS256", rs, algorithm, ""},
		{"alg-ps256", "RFC 7517 4.4", plain.with("alg", `"PS256"`), "RS256", rs, algorithm, ""},
		{"kty-ec-of-rsa", "RFC 7517 4.1", plain.with("kty", `"EC"`), "RS256", rs, keyless, ""},
		{"kty-rsa-of-ec", "RFC 7517 4.1", ec.with("kty", `"RSA"`), "ES256", es, keyless, ""},
		{"kty-missing", "RFC 7517 4.1", plain.with("kty", `""`), "RS256", rs, keyless, ""},
		{"kty-lower", "RFC 7517 4.1", plain.with("kty", `"rsa"`), "RS256", rs, keyless, ""},
		{"e-1", "RFC 8017 3.1", plain.with("e", `"AQ"`), "RS256", a.underExponentOne(), keyless, ""},
		{"e-2", "RFC 8017 3.1", plain.with("e", `"Ag"`), "RS256", rs, keyless, ""},
		{"e-huge", "RFC 8017 3.1", plain.with("e", quoted(strings.Repeat("_", 400))), "RS256", rs, keyless, ""},
		{"e-0", "RFC 8017 3.1", plain.with("e", `"AA"`), "RS256", rs, keyless, ""},
		{"n-1", "RFC 8017 3.1", plain.with("n", `"AQ"`), "RS256", as([]byte{0}), keyless, ""},
		{"n-0", "RFC 8017 3.1", plain.with("n", `"AA"`), "RS256", as([]byte{0}), keyless, ""},
		{"n-standard", "RFC 7518 2", plain.with("n", `"+/+/"`), "RS256", rs, keyless, ""},
		{"off-curve", "RFC 7518 6.2.1", ec.with("y", memberOf(ec, "x")), "ES256", es, keyless, ""},
		{"infinity", "RFC 7518 6.2.1", ec.with("x", quoted(b64(make([]byte, 32)))).with("y", quoted(b64(make([]byte, 32)))), "ES256", es, keyless, ""},
		{"wrong-curve", "RFC 7518 6.2.1", ec.with("crv", `"P-384"`), "ES256", es, keyless, ""},
		{"secp256k1", "RFC 8812 3.1", ec.with("crv", `"secp256k1"`), "ES256", es, keyless, ""},
		{"ed-small-order", "RFC 8032 5.1.7", object{{"kty", `"OKP"`}, {"crv", `"Ed25519"`}, {"x", quoted(b64(append([]byte{1}, make([]byte, 31)...)))}}, "EdDSA", as(append([]byte{1}, make([]byte, 63)...)), keyless, ""},
		{"ed-zero", "RFC 8032 5.1.3", object{{"kty", `"OKP"`}, {"crv", `"Ed25519"`}, {"x", quoted(b64(make([]byte, 32)))}}, "EdDSA", as(make([]byte, 64)), keyless, ""},
		{"ed-short", "RFC 8037 2", object{{"kty", `"OKP"`}, {"crv", `"Ed25519"`}, {"x", `"AAAA"`}}, "EdDSA", as(make([]byte, 64)), keyless, ""},
		{"x25519", "RFC 8037 3.2", object{{"kty", `"OKP"`}, {"crv", `"X25519"`}, {"x", quoted(b64(k.ed.Public().(ed25519.PublicKey)))}}, "EdDSA", byEd25519(k.ed), keyless, ""},
		{"twice-n", "RFC 7517 4", append(plain.with("alg", `"RS256"`), member{"n", quoted(b64(k.attacker.N.Bytes()))}), "RS256", byRSA(k.attacker, crypto.SHA256), keyless, ""},
		{"twice-kty", "RFC 7517 4", append(plain.with("alg", `"RS256"`), member{"kty", `"oct"`}), "RS256", rs, keyless, ""},
		{"x5c-of-another", "RFC 7517 4.7", plain.with("x5c", `["MIIB"]`), "RS256", byRSA(k.attacker, crypto.SHA256), forgedSig, ""},
		{"x5u-of-another", "RFC 7517 4.6", plain.with("x5u", quoted(a.origin.URL+"/lure")), "RS256", byRSA(k.attacker, crypto.SHA256), forgedSig, ""},
		{"doubled", "RFC 7517 4.5", plain, "RS256", rs, keyless, ""},    // another key of this kid stands beside it
		{"doubled-kty", "RFC 7517 4.5", ec, "RS256", rs, forgedSig, ""}, // and here an RSA key, which is for RS256 alone as this one is for ES256
		{"nul\u0000kid", "RFC 7517 4.5", plain, "RS256", rs, malformed, ""},
		{strings.Repeat("k", 300), "RFC 7517 4.5", plain, "RS256", rs, malformed, ""},
	}
	return odd
}

// oddSet is the key set that holds them all.
func (a *arena) oddSet() string {
	k := &a.keys
	set := []object{jwkOf(k.rsa.Public(), "good")}
	for _, odd := range a.oddKeys() {
		set = append(set, append(object{{"kid", quoted(odd.id)}}, odd.jwk...))
	}
	other := jwkOf(k.other.Public(), "")
	return keySetOf(append(set,
		append(object{{"kid", `"doubled"`}}, jwkOf(k.pss.Public(), "")...), append(object{{"kid", `"doubled-kty"`}}, jwkOf(k.pss.Public(), "")...),
		append(object{{"kid", "7"}}, other...), append(object{{"kid", `["seven"]`}}, other...), append(object{{"kid", `""`}}, other...), append(object{{"KID", `"upper"`}}, other...),
		object{}, object{{"kty", "null"}},
	)...)
}

func (a *arena) keySetAttacks() []attack {
	var all []attack
	for _, odd := range a.oddKeys() {
		all = append(all, attack{
			id: "jwks-" + strings.ReplaceAll(shorten(odd.id), "\x00", "-"), what: "the key set has a key of no use: " + shorten(odd.id), source: odd.source, tenant: "odd", reason: odd.reason,
			token: func(f *forgery) {
				f.header.set("kid", quoted(odd.id))
				f.header.set("alg", quoted(odd.alg))
				f.sign = odd.sign
			},
		})
	}
	for _, kid := range []string{"7", "seven", "upper"} {
		all = append(all, attack{
			id: "jwks-kid-" + kid, what: "the kid of a key is not the text " + kid, source: "RFC 7517 4.5", tenant: "odd", reason: keyless,
			token: func(f *forgery) {
				f.header.set("kid", quoted(kid))
				f.sign = byRSA(a.keys.other, crypto.SHA256)
			},
		})
	}
	return append(all, attack{
		id: "jwks-no-kid", what: "no kid, though the set has several keys", source: "RFC 7515 4.1.4", tenant: "odd", reason: keyless,
		token: func(f *forgery) { f.header.drop("kid"); f.sign = byRSA(a.keys.other, crypto.SHA256) },
	})
}

// brokenSets are key sets of issuers of their own, none of which is one.
func (a *arena) brokenSets() map[string]string {
	good := keySetOf(jwkOf(a.keys.rsa.Public(), "k1"))
	return map[string]string{
		"set-empty": `{"keys":[]}`, "set-object": "{}", "set-null": "null", "set-html": "<html></html>", "set-error": `{"error":"server_error"}`, "set-list": "[" + good + "]",
		"set-garbage": good + "x", "set-two": good + good, "set-upper": strings.Replace(good, "keys", "Keys", 1), "set-bom": "\ufeff" + good, "set-oct": keySetOf(object{{"kty", `"oct"`}, {"k", `"AA"`}}),
		"set-large": strings.Replace(good, "{", `{"x":"`+strings.Repeat("x", 513<<10)+`",`, 1), "set-101": keySetOf(sameKeys(jwkOf(a.keys.rsa.Public(), "k1"), 101)...),
		"set-redirect": "redirect:" + a.url("rsa") + "/jwks", "set-private": keySetOf(jwkOf(a.keys.rsa.Public(), "k1").with("d", `"AA"`)),
		"doc-other": good, "doc-slash": good, "doc-file": good, "doc-metadata": good, "doc-private": good, "doc-userinfo": good, "doc-twice": good, "doc-list": good, "doc-redirect": good,
	}
}

func (a *arena) brokenNames() []string {
	sets := a.brokenSets()
	names := make([]string, 0, len(sets))
	for name := range sets {
		names = append(names, name)
	}
	return names
}

func sameKeys(key object, n int) []object {
	keys := make([]object, n)
	for i := range keys {
		keys[i] = key
	}
	return keys
}

// brokenDiscoveries replace discovery documents.
func (a *arena) brokenDiscoveries() {
	document := func(name, issuer, jwks string) {
		a.documents["/"+name+"/.well-known/openid-configuration"] = `{"issuer":` + quoted(issuer) + `,"jwks_uri":` + quoted(jwks) + `}`
	}
	document("doc-other", a.url("rsa"), a.url("rsa")+"/jwks")
	document("doc-slash", a.url("doc-slash")+"/", a.url("rsa")+"/jwks")
	document("doc-file", a.url("doc-file"), "file:///dev/null")
	document("doc-metadata", a.url("doc-metadata"), "http://169.254.169.254/jwks")
	document("doc-private", a.url("doc-private"), "https://10.0.0.1/jwks")
	document("doc-userinfo", a.url("doc-userinfo"), strings.Replace(a.origin.URL, "://", "://user@", 1)+"/lure")
	a.documents["/doc-twice/.well-known/openid-configuration"] = `{"issuer":"x","issuer":` + quoted(a.url("doc-twice")) + `,"jwks_uri":` + quoted(a.url("doc-twice")+"/jwks") + `}`
	a.documents["/doc-list/.well-known/openid-configuration"] = `[{"issuer":` + quoted(a.url("doc-list")) + `}]`
	a.documents["/doc-redirect/.well-known/openid-configuration"] = "redirect:" + a.url("rsa") + "/.well-known/openid-configuration"
}

// documentAttacks ask for tenants whose issuer publishes something else than
// keys. The control is a token of an issuer that publishes the same key well.
func (a *arena) documentAttacks() []attack {
	var all []attack
	for _, name := range a.brokenNames() {
		all = append(all, attack{
			id: "issuer-" + name, what: "the issuer publishes " + name, source: "RFC 7517 5, RFC 8414 3.3", reason: "keys_unavailable", status: http.StatusServiceUnavailable,
			token: func(f *forgery) { f.claims.set("iss", quoted(a.url(name))) },
			send:  func(w *wire) { w.host = name + ".test" },
		})
	}
	return all
}

// underExponentOne signs for a key whose exponent is 1: the encoded message is
// its own signature, and anybody can make it.
func (a *arena) underExponentOne() signer {
	return func(input []byte) []byte {
		return padded(1, 0xff, a.keys.other.Size(), append(slices.Clone(sha256Info), digest(crypto.SHA256, input)...))
	}
}
