package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	badClaims = "claims_invalid"
	strangers = "issuer_unknown"
	policyNo  = "policy_denied"
	rfc7519   = "RFC 7519 4.1"
)

// claim is the case of one claim with another value, signed by the issuer.
func claim(id, reason, source, name, raw string) attack {
	return attack{
		id: "claim-" + id, what: "claim " + name + ": " + shorten(raw), source: source, reason: reason,
		token: func(f *forgery) { f.claims.set(name, raw) },
	}
}

// without is the case of a claim that is not there.
func without(name, reason, source string) attack {
	return attack{
		id: "claim-no-" + name, what: "no " + name, source: source, reason: reason,
		token: func(f *forgery) { f.claims.drop(name) },
	}
}

// in moves a case to another tenant.
func (x attack) in(tenant string) attack {
	x.tenant = tenant
	x.id = tenant + "-" + x.id
	return x
}

func (a *arena) timeAttacks() []attack {
	now := time.Now()
	at := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	hour := time.Hour
	all := []attack{
		without("exp", badClaims, "RFC 8725 3.10, RFC 9068 2.2"),
		claim("exp-ago", "expired", rfc7519+".4", "exp", at(-hour)), claim("exp-beyond-skew", "expired", rfc7519+".4", "exp", at(-31*time.Second)),
		claim("exp-1", "expired", rfc7519+".4", "exp", "1"), claim("exp-fraction", "expired", "RFC 7519 2", "exp", at(-hour)+".999"),
		claim("exp-2-31", "expired", "RFC 7519 2", "exp", "-1").as(badClaims),
		claim("nbf-ahead", "not_yet_valid", rfc7519+".5", "nbf", at(30*time.Minute)), claim("nbf-beyond-skew", "not_yet_valid", rfc7519+".5", "nbf", at(5*time.Minute)),
		claim("nbf-after-exp", badClaims, rfc7519+".5", "nbf", at(2*hour)), claim("iat-ahead", "not_yet_valid", rfc7519+".6", "iat", at(hour)),
		claim("iat-after-exp", "not_yet_valid", rfc7519+".6", "iat", at(2*hour)),
		claim("iat-old", "too_old", "RFC 8725 3.10", "iat", at(-2*hour)).in("strict"), without("iat", badClaims, "RFC 8725 3.10").in("strict"),
		claim("iat-1", "too_old", "RFC 8725 3.10", "iat", "1").in("strict"),
		{
			id: "claim-EXP", what: "EXP after a claim exp that is over", source: "RFC 8725 2.4, encoding/json", reason: "expired",
			token: func(f *forgery) { f.claims.set("exp", at(-hour)); f.claims.add("EXP", at(hour)) },
		},
		{
			id: "claim-only-Exp", what: "Exp in place of exp", source: "RFC 7519 4", reason: badClaims,
			token: func(f *forgery) { f.claims.drop("exp"); f.claims.add("Exp", at(hour)) },
		},
		{
			id: "claim-exp-within", what: "exp within another claim", source: "RFC 7519 4", reason: badClaims,
			token: func(f *forgery) { f.claims.drop("exp"); f.claims.add("claims", `{"exp":`+at(hour)+`}`) },
		},
		{
			id: "claim-exp-in-header", what: "exp in the header alone", source: "RFC 7519 5.3", reason: badClaims,
			token: func(f *forgery) { f.claims.drop("exp"); f.header.add("exp", at(hour)) },
		},
		{
			id: "claim-exp-in-header-too", what: "a later exp in the header", source: "RFC 7519 5.3", reason: "expired",
			token: func(f *forgery) { f.claims.set("exp", at(-hour)); f.header.add("exp", at(hour)) },
		},
	}
	for id, raw := range map[string]string{
		"null": "null", "zero": "0", "minus-zero": "-0", "negative": "-1", "negative-far": "-4102444800", "text": `"4102444800"`, "word": `"never"`,
		"iso": `"2099-01-01T00:00:00Z"`, "true": "true", "list": "[4102444800]", "object": `{"$date":4102444800}`, "1e300": "1e300", "1e999": "1e999",
		"minus-1e300": "-1e300", "millis": "4102444800000", "micros": "4102444800000000", "nanos": "9223372036854775807", "2-63": "9223372036854775808",
		"2-64-and-more": "18446744073709551617", "year-10000": "253402300800", "9.2e18": "9.2e18", "tiny": "1e-9", "half": "0.5",
	} {
		for _, name := range []string{"exp", "nbf", "iat"} {
			if name == "nbf" && strings.HasSuffix(id, "zero") {
				continue // some issuers write 0 for none, and it limits nothing
			}
			all = append(all, claim(name+"-"+id, badClaims, "RFC 7519 2, RFC 8725 2.4", name, raw))
		}
	}
	return all
}

