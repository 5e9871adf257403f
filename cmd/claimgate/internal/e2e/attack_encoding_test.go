package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
)

// parts is a change of the three parts of a token.
func parts(change func(p []string)) func(string) string {
	return func(s string) string {
		p := strings.Split(s, ".")
		change(p)
		return strings.Join(p, ".")
	}
}

var partNames = [...]string{"header", "claims", "signature"}

// encodingAttacks spell the same bytes in another way.
func (a *arena) encodingAttacks() []attack {
	var all []attack
	for n, part := range partNames {
		spelled := func(id, what, reason string, change func(string) string) attack {
			return attack{
				id: "encoding-" + part + "-" + id, what: what + " in the " + part, source: "RFC 7515 2, RFC 4648 3.5", reason: reason,
				spell: parts(func(p []string) { p[n] = change(p[n]) }),
			}
		}
		inside := func(id, what, reason, text string) attack {
			return spelled(id, what, reason, func(s string) string { return s[:8] + text + s[8:] })
		}
		all = append(all,
			spelled("padding", "padding", malformed, func(s string) string { return s + "=" }),
			spelled("padding-2", "padding", malformed, func(s string) string { return s + "==" }),
			spelled("escaped-padding", "escaped padding", malformed, func(s string) string { return s + "%3D" }),
			spelled("bits", "bits that stand for nothing", malformed, nil),
			spelled("one-more", "one character more", malformed, oneTooMany),
			inside("space", "a space", malformed, " "), inside("tab", "a tab", malformed, "\t"), inside("plus", "a plus", malformed, "+"),
			inside("slash", "a slash", malformed, "/"), inside("equals", "an equals sign", malformed, "="), inside("tilde", "a tilde", malformed, "~"),
			inside("percent", "an escape", malformed, "%41"), inside("unicode", "a zero-width space", malformed, "\u200b"),
			inside("latin1", "a byte that is no UTF-8", malformed, "\xa0"), inside("quote", "a quote", malformed, `"`),
			inside("comma", "a comma", "several_tokens", ","), inside("semicolon", "a semicolon", malformed, ";"),
		)
		for id, text := range map[string]string{"cr": "\r", "lf": "\n", "crlf": "\r\n", "fold": "\r\n ", "nul": "\x00"} {
			x := inside(id, "a line break or NUL", "request_invalid", text)
			x.source = "RFC 9110 5.5, RFC 7515 2"
			x.status, x.alone, x.bytes = http.StatusBadRequest, true, true
			all = append(all, x)
		}
	}
	for i := range all {
		if strings.HasSuffix(all[i].id, "-bits") {
			all[i] = looseBits(all[i])
		}
	}
	return append(all, a.alphabetAttacks()...)
}

// oneTooMany makes a length that no bytes have.
func oneTooMany(part string) string {
	part += "A"
	for len(part)%4 != 1 {
		part += "A"
	}
	return part
}

// looseBits sets the bits of a part's last character that stand for no byte.
// The part is first made so long that there are some.
func looseBits(x attack) attack {
	n := map[string]int{"encoding-header-bits": 0, "encoding-claims-bits": 1, "encoding-signature-bits": 2}[x.id]
	x.first = func(f *forgery) {
		pad := func(o *object) {
			o.add("pad", `""`)
			for raw := `""`; len(o.String())%3 == 0; o.set("pad", raw) {
				raw = raw[:1] + "x" + raw[1:]
			}
		}
		pad(&f.header)
		pad(&f.claims)
	}
	x.spell = parts(func(p []string) {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		last := len(p[n]) - 1
		p[n] = p[n][:last] + alphabet[strings.IndexByte(alphabet, p[n][last])+1:][:1]
	})
	return x
}

