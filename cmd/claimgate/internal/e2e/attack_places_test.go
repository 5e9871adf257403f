package e2e

import (
	"net/http"
	"strings"
)

// tokenPlaceAttacks are aimed at a tenant whose tokens may stand in two
// headers, a cookie and a query parameter. The control has one in one place.
func (a *arena) tokenPlaceAttacks() []attack {
	const many = "several_tokens"
	at := func(id, reason string, send func(*wire)) attack {
		return attack{id: "places-" + id, what: "tokens in places: " + id, source: "RFC 6750 2, RFC 6265 5.2", tenant: "places", reason: reason, send: send}
	}
	headers := func(id, reason string, names ...string) attack {
		return at(id, reason, func(w *wire) {
			w.authorize()
			for i := 0; i < len(names); i += 2 {
				w.add(names[i], strings.ReplaceAll(names[i+1], "TOKEN", w.token))
			}
		})
	}
	query := func(id, reason, query string, bare bool) attack {
		x := at(id, reason, func(w *wire) {
			if bare {
				w.authorize()
			}
			w.path += "?" + strings.ReplaceAll(query, "TOKEN", w.token)
		})
		x.source = "RFC 6750 2.3, RFC 9700 4.3.2"
		if reason == "request_invalid" {
			x.status = http.StatusBadRequest
		}
		return x
	}
	return []attack{
		headers("none", "no_token"), headers("two-headers", many, "x-token", "TOKEN", "authorization", "Bearer TOKEN"), headers("empty-and-good", many, "x-token", "", "authorization", "Bearer TOKEN"),
		headers("twice", many, "x-token", "TOKEN", "x-token", "TOKEN"), headers("comma", many, "x-token", "TOKEN,TOKEN"), headers("scheme", malformed, "x-token", "Bearer TOKEN"), headers("underscore", "no_token", "x_token", "TOKEN"),
		headers("empty", malformed, "x-token", ""), headers("junk", malformed, "x-token", "junk"), headers("header-and-cookie", many, "x-token", "TOKEN", "cookie", "sid=TOKEN"), headers("bare-authorization", "no_token|"+malformed, "authorization", "TOKEN"),
		headers("cookie-twice", many, "cookie", "sid=TOKEN; sid=TOKEN"), headers("cookie-twice-junk", many, "cookie", "sid=TOKEN; sid=x"), headers("cookie-empty-first", many, "cookie", "sid=; sid=TOKEN"), headers("cookie-two-lines", many, "cookie", "sid=x", "cookie", "sid=TOKEN"),
		headers("cookie-comma", many, "cookie", "a=b,sid=TOKEN"), headers("cookie-quoted", malformed, "cookie", `sid="TOKEN"`), headers("cookie-case", "no_token", "cookie", "SID=TOKEN"), headers("cookie-escaped", "no_token", "cookie", "s%69d=TOKEN"),
		headers("cookie-host", "no_token", "cookie", "__Host-sid=TOKEN"), headers("cookie-nameless", "no_token", "cookie", "=sid=TOKEN"), headers("cookie-longer", "no_token", "cookie", "xsid=TOKEN"), headers("cookie-in-value", malformed, "cookie", `a="x; sid=TOKEN"`),
		headers("cookie-bare", malformed, "cookie", "sid"), headers("cookie-empty", malformed, "cookie", "sid="), headers("cookie2", "no_token", "cookie2", "sid=TOKEN"),
		query("query-and-header", many, "access_token=TOKEN", false), query("query-twice", many, "access_token=TOKEN&access_token=TOKEN", true), query("query-twice-empty", many, "access_token=&access_token=TOKEN", true),
		query("query-empty-and-header", many, "access_token=", false), query("query-name-and-header", many, "access_token", false), query("query-escaped-value", malformed, "access_token=TOKEN%20", true), query("query-escaped-dots", malformed, "access_token=a%2Eb%2Ec", true),
		query("query-escaped-name", "request_invalid", "access%5ftoken=TOKEN", true), query("query-escaped-name-and-header", "request_invalid", "access%5Ftoken=TOKEN", false), query("query-twice-escaped-name", "request_invalid", "access%255ftoken=TOKEN", true),
		query("query-case", "request_invalid", "Access_Token=TOKEN", true), query("query-list", "request_invalid", "access_token[]=TOKEN", false), query("query-key", "request_invalid", "access_token[0]=x", false), query("query-dot", "request_invalid", "access.token=TOKEN", true),
		query("query-space", "request_invalid", "+access_token=TOKEN", true), query("query-semicolon", "request_invalid", "a=1;access_token=TOKEN", true), query("query-second-mark", "no_token", "?access_token=TOKEN", true), query("query-longer", "no_token", "xaccess_token=TOKEN", true),
		query("query-in-value", "no_token", "a=access_token=TOKEN", true), query("query-junk", malformed, "access_token=junk", true),
	}
}

