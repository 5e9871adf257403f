package jwks

import (
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz/token"
)

func TestParseAcceptsEveryFamily(t *testing.T) {
	doc := parsed(t, keySetOf(
		rsaKey("rsa"), ecKey("p256"), curveKey("p384", elliptic.P384()), curveKey("p521", elliptic.P521()),
		edKey("ed"), ecKey("").with(member{"kid": nil}),
	))
	if len(doc.keys) != 6 || len(doc.skipped) != 0 {
		t.Fatalf("%d keys, skipped %v", len(doc.keys), doc.skipped)
	}
	if !doc.keys[0].Algorithms().Has(token.RS256) || doc.keys[0].Algorithms().Has(token.PS256) {
		t.Errorf("the RSA key is bound to %b", doc.keys[0].Algorithms())
	}
}

func TestParseSkipsOddKeysAndKeepsTheOthers(t *testing.T) {
	ec, rsa, null := ecKey("odd"), rsaKey("odd"), json.RawMessage("null")
	for name, odd := range map[string]any{
		"null":                nil,
		"number":              1,
		"list":                []any{ec},
		"empty":               member{},
		"no kty":              ec.with(member{"kty": nil}),
		"unknown kty":         ec.with(member{"kty": "AKP"}),
		"kty number":          ec.with(member{"kty": 1}),
		"kty case":            ec.with(member{"kty": "ec"}),
		"kid number":          ec.with(member{"kid": 7}),
		"kid list":            ec.with(member{"kid": []string{"a"}}),
		"use enc":             ec.with(member{"use": "enc"}),
		"use unregistered":    ec.with(member{"use": "tls"}),
		"use number":          ec.with(member{"use": 1}),
		"use empty":           ec.with(member{"use": ""}),
		"key_ops sign":        ec.with(member{"key_ops": []string{"sign"}}),
		"key_ops empty":       ec.with(member{"key_ops": []string{}}),
		"key_ops text":        ec.with(member{"key_ops": "verify"}),
		"key_ops mixed":       ec.with(member{"key_ops": []any{"verify", 5}}),
		"kty null":            ec.with(member{"kty": null}),
		"kid null":            ec.with(member{"kid": null}),
		"alg null":            ec.with(member{"alg": null}), // and not any, as without alg
		"use null":            ec.with(member{"use": null}),
		"issuer null":         ec.with(member{"issuer": null}),
		"alg empty":           ec.with(member{"alg": ""}),
		"alg number":          ec.with(member{"alg": 256}),
		"alg of another kind": ec.with(member{"alg": "RS256"}),
		"alg none":            ec.with(member{"alg": "none"}),
		"alg HMAC":            ec.with(member{"alg": "HS256"}),
		"alg encryption":      rsa.with(member{"alg": "RSA-OAEP"}),
		"curve secp256k1":     ec.with(member{"crv": "secp256k1"}),
		"curve Ed448":         edKey("odd").with(member{"crv": "Ed448"}),
		"curve X25519":        edKey("odd").with(member{"crv": "X25519"}),
		"off the curve":       ec.with(member{"y": ec["x"]}),
		"at infinity":         ec.with(member{"x": "AA", "y": "AA"}),
		"no y":                ec.with(member{"y": nil}),
		"Ed25519 too short":   edKey("odd").with(member{"x": "AAAA"}),
		"no n":                rsa.with(member{"n": nil}),
		"n in base64":         rsa.with(member{"n": "+/+/"}),
		"RSA 512":             rsa.with(member{"n": b64(rsaModulus().Bytes()[:64])}),
		"RSA zero":            rsa.with(member{"n": b64(make([]byte, 256))}),
		"e is 1":              rsa.with(member{"e": "AQ"}),
		"e is even":           rsa.with(member{"e": "AQAA"}),
		"e beyond 64 bits":    rsa.with(member{"e": b64([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1})}),
		"oct":                 member{"kty": "oct", "k": "AAAA", "kid": "odd"},
		"private EC":          ec.with(member{"d": "AAAA"}),
		"private RSA":         rsa.with(member{"p": "AAAA"}),
		"private null":        rsa.with(member{"d": 1}),
	} {
		t.Run(name, func(t *testing.T) {
			good := ecKey("good")
			doc := parsed(t, keySetAny(odd, good))
			if len(doc.skipped) != 1 || len(doc.keys) != 1 || doc.keys[0].KID() != "good" {
				t.Errorf("%d keys, skipped %v", len(doc.keys), doc.skipped)
			}
		})
	}
}