func (a *arena) issuerAttacks() []attack {
	url := a.url("rsa")
	host := strings.TrimPrefix(a.origin.URL, "http://")
	all := []attack{without("iss", strangers, "RFC 8725 3.8"), without("iss", strangers, "RFC 8725 3.8").in("mixed")}
	for id, iss := range map[string]string{
		"empty": "", "slash": url + "/", "upper": strings.ToUpper(url), "https": strings.Replace(url, "http:", "https:", 1), "upper-scheme": strings.Replace(url, "http", "HTTP", 1),
		"userinfo": strings.Replace(url, "://", "://rsa@", 1), "nul": url + "\x00", "nul-and-more": url + "\x00.evil.example.com", "space": url + " ", "led": " " + url,
		"newline": url + "\n", "query": url + "?", "fragment": url + "#x", "dots": a.origin.URL + "/twin/../rsa", "escaped": a.origin.URL + "/%72sa", "double": a.origin.URL + "//rsa",
		"suffix": url + ".evil.example.com", "prefix": url[:len(url)-1], "no-scheme": host + "/rsa", "no-path": a.origin.URL, "confusable": strings.Replace(url, "rsa", "r\u0455a", 1),
		"long-s": strings.Replace(url, "s", "\u017f", 1), "punycode": "http://xn--rsa.example.com", "trailing-dot": strings.Replace(url, ":", ".:", 1), "name": "rsa",
		"elsewhere": "https://evil.example.com", "lure": a.origin.URL + "/lure", "wildcard": "*", "zero-width": url + "\u200b", "other-tenant": a.url("cors"), "other-key": a.url("twin"),
	} {
		all = append(all, claim("iss-"+id, strangers, "RFC 8725 3.8", "iss", quoted(iss)))
	}
	for id, raw := range map[string]string{"list": "[" + quoted(url) + "]", "object": `{"url":` + quoted(url) + "}", "number": "1", "null": "null", "true": "true"} {
		all = append(all, claim("iss-"+id, strangers, "RFC 7519 4.1.1", "iss", raw))
	}
	foreign := func(id, what, tenant, issuer, reason string, change func(*forgery)) attack {
		return attack{
			id: "foreign-" + id, what: what, source: "RFC 8725 3.8", tenant: tenant, reason: reason,
			token: func(f *forgery) {
				*f = *a.token(issuer, "foreign-"+id)
				if change != nil {
					change(f)
				}
			},
		}
	}
	name := func(issuer string) func(*forgery) {
		return func(f *forgery) { f.claims.set("iss", quoted(a.url(issuer))) }
	}
	return append(all,
		foreign("same-kid", "another tenant's token with the same kid", "rsa", "twin", strangers, nil),
		foreign("same-kid-back", "the same the other way round", "twin", "rsa", strangers, nil),
		foreign("same-key", "another tenant's token signed by the very same key", "rsa", "cors", strangers, nil),
		foreign("renamed", "another issuer's signature under this issuer's name", "rsa", "twin", forgedSig, name("rsa")),
		foreign("renamed-back", "the same the other way round", "twin", "rsa", forgedSig, name("twin")),
		foreign("renamed-ec", "an EC issuer's token under this issuer's name", "rsa", "ec", algorithm, name("rsa")),
		foreign("open-curve", "a token of another tenant at the EC tenant", "ec", "curves", strangers, nil),
		foreign("folded", "iss with a long s after the true one of another", "rsa", "twin", strangers, func(f *forgery) { f.claims.add("i\u017fs", quoted(url)) }),
		foreign("upper", "ISS after the true one of another", "rsa", "twin", strangers, func(f *forgery) { f.claims.add("ISS", quoted(url)) }),
		foreign("within", "iss within another claim", "rsa", "twin", strangers, func(f *forgery) { f.claims.lead("x", `{"iss":`+quoted(url)+`}`) }),
		foreign("twice", "the true iss twice", "rsa", "twin", malformed, func(f *forgery) { f.claims.add("iss", quoted(url)) }),
		foreign("header", "iss in the header", "rsa", "twin", strangers, func(f *forgery) { f.header.add("iss", quoted(url)) }),
		foreign("proto", "iss of a prototype", "rsa", "twin", strangers, func(f *forgery) {
			f.claims.drop("iss")
			f.claims.add("__proto__", `{"iss":`+quoted(url)+`}`)
		}),
	)
}