// relaxedPathAttacks are aimed at a tenant that admits double slashes, escaped
// slashes and semicolons: a deny rule must hold in every reading.
func (a *arena) relaxedPathAttacks() []attack {
	at := func(id, path, source string) attack {
		return attack{
			id: "relaxed-" + id, what: "path " + shorten(path) + ", where oddities are admitted", source: source, tenant: "places", reason: policyNo, status: http.StatusForbidden,
			send: func(w *wire) { w.path = path },
		}
	}
	odd := func(id, path, source string) attack { return at(id, path, source).as("path_not_canonical").status400() }
	const slashes, parameters, dots = "CVE-2021-29492", "CVE-2026-73511", "CVE-2019-9901"
	return []attack{
		at("double", "/any//secret/x", slashes), at("double-led", "//any/secret/x", slashes), at("double-end", "/any/secret//x", slashes), at("escaped", "/any%2Fsecret/x", slashes), at("escaped-lower", "/any%2fsecret%2fx", slashes),
		at("escaped-letter", "/any/%73ecret%2fx", slashes), at("parameter", "/any;v=1/secret/x", parameters), at("parameter-secret", "/any/secret;v=1/x", parameters), at("parameter-within", "/any/se;x=1/cret/../x", parameters).as("path_not_canonical").status400(),
		at("escaped-semicolon", "/any/secret%3Bv/x", parameters), at("empty-parameter", "/any/;/secret/x", parameters), at("all-escaped", "/any%2Fsecret%2Fx%2F", slashes), at("elsewhere", "/elsewhere//any/x", slashes), at("not-any", "//x/any/x", slashes),
		odd("dot-dot", "/any/x%2f..%2fsecret", dots), odd("dot-dot-parameter", "/any/x/..;/secret", "CVE-2026-73551"), odd("dot-parameter", "/any/.;x/secret", "CVE-2026-73551"), odd("backslash", "/any/%5csecret", slashes), odd("nul", "/any//x%00", "CVE-2019-9900"),
		odd("mixed", "/any//x;y/z", parameters), odd("mixed-escaped", "/any%2fx;y", parameters), odd("mixed-slashes", "/any//x%2fy", slashes), odd("double-escape", "/any//%252fsecret", slashes), odd("twice-escaped-dots", "/any/%252e%252e//secret", dots),
	}
}