func (a *arena) alphabetAttacks() []attack {
	standard := func(part string) string { return base64.RawStdEncoding.EncodeToString(unb64(part)) }
	spelled := func(id, what string, change func(string) string) attack {
		return attack{id: "encoding-" + id, what: what, source: "RFC 7515 2", reason: malformed, spell: change}
	}
	return []attack{
		{
			id: "encoding-standard-alphabet", what: "the alphabet with + and /", source: "RFC 4648 5", reason: malformed,
			first: func(f *forgery) { f.claims.add("x", `"???>>>~~~"`) }, // bytes that need them
			spell: parts(func(p []string) { p[1] = standard(p[1]) }),
		},
		spelled("standard-padded", "standard base64 with padding", parts(func(p []string) {
			p[0] = base64.StdEncoding.EncodeToString([]byte(string(unb64(p[0])[:1]) + " " + string(unb64(p[0])[1:])))
			p[0] += strings.Repeat("=", (4-len(p[0])%4)%4)
			p[2] += "=="
		})),
		spelled("escaped-dots", "escaped dots", func(s string) string { return strings.ReplaceAll(s, ".", "%2E") }),
		spelled("fullwidth-dots", "fullwidth dots", func(s string) string { return strings.ReplaceAll(s, ".", "\uff0e") }),
		spelled("bom", "a byte order mark before it", func(s string) string { return "\ufeff" + s }),
		spelled("hex", "hexadecimal parts", parts(func(p []string) { p[1] = "0x" + hex.EncodeToString(unb64(p[1])) })),
		spelled("quoted", "quotes around it", func(s string) string { return `"` + s + `"` }),
		spelled("angles", "angle brackets around it", func(s string) string { return "<" + s + ">" }),
		spelled("twice-encoded", "the whole of it encoded again", func(s string) string { return b64([]byte(s)) }),
		spelled("raw-claims", "the claims as JSON", parts(func(p []string) { p[1] = string(unb64(p[1])) })).as("several_tokens"),
		spelled("swapped-case", "the other case", parts(func(p []string) { p[0] = strings.ToLower(p[0]) })),
		spelled("reversed", "the parts in another order", parts(func(p []string) { p[0], p[1] = p[1], p[0] })),
	}
}

func (x attack) as(reason string) attack {
	x.reason = reason
	return x
}