func (a *arena) audienceAttacks() []attack {
	const source = "RFC 7519 4.1.3, RFC 8725 3.9"
	all := []attack{without("aud", "audience", source)}
	many := strings.Repeat(`"https://x.example.com",`, 399) + `"https://y.example.com"`
	for id, raw := range map[string]string{
		"other": `"https://other.example.com"`, "longer": quoted(audience + "-admin"), "prefix": quoted(audience[:len(audience)-1]), "slash": quoted(audience + "/"),
		"case": quoted(strings.ToUpper(audience)), "space": quoted(audience + " "), "nul": quoted(audience + "\x00"), "comma": quoted(audience + ",https://x"),
		"spaces": quoted(audience + " https://x"), "wildcard": `"*"`, "http": `"http://api.example.com"`, "host": `"api.example.com"`, "empty-list": "[]",
		"list-of-others": `["https://a.example.com","https://b.example.com"]`, "400-others": "[" + many + "]", "as-list-text": quoted(`["` + audience + `"]`), "path": quoted(audience + "/orders"),
	} {
		all = append(all, claim("aud-"+id, "audience", source, "aud", raw))
	}
	for id, raw := range map[string]string{
		"empty": `""`, "null": "null", "number": "1", "true": "true", "object": "{" + quoted(audience) + ":true}", "nested": "[[" + quoted(audience) + "]]",
		"mixed": "[" + quoted(audience) + ",1]", "mixed-first": "[null," + quoted(audience) + "]", "with-empty": "[" + quoted(audience) + `,""]`, "empty-first": `["",` + quoted(audience) + "]",
		"object-in-list": "[{}," + quoted(audience) + "]",
	} {
		all = append(all, claim("aud-"+id, badClaims, source, "aud", raw))
	}
	return append(all, attack{
		id: "claim-AUD", what: "AUD after a foreign aud", source: "RFC 7519 4", reason: "audience",
		token: func(f *forgery) { f.claims.set("aud", `"https://other"`); f.claims.add("AUD", quoted(audience)) },
	}, attack{
		id: "claim-azp-for-aud", what: "azp, resource and client_id in place of aud", source: "RFC 8725 3.9", reason: "audience",
		token: func(f *forgery) {
			f.claims.drop("aud")
			for _, name := range []string{"azp", "resource", "client_id"} {
				f.claims.add(name, quoted(audience))
			}
		},
	})
}