func TestParseIgnoresCertificatesAndUnknownMembers(t *testing.T) {
	doc := parsed(t, keySetOf(ecKey("a").with(member{
		"x5c": []string{"not a certificate"}, "x5u": "http://169.254.169.254/", "x5t": 5, "x5t#S256": "no",
		"exp": "soon", "iss": 5, "key_ops": []string{"odd", "verify"},
	})))
	if len(doc.keys) != 1 {
		t.Errorf("skipped %v", doc.skipped)
	}
	if doc = parsed(t, `{"x":1,"x":2,`+keySetOf(ecKey("a"))[1:]); len(doc.keys) != 1 {
		t.Errorf("an unknown member twice: skipped %v", doc.skipped)
	}
	if doc = parsed(t, keySetOf(rsaKey("a").with(member{"crv": "P-256", "x": "AA", "y": "AA"}))); len(doc.keys) != 1 {
		t.Errorf("an RSA key with members of others: skipped %v", doc.skipped)
	}
}

// TestLongKIDsAreShownInPart, where people are told of a key that is skipped.
func TestLongKIDsAreShownInPart(t *testing.T) {
	for size, want := range map[int]int{0: 0, maxShownKID: maxShownKID, maxShownKID + 1: maxShownKID} {
		doc := parsed(t, keySetOf(ecKey(strings.Repeat("k", size)).with(member{"use": "enc"})))
		text, view := doc.skipped[0].String(), doc.views()[0]
		if strings.Count(text[:strings.Index(text, ")")], "k")-strings.Count("key (kid ", "k") != want || len(view.KID) != want {
			t.Errorf("%d bytes: %s, %+v", size, text, view)
		}
	}
}

func TestParseComparesNamesExactly(t *testing.T) {
	key := ecKey("a").with(member{"KID": "b", "Use": "enc", "D": "AAAA", "\u212aty": "oct"})
	doc := parsed(t, keySetOf(key))
	if len(doc.keys) != 1 || doc.keys[0].KID() != "a" {
		t.Errorf("%v, skipped %v", doc.keys, doc.skipped)
	}
}

func TestParseSkipsAKeyWithAMemberTwice(t *testing.T) {
	text := strings.Replace(keySetOf(ecKey("a"), ecKey("b")), `"kid":"a"`, `"kid":"a","kid":"c"`, 1)
	if doc := parsed(t, text); len(doc.keys) != 1 || doc.keys[0].KID() != "b" {
		t.Errorf("%v, skipped %v", doc.keys, doc.skipped)
	}
}

func TestParseDropsDuplicates(t *testing.T) {
	ec, rsa := ecKey("a"), rsaKey("r")
	for name, row := range map[string]struct {
		keys []member
		want int
		algs token.AlgorithmSet // of the last key
	}{
		"identical":          {[]member{ec, ec}, 1, algs(token.ES256)},
		"another kid":        {[]member{ec, ec.with(member{"kid": "b"})}, 2, algs(token.ES256)},
		"another key":        {[]member{ec, ecKey("a")}, 2, algs(token.ES256)},
		"another algorithm":  {[]member{rsa, rsa.with(member{"alg": "PS256"})}, 2, algs(token.PS256)},
		"wider binding last": {[]member{rsa, rsa.with(member{"alg": nil})}, 1, rsaAlgs},
		"wider first":        {[]member{rsa.with(member{"alg": nil}), rsa}, 1, rsaAlgs},
	} {
		t.Run(name, func(t *testing.T) {
			doc := parsed(t, keySetOf(row.keys...))
			if len(doc.keys) != row.want || len(doc.skipped) != 0 {
				t.Fatalf("%d keys, skipped %v", len(doc.keys), doc.skipped)
			}
			if got := doc.keys[len(doc.keys)-1].Algorithms(); got != row.algs {
				t.Errorf("bound to %b, want %b", got, row.algs)
			}
		})
	}
}