// shapeAttacks have the wrong number of parts, or are no JWS at all.
func (a *arena) shapeAttacks() []attack {
	shaped := func(id, what, source string, spell func(string) string) attack {
		return attack{id: "shape-" + id, what: what, source: source, reason: malformed, spell: spell}
	}
	constant := func(id, what, source, text string) attack {
		return shaped(id, what, source, func(string) string { return text })
	}
	jwe := b64([]byte(`{"alg":"RSA-OAEP","enc":"A128GCM"}`))
	return []attack{
		constant("1-part", "one part", "RFC 7515 7.1", "eyJhbGciOiJSUzI1NiJ9"),
		shaped("2-parts", "two parts", "RFC 7515 7.1", func(s string) string { return s[:strings.LastIndexByte(s, '.')] }),
		shaped("4-parts", "a fourth part", "RFC 7515 7.1", func(s string) string { return s + ".AAAA" }),
		shaped("6-parts", "two tokens joined by a dot", "RFC 7515 7.1", func(s string) string { return s + "." + s }),
		shaped("leading-dot", "a dot before it", "RFC 7515 7.1", func(s string) string { return "." + s }),
		shaped("trailing-dot", "a dot after it", "RFC 7515 7.1", func(s string) string { return s + "." }),
		shaped("double-dot", "an empty part between", "RFC 7515 7.1", func(s string) string { return strings.Replace(s, ".", "..", 1) }),
		shaped("no-header", "an empty header", "RFC 7515 7.1", parts(func(p []string) { p[0] = "" })),
		shaped("no-claims", "no claims: detached content", "RFC 7515 F", parts(func(p []string) { p[1] = "" })),
		shaped("no-signature", "no signature", "RFC 7515 7.1", parts(func(p []string) { p[2] = "" })),
		constant("dots-2", "two dots", "RFC 7515 7.1", ".."), constant("dots-4", "four dots", "RFC 7516 7.1", "...."),
		constant("dots-1000", "a thousand dots", "CVE-2025-30204", strings.Repeat(".", 1000)),
		constant("dots-16384", "as many dots as fit", "CVE-2025-30204", strings.Repeat(".", 16384)),
		shaped("1000-parts", "a thousand parts", "CVE-2025-30204", func(s string) string { return s + strings.Repeat(".AA", 1000) }),
		constant("dots-16385", "more dots than fit", "CVE-2025-30204", strings.Repeat(".", 16385)).as("token_too_large"),
		constant("jwe", "an encrypted token", "RFC 7516 7.1, RFC 8725bis", jwe+".UGhp.AAAA.5eym.cGlm"),
		shaped("jwe-of-three", "the header of an encrypted token", "RFC 7516 4", parts(func(p []string) { p[0] = jwe })),
		shaped("jws-general", "JSON serialisation", "RFC 7515 7.2.1", func(s string) string {
			p := strings.Split(s, ".")
			return `{"payload":"` + p[1] + `","signatures":[{"protected":"` + p[0] + `","signature":"` + p[2] + `"}]}`
		}).as("several_tokens"),
		shaped("jws-flattened", "flattened JSON serialisation", "RFC 7515 7.2.2", func(s string) string {
			p := strings.Split(s, ".")
			return `{"payload":"` + p[1] + `","protected":"` + p[0] + `","signature":"` + p[2] + `"}`
		}).as("several_tokens"),
		shaped("jws-one-member", "JSON without a comma", "RFC 7515 7.2.2", func(s string) string { return `{"token":"` + s + `"}` }),
		{
			id: "shape-polyglot", what: "JSON serialisation that is also a compact one", source: "CVE-2022-39227", reason: malformed + "|several_tokens",
			spell: func(s string) string {
				p := strings.Split(s, ".")
				return `{"` + p[0] + `.` + b64([]byte(`{"sub":"root"}`)) + `.":"","protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`
			},
		},
		{
			id: "shape-nested", what: "a token in a token", source: "RFC 7519 5.2", reason: malformed,
			token: func(f *forgery) {
				inner := f.token()
				f.respellClaims = func(string) string { return inner }
			},
		},
		{
			id: "shape-nested-text", what: "a token as a JSON text", source: "RFC 7519 5.2", reason: malformed,
			token: func(f *forgery) {
				inner := f.token()
				f.respellClaims = func(string) string { return quoted(inner) }
			},
		},
		constant("paseto", "PASETO", "RFC 8725 3.2", "v4.public.eyJzdWIiOiJhbGljZSJ9"), constant("paseto-local", "PASETO, local", "RFC 8725 3.2", "v4.local.AAAA"),
		constant("macaroon", "a macaroon", "RFC 6750 2.1", "MDAxY2xvY2F0aW9uIGh0dHA6Ly9leGFtcGxlLm9yZwo"),
		constant("uuid", "an opaque token", "RFC 6750 2.1", "0d5b2c3e-6a0c-4a4c-9d58-3f9a3a3f1b11"), constant("null", "null", "RFC 6750 2.1", "null"),
		constant("undefined", "undefined", "RFC 6750 2.1", "undefined"), constant("bool", "true", "RFC 6750 2.1", "true"),
		constant("basic", "what Basic would carry", "RFC 7617", "YWxpY2U6c2VjcmV0"), constant("saml", "SAML", "RFC 7522", "PHNhbWw6QXNzZXJ0aW9uPg=="),
		constant("github", "a token of another service", "RFC 6750 2.1", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
		constant("sdjwt", "SD-JWT", "RFC 9901", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA~WyJzIl0~"),
		constant("template", "what was never filled in", "RFC 6750 2.1", "${TOKEN}"), constant("one-char", "one character", "RFC 7515 7.1", "a"),
		constant("A.A.A", "parts of one character", "RFC 4648 4", "A.A.A"), constant("AA.AA.AA", "parts of one byte", "RFC 7515 4", "AA.AA.AA"),
	}
}

// token puts the token together as it is now.
func (f *forgery) token() string {
	now := *f
	return now.String()
}

// claimsTextAttacks spell the claims in ways that two readers read differently.
// Each is signed by the issuer.
func (a *arena) claimsTextAttacks() []attack {
	text := func(id, what, source string, respell func(string) string) attack {
		return attack{id: "json-" + id, what: what, source: source, reason: malformed, token: func(f *forgery) { f.respellClaims = respell }}
	}
	member := func(id, what, source, raw string) attack {
		return text(id, what, source, func(s string) string { return strings.Replace(s, "{", "{"+raw+",", 1) })
	}
	value := func(id, raw string) attack { return member("value-"+id, raw, "RFC 8259", `"x":`+raw) }
	constant := func(id, raw string) attack {
		return text("top-"+id, "nothing but "+raw, "RFC 7519 7.2", func(string) string { return raw })
	}
	all := []attack{
		constant("null", "null"), constant("list", "[]"), constant("text", `"x"`), constant("number", "1"), constant("true", "true"), constant("blank", " "),
		constant("list-of-claims", `[{"iss":"x"}]`), constant("open", "{"), constant("nul", "\x00"), constant("empty", "{}").as("issuer_unknown"),
		text("garbage", "garbage after it", "RFC 8259 2", func(s string) string { return s + "x" }),
		text("second", "another object after it", "RFC 8259 2", func(s string) string { return s + `{"sub":"root"}` }),
		text("newline-second", "another line after it", "RFC 8259 2", func(s string) string { return s + "\n{}" }),
		text("nul", "a NUL after it", "RFC 8259 2", func(s string) string { return s + "\x00" }),
		text("bracket", "a bracket too many", "RFC 8259 4", func(s string) string { return s + "}" }),
		text("comma", "a comma too many", "RFC 8259 4", func(s string) string { return strings.TrimSuffix(s, "}") + ",}" }),
		text("commas", "two commas", "RFC 8259 4", func(s string) string { return strings.Replace(s, ",", ",,", 1) }),
		text("bom", "a byte order mark", "RFC 8259 8.1", func(s string) string { return "\ufeff" + s }),
		text("utf16le", "UTF-16", "RFC 8259 8.1", utf16Text),
		text("utf32", "UTF-32", "RFC 8259 8.1", func(s string) string {
			return string(bytes.Join(bytes.Split([]byte(s), nil), []byte{0, 0, 0}))
		}),
		text("comment", "a comment", "RFC 8259 2", func(s string) string { return s + "// x" }),
		text("block-comment", "a comment within", "RFC 8259 2", func(s string) string { return strings.Replace(s, ":", ":/**/", 1) }),
		text("quotes", "single quotes", "RFC 8259 7", func(s string) string { return strings.ReplaceAll(s, `"`, "'") }),
		text("cut", "cut short", "RFC 8259 4", func(s string) string { return s[:len(s)-2] }),
		text("nbsp", "a no-break space between", "RFC 8259 2", func(s string) string { return strings.Replace(s, ":", ":\u00a0", 1) }),
		text("vt", "a vertical tab between", "RFC 8259 2", func(s string) string { return strings.Replace(s, ":", ":\v", 1) }),
		member("bare-name", "a name without quotes", "RFC 8259 4", `x:1`), member("number-name", "a number for a name", "RFC 8259 4", `1:1`),
		member("no-value", "a name without a value", "RFC 8259 4", `"x":`), member("no-colon", "a name alone", "RFC 8259 4", `"x"`),
		member("equals", "an equals sign", "RFC 8259 4", `"x"=1`),
		member("invalid-utf8", "a byte that is no UTF-8", "RFC 8259 8.1", "\"x\":\"\xff\""),
		member("overlong", "an overlong slash", "CVE-2008-2938", "\"x\":\"\xc0\xaf\""),
		member("cesu", "a surrogate in UTF-8", "RFC 3629 3", "\"x\":\"\xed\xa0\x80\""), member("beyond", "a character beyond Unicode", "RFC 3629 3", "\"x\":\"\xf4\x90\x80\x80\""),
		member("high-surrogate", "a lone high surrogate", "RFC 8259 8.2", `"x":"\ud800"`), member("low-surrogate", "a lone low surrogate", "RFC 8259 8.2", `"x":"\udc00"`),
		member("reversed-surrogates", "a pair in reverse", "RFC 8259 8.2", `"x":"\udc00\ud800"`), member("two-high", "two high surrogates", "RFC 8259 8.2", `"x":"\ud800\ud800"`),
		member("surrogate-name", "a lone surrogate in a name", "RFC 8259 8.2", `"\ud800":1`),
		member("control", "a raw line break in a text", "RFC 8259 7", "\"x\":\"a\nb\""), member("raw-nul", "a raw NUL in a text", "RFC 8259 7", "\"x\":\"a\x00b\""),
		member("hex-escape", "an escape that is none", "RFC 8259 7", `"x":"\x41"`), member("quote-escape", "an escape that is none", "RFC 8259 7", `"x":"\'"`),
		member("short-escape", "an escape cut short", "RFC 8259 7", `"x":"\u00"`), member("upper-escape", "an escape that is none", "RFC 8259 7", `"x":"\U0041"`),
		value("nan", "NaN"), value("infinity", "Infinity"), value("hex", "0x10"), value("plus", "+1"), value("zero-led", "01"), value("dot-led", ".5"),
		value("dot-ended", "1."), value("minus", "-"), value("exp-empty", "1e"), value("exp-long", "1e99999"), value("upper-true", "True"), value("undefined", "undefined"),
		value("underscore", "1_000"), value("digits-129", strings.Repeat("9", 129)), value("unclosed", `"x`), value("undelimited", "1 2"), value("mixed", "[1}"),
		value("depth-16", strings.Repeat("[", 16)+strings.Repeat("]", 16)), value("depth-33", strings.Repeat(`{"a":`, 33)+"1"+strings.Repeat("}", 33)),
		value("depth-5000", strings.Repeat("[", 5000)+strings.Repeat("]", 5000)), value("depth-open", strings.Repeat("[", 10000)),
		value("2049-values", "["+strings.Repeat("1,", 2048)+"1]"), value("5000-objects", "["+strings.Repeat("{},", 3500)+"{}]"),
		text("twice-nested", "a name twice within a claim", "RFC 8725 2.4", func(s string) string { return strings.Replace(s, "{", `{"x":{"a":1,"a":2},`, 1) }),
		text("twice-many", "a name twice among forty", "RFC 8725 2.4", func(s string) string {
			var many strings.Builder
			for i := range 40 {
				many.WriteString(`"n` + hex.EncodeToString([]byte{byte(i)}) + `":1,`)
			}
			return strings.Replace(s, "{", "{"+many.String()+`"n00":2,`, 1)
		}),
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "scope", "jti"} {
		all = append(all, attack{
			id: "json-twice-" + name, what: name + " twice, the same", source: "RFC 7519 4", reason: malformed,
			token: func(f *forgery) { f.claims.add(name, memberOf(f.claims, name)) },
		})
	}
	for id, m := range map[string]member2{
		"sub-last": {"sub", `"root"`}, "iss-last": {"iss", `"https://evil.example.com"`}, "exp-last": {"exp", "1"}, "null-last": {"sub", "null"},
		"escaped-iss": {`i\u0073s`, `"x"`}, "escaped-sub": {`\u0073ub`, `"root"`}, "escaped-upper": {`\u0073\u0055b`, `1,"\u0073Ub":2`},
	} {
		all = append(all, attack{
			id: "json-twice-" + id, what: m[0] + " twice, with another value", source: "RFC 7519 4, RFC 8725 2.4", reason: malformed,
			token: func(f *forgery) { f.claims.add(m[0], m[1]) },
		})
	}
	return append(all, attack{
		id: "json-100k-elements", what: "a hundred thousand elements", source: "CVE-2020-36518", reason: "request_invalid",
		token: func(f *forgery) { f.claims.add("x", "["+strings.Repeat("1,", 100_000)+"1]") },
	}.beyondEnvoy().status400().inBytes())
}

type member2 [2]string

func memberOf(o object, name string) string {
	for _, m := range o {
		if m.name == name {
			return m.raw
		}
	}
	return "null"
}