// identityAttacks are good signatures on what is no access token of the bearer.
func (a *arena) identityAttacks() []attack {
	var all []attack
	for id, raw := range map[string]string{
		"empty": `""`, "number": "1", "null": "null", "list": `["alice"]`, "object": `{"id":"alice"}`, "true": "true", "1025-bytes": quoted(strings.Repeat("a", 1025)),
	} {
		all = append(all, claim("sub-"+id, badClaims, "RFC 7519 4.1.2", "sub", raw))
	}
	for id, raw := range map[string]string{
		"jkt": `{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`, "x5t": `{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}`, "jwk": `{"jwk":{"kty":"oct","k":"AA"}}`,
		"kid": `{"kid":"k1"}`, "unknown": `{"x":1}`, "empty": "{}", "null": "null", "text": `"jkt"`, "list": "[]", "number": "0", "jku": `{"jku":` + quoted(a.origin.URL+"/lure") + "}",
	} {
		all = append(all, claim("cnf-"+id, "binding_unproved", "RFC 7800 3.1, RFC 9449 6, RFC 8705 3", "cnf", raw))
	}
	asJWT := func(f *forgery) { f.header.set("typ", `"JWT"`) }
	for id, m := range map[string]member2{
		"at-hash": {"at_hash", `"MTIzNDU2Nzg5MDEyMzQ1Ng"`}, "at-hash-null": {"at_hash", "null"}, "c-hash": {"c_hash", `"x"`}, "logout": {"events", `{"http://schemas.openid.net/event/backchannel-logout":{}}`},
		"keycloak-id": {"typ", `"ID"`}, "keycloak-refresh": {"typ", `"Refresh"`}, "keycloak-offline": {"typ", `"Offline"`}, "keycloak-logout": {"typ", `"Logout"`},
	} {
		x := claim("foreign-"+id, "token_type", "OpenID Connect Core 3.1.3.6, RFC 8725 3.12", m[0], m[1])
		x.first = asJWT
		all = append(all, x)
	}
	return append(all,
		claim("banned", "require_failed", "policy: require", "banned", "true").status403(), claim("banned-false", "require_failed", "policy: require", "banned", "false").status403(),
		without("sub", "header_value_refused", "policy: a required header").status403(),
		attack{
			id: "dpop-proof", what: "a DPoP proof as an access token", source: "RFC 9449 4.2", reason: malformed,
			token: func(f *forgery) {
				f.header.set("typ", `"dpop+jwt"`)
				f.header.add("jwk", jwkOf(a.keys.rsa.Public(), "").String())
				f.claims = object{{"htm", `"GET"`}, {"htu", quoted(audience)}, {"iat", "1"}, {"jti", `"x"`}}
			},
		},
		attack{
			id: "introspection", what: "an introspection response", source: "RFC 9701 5", reason: "token_type",
			token: func(f *forgery) {
				f.header.set("typ", `"token-introspection+jwt"`)
				f.claims.add("token_introspection", `{"active":true}`)
			},
		})
}

func (x attack) status403() attack {
	x.status = http.StatusForbidden
	return x
}