var rsaAlgs = algs(token.RS256, token.RS384, token.RS512, token.PS256, token.PS384, token.PS512)

func algs(list ...token.Algorithm) (set token.AlgorithmSet) {
	for _, a := range list {
		set = set.With(a)
	}
	return set
}

func TestParseRefusesDocuments(t *testing.T) {
	good := keySetOf(ecKey("a"))
	for name, row := range map[string]struct {
		text string
		want error
	}{
		"empty":            {"", errMalformed},
		"null":             {"null", errMalformed},
		"list":             {"[" + good + "]", errMalformed},
		"text":             {`"keys"`, errMalformed},
		"HTML":             {"<html></html>", errMalformed},
		"no keys":          {`{}`, errMalformed},
		"error answer":     {`{"error":"server_error"}`, errMalformed},
		"keys null":        {`{"keys":null}`, errMalformed},
		"keys object":      {`{"keys":{}}`, errMalformed},
		"Keys":             {strings.Replace(good, "keys", "Keys", 1), errMalformed},
		"keys twice":       {`{"keys":[],` + good[1:], errMalformed},
		"escaped twice":    {`{"\u006beys":[],` + good[1:], errMalformed},
		"trailing garbage": {good + "x", errMalformed},
		"two documents":    {good + good, errMalformed},
		"cut short":        {good[:len(good)-1], errMalformed},
		"trailing comma":   {good[:len(good)-1] + ",}", errMalformed},
		"comment":          {"/**/" + good, errMalformed},
		"BOM":              {"\ufeff" + good, errMalformed},
		"not UTF-8":        {strings.Replace(good, `"a"`, "\"\xff\"", 1), errMalformed},
		"101 keys":         {keySetOf(slices.Repeat([]member{{}}, 101)...), errTooLarge},
		"too many bytes":   {good + strings.Repeat(" ", maxBodyBytes), errTooLarge},
		"a byte too many":  {good + strings.Repeat(" ", maxBodyBytes+1-len(good)), errTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseKeySet([]byte(row.text), sigOnly); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
}

func TestParseAcceptsTheGreatestDocument(t *testing.T) {
	keys := make([]member, 0, maxKeys)
	for range maxKeys {
		keys = append(keys, edKey("k"))
	}
	text := keySetOf(keys...)
	text += strings.Repeat("\n", maxBodyBytes-len(text))
	if doc := parsed(t, text); len(doc.keys) != maxKeys {
		t.Errorf("%d keys, skipped %v", len(doc.keys), doc.skipped)
	}
}

func FuzzJWKS(f *testing.F) {
	ec := ecKey("a")
	for _, seed := range []string{
		keySetOf(ec, edKey("b")), keySetOf(rsaKey("r")), keySetOf(ec.with(member{"d": "AA"}), ec),
		`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},null,1,{"kty":"oct","k":""}]}`,
		`{"keys":[],"keys":[]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]} `, "null",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := parseKeySet(body, sigOnly)
		if err != nil {
			if len(doc.keys) != 0 {
				t.Fatal("keys beside an error")
			}
			return
		}
		if len(doc.keys)+len(doc.skipped) > maxKeys {
			t.Fatalf("%d keys", len(doc.keys)+len(doc.skipped))
		}
		set := token.NewKeySet(doc.keys)
		for _, key := range doc.keys {
			if key.Algorithms() == 0 || !set.Contains(key.Thumbprint()) {
				t.Fatal("a key that can verify nothing was accepted")
			}
		}
		for _, skip := range doc.skipped {
			if skip.why == nil || skip.String() == "" {
				t.Fatal("a key was skipped without a reason")
			}
		}
	})
}