// tenantAttacks are aimed at tenants that share an issuer and are told apart by
// a claim.
func (a *arena) tenantAttacks() []attack {
	org := func(id, raw string) []attack {
		own := claim("org-own-"+id, "tenant_mismatch", "RFC 8725 3.9", "org", raw).status403()
		own.tenant = "places"
		claimed := claim("org-claimed-"+id, "tenant_unknown", "RFC 8725 3.9", "org", raw).status403()
		claimed.tenant, claimed.both = "places", func(w *wire) { w.host = "claimed.test" }
		label := claim("org-label-"+id, "tenant_mismatch", "RFC 8725 3.9", "org", raw).status403()
		label.tenant, label.both = "places", func(w *wire) { w.host = "places.label.test" }
		return []attack{own, claimed, label}
	}
	var all []attack
	for id, raw := range map[string]string{
		"list": `["places"]`, "two": `["places","neighbour"]`, "case": `"Places"`, "space": `"places "`, "empty": `""`, "null": "null", "object": `{"name":"places"}`, "number": "1", "nul": `"places\u0000"`, "nobody": `"nobody"`,
		"wildcard": `"*"`, "template": `"{tenant}"`, "other-issuers": `"rsa"`, "dots": `"../places"`, "comma": `"places,neighbour"`,
	} {
		all = append(all, org(id, raw)...)
	}
	moved := func(id, host, path, reason string, status int) attack {
		return attack{
			id: "tenant-" + id, what: "a token of places for " + host + path, source: "RFC 8725 3.9", tenant: "places", reason: reason, status: status,
			both: func(w *wire) { w.host, w.path = "prefix.test", "/t/places/any/x" }, send: func(w *wire) { w.host, w.path = host, path },
		}
	}
	const mismatch, nowhere, forbidden, unauthorized = "tenant_mismatch", "place_unknown", http.StatusForbidden, http.StatusUnauthorized
	return append(all,
		moved("prefix-other", "prefix.test", "/t/neighbour/any/x", mismatch, forbidden), moved("prefix-case", "prefix.test", "/t/PLACES/any/x", nowhere, unauthorized), moved("prefix-nobody", "prefix.test", "/t/nobody/any/x", nowhere, unauthorized),
		moved("prefix-none", "prefix.test", "/any/x", nowhere, unauthorized), moved("prefix-empty", "prefix.test", "/t//any/x", nowhere, unauthorized), moved("prefix-double", "prefix.test", "/t//places/any/x", nowhere, unauthorized),
		moved("prefix-escaped-slash", "prefix.test", "/t/places%2fany/x", nowhere, unauthorized), moved("prefix-parameter", "prefix.test", "/t/places;x/any/x", nowhere, unauthorized), moved("prefix-two-readings", "prefix.test", "/t/neighbour;/places/any/x", nowhere, unauthorized),
		moved("prefix-dots", "prefix.test", "/t/neighbour/../places/any/x", "path_not_canonical", http.StatusBadRequest), moved("prefix-secret", "prefix.test", "/t/places/any/secret/x", policyNo, forbidden), moved("prefix-suspended", "prefix.test", "/t/suspended/any/x", "tenant_suspended", forbidden),
		moved("prefix-secret-double", "prefix.test", "/t/places//any/secret/x", policyNo, forbidden), moved("label-other", "neighbour.label.test", "/any/x", mismatch, forbidden), moved("label-nobody", "nobody.label.test", "/any/x", nowhere, unauthorized),
		moved("label-deeper", "a.places.label.test", "/any/x", nowhere, unauthorized), moved("label-none", "label.test", "/any/x", nowhere, unauthorized), moved("label-template", "{tenant}.label.test", "/any/x", "host_invalid", http.StatusBadRequest).byEnvoy(400),
		moved("label-other-tenant", "rsa.label.test", "/any/x", nowhere, unauthorized), moved("label-suspended", "suspended.label.test", "/any/x", "tenant_suspended", forbidden),
		claim("org-suspended", "tenant_suspended", "policy: suspended", "org", `"suspended"`).status403().toClaimed(),
		without("org", "tenant_unknown", "RFC 8725 3.9").status403().toClaimed(),
		attack{
			id: "claim-org-renamed", what: "Org in place of org", source: "RFC 7519 4", reason: "tenant_unknown",
			token: func(f *forgery) { f.claims.drop("org"); f.claims.add("Org", `"places"`) },
		}.status403().toClaimed(),
		attack{
			id: "claim-mapped-dotted", what: "a dotted name in place of a path", source: "RFC 7519 4", tenant: "places", reason: policyNo, status: forbidden,
			first: func(f *forgery) { f.claims.add("realm_access", `{"roles":["admin"]}`) }, both: func(w *wire) { w.path = "/mapped/x" },
			token: func(f *forgery) { f.claims.drop("realm_access"); f.claims.add("realm_access.roles", `["admin"]`) },
		},
		attack{
			id: "claim-mapped-name", what: "a claim of the mapping's own name", source: "RFC 7519 4", tenant: "places", reason: policyNo, status: forbidden,
			first: func(f *forgery) { f.claims.add("realm_access", `{"roles":["admin"]}`) }, both: func(w *wire) { w.path = "/mapped/x" },
			token: func(f *forgery) { f.claims.drop("realm_access"); f.claims.add("roles", `["admin"]`) },
		},
		celAttack("header-twice", func(w *wire) { w.add("x-region", "us") }), celAttack("header-comma", func(w *wire) { w.set("x-region", "eu,us") }), celAttack("header-alias", func(w *wire) { w.set("x-region"); w.add("x_region", "eu") }),
		celAttack("header-missing", func(w *wire) { w.set("x-region") }), celAttack("header-empty", func(w *wire) { w.set("x-region", "") }), celAttack("header-case", func(w *wire) { w.set("x-region", "EU") }),
		celClaim("text", `"3"`), celClaim("less", "2"), celClaim("null", "null"), celClaim("list", "[3]"), celClaim("true", "true"), celClaim("nearly", "2.99999999999999999999"),
	)
}

// toClaimed sends both requests to the host whose tenant a claim names.
func (x attack) toClaimed() attack {
	x.tenant, x.both = "places", func(w *wire) { w.host = "claimed.test" }
	return x
}

// celAttack is a case of a request that an expression must not take for the
// right one.
func celAttack(id string, send func(*wire)) attack {
	return attack{
		id: "cel-" + id, what: "an expression: " + id, source: "policy: an expression", tenant: "places", reason: policyNo, status: http.StatusForbidden,
		first: func(f *forgery) { f.claims.add("level", "3") }, both: func(w *wire) { w.path = "/region/x"; w.add("x-region", "eu") }, send: send,
	}
}

func celClaim(id, raw string) attack {
	x := celAttack("claim-"+id, nil)
	x.token = func(f *forgery) { f.claims.set("level", raw) }
	return x
}