// policyAttacks have claims that a loose comparison takes for the right ones.
func (a *arena) policyAttacks() []attack {
	var all []attack
	add := func(path, name, right, reason string, wrong map[string]string) {
		for id, raw := range wrong {
			x := claim("rule-"+name+"-"+id, reason, "RFC 8725 2.4, RFC 6749 3.3", name, raw).status403()
			x.first = func(f *forgery) { f.claims.set(name, right) }
			x.both = func(w *wire) { w.path = path }
			all = append(all, x)
		}
	}
	const scopeNo = "scope_missing|policy_denied"
	add("/orders/7", "scope", `"orders:read"`, scopeNo, map[string]string{
		"longer": `"orders:readall"`, "led": `"xorders:read"`, "comma": `"orders:read,orders:write"`, "case": `"ORDERS:READ"`, "led-space": `" orders:read"`, "ended-space": `"orders:read "`,
		"two-spaces": `"a  orders:read"`, "tab": `"a\torders:read"`, "newline": `"a\norders:read"`, "nbsp": `"a\u00a0orders:read"`, "nul": `"orders:read\u0000"`, "quote": `"\"orders:read\""`,
		"empty": `""`, "null": "null", "true": "true", "number": "1", "object": `{"orders:read":true}`, "nested": `[["orders:read"]]`, "spaces-in-list": `["a orders:read"]`, "comma-in-list": `["a,orders:read"]`,
		"empty-list": "[]", "wildcard": `"*"`, "wildcard-part": `"orders:*"`, "confusable": `"\u043erders:read"`, "half": `"orders"`, "split": `"orders :read"`, "minus": `"-orders:read"`,
		"list-text": `"[\"orders:read\"]"`, "control": `"a orders:read\u007f"`, "backslash": `"a\\ orders:read"`,
	})
	add("/admin/x", "roles", `["admin"]`, policyNo, map[string]string{
		"text": `"admin"`, "comma": `["user,admin"]`, "nested": `[["admin"]]`, "object": `{"admin":1}`, "case": `["ADMIN"]`, "space": `["admin "]`, "null": "null", "with-null": "[null]", "empty": "[]",
		"longer": `["administrator"]`, "number": "[1]", "of-object": `[{"name":"admin"}]`, "confusable": `["\u0430dmin"]`, "zero-width": `["admin\u200b"]`,
	})
	add("/tenant/x", "tenant", `"acme"`, policyNo, map[string]string{
		"other": `"globex"`, "list": `["acme"]`, "case": `"Acme"`, "space": `"acme "`, "object": `{"name":"acme"}`, "null": "null", "nul": `"acme\u0000"`, "empty": `""`, "comma": `"acme,globex"`,
		"wildcard": `"*"`, "fullwidth": `"\uff41cme"`, "pattern": `".*"`,
	})
	add("/flag/x", "email_verified", "true", policyNo, map[string]string{
		"text": `"true"`, "one": "1", "text-one": `"1"`, "list": "[true]", "null": "null", "false": "false", "object": "{}", "upper": `"TRUE"`, "yes": `"yes"`,
	})
	add("/level/x", "level", "3", policyNo, map[string]string{
		"text": `"3"`, "less": "2", "nearly": "2.9999999999999999999", "negative": "-3", "list": "[3]", "true": "true", "null": "null", "tiny": "3e-1", "hex": `"0x3"`,
	})
	add("/users/alice/x", "sub", `"alice"`, policyNo, map[string]string{
		"other": `"bob"`, "case": `"Alice"`, "dots": `"bob/../alice"`, "escaped": `"%61lice"`, "pattern": `"*"`, "capture": `"{id}"`, "slash": `"alice/"`, "nul": `"alice\u0000"`,
	})
	add("/nested/x", "account", `{"plan":"gold"}`, policyNo, map[string]string{
		"list": `[{"plan":"gold"}]`, "text": `"gold"`, "deeper": `{"account":{"plan":"gold"}}`, "case": `{"Plan":"gold"}`, "value-list": `{"plan":["gold"]}`, "null": "null",
		"dotted": `{"account.plan":"gold"}`,
	})
	add("/any/x", "blocked", "false", policyNo, map[string]string{
		"true": "true", "text": `"true"`, "one": "1", "list": "[true]", "object": "{}", "text-false": `"false"`,
	})
	renamed := func(id, path, from, to, raw string) attack {
		return attack{
			id: "claim-renamed-" + id, what: to + " in place of " + from, source: "RFC 7519 4", reason: "scope_missing|policy_denied", status: http.StatusForbidden,
			first: func(f *forgery) { f.claims.set(from, raw) }, both: func(w *wire) { w.path = path },
			token: func(f *forgery) { f.claims.drop(from); f.claims.add(to, raw) },
		}
	}
	return append(all, renamed("Scope", "/orders/7", "scope", "Scope", `"orders:read"`), renamed("scp", "/orders/7", "scope", "scp", `"orders:read"`), renamed("scope-fold", "/orders/7", "scope", "\u017fcope", `"orders:read"`),
		renamed("scopes", "/orders/7", "scope", "scopes", `["orders:read"]`), renamed("Roles", "/admin/x", "roles", "ROLES", `["admin"]`),
		renamed("dotted", "/nested/x", "account", "account.plan", `{"plan":"gold"}`), renamed("Tenant", "/tenant/x", "tenant", "Tenant", `"acme"`))
}
