package e2e

import (
	"net/http"
	"strings"
)

// credentialAttacks carry a good token in a way that is not the one way.
func (a *arena) credentialAttacks() []attack {
	const source = "RFC 6750 2.1, RFC 9110 11.4"
	sent := func(id, what, reason string, values func(token string) []string) attack {
		return attack{id: "credential-" + id, what: what, source: source, reason: reason, send: func(w *wire) { w.authorize(values(w.token)...) }}
	}
	one := func(id, reason, before, after string) attack {
		return sent(id, "authorization: "+before+"token"+after, reason, func(token string) []string { return []string{before + token + after} })
	}
	const none, many = "no_token", "several_tokens"
	all := []attack{
		sent("none", "no header", none, func(string) []string { return nil }), sent("empty", "an empty header", malformed, func(string) []string { return []string{""} }),
		sent("scheme", "the scheme alone", malformed, func(string) []string { return []string{"Bearer"} }),
		sent("scheme-space", "the scheme and a space", malformed, func(string) []string { return []string{"Bearer "} }).overH2(),
		sent("scheme-spaces", "the scheme and spaces", malformed, func(string) []string { return []string{"Bearer     "} }).overH2(),
		sent("twice", "two headers", many, func(s string) []string { return []string{"Bearer " + s, "Bearer " + s} }),
		sent("twice-other", "two headers, the second is junk", many, func(s string) []string { return []string{"Bearer " + s, "Bearer x"} }),
		sent("twice-first", "two headers, the first is junk", many, func(s string) []string { return []string{"Bearer x", "Bearer " + s} }),
		sent("twice-basic", "Basic and Bearer", many, func(s string) []string { return []string{"Basic YTpi", "Bearer " + s} }),
		sent("twice-empty", "an empty one first", many, func(s string) []string { return []string{"", "Bearer " + s} }).processOnly(),
		sent("twice-empty-last", "an empty one last", many, func(s string) []string { return []string{"Bearer " + s, ""} }).processOnly(),
		sent("thrice", "three headers", many, func(s string) []string { return []string{"Bearer " + s, "Bearer " + s, "Bearer " + s} }),
		one("comma", many, "Bearer x,Bearer ", ""), one("comma-space", many, "Bearer x, Bearer ", ""), one("comma-last", many, "Bearer ", ", Bearer x"), one("comma-end", many, "Bearer ", ","),
		one("comma-start", many, ",Bearer ", ""), one("comma-basic", many, "Basic YTpi, Bearer ", ""), one("comma-within", many, "Bearer ,", ""), one("digest", many, `Digest username="a", response="`, `"`),
		one("tab", malformed, "Bearer\t", ""), one("tab-after-space", malformed, "Bearer \t", ""), one("tab-end", malformed, "Bearer ", "\t").overH2(), one("space-end", malformed, "Bearer ", " ").overH2(),
		one("space-start", malformed, " Bearer ", "").overH2(), one("tab-start", malformed, "\tBearer ", "").overH2(),
		one("nbsp", malformed, "Bearer\u00a0", ""), one("nbsp-after-space", malformed, "Bearer \u00a0", ""), one("latin1-nbsp", malformed+"|"+none, "Bearer\xa0", ""), one("ideographic-space", malformed, "Bearer\u3000", ""),
		one("vt", malformed, "Bearer\v", "").processOnly(), one("ff", malformed, "Bearer\f", "").processOnly(), one("nul", "request_invalid", "Bearer\x00", "").processOnly().inBytes().status400(),
		one("lf", "request_invalid", "Bearer\n", "").processOnly().inBytes().status400(), one("cr", "request_invalid", "Bearer \r", "").processOnly().inBytes().status400(), one("crlf-header", "request_invalid", "Bearer ", "\r\nx-user-id: root").processOnly().inBytes().status400(),
		one("no-space", none, "Bearer", ""), one("colon", malformed, "Bearer:", ""), one("colon-space", malformed, "Bearer: ", ""), one("equals", malformed, "Bearer=", ""), one("slash", malformed, "Bearer/", ""),
		one("twice-scheme", malformed, "Bearer Bearer ", ""), one("quoted", malformed, `Bearer "`, `"`), one("parameter", malformed, "Bearer token=", ""), one("parameter-after", malformed, "Bearer ", ";x=1"),
		one("angles", malformed, "Bearer <", ">"), one("space-within", malformed, "Bearer x ", ""), one("word-after", malformed, "Bearer ", " x"), one("realm", malformed, `Bearer realm="x" `, ""),
		one("bare", none+"|"+malformed, "", ""), one("token-scheme", none, "Token ", ""), one("jwt-scheme", none, "JWT ", ""), one("dpop-scheme", none, "DPoP ", ""), one("basic-scheme", none, "Basic ", ""),
		one("negotiate", none, "Negotiate ", ""), one("longer-scheme", none, "BearerX ", ""), one("shorter-scheme", none, "Beare ", ""), one("bearer-dot", none, "Bearer. ", ""),
		one("fullwidth", malformed, "\uff22earer ", ""), one("cyrillic", malformed, "B\u0435arer ", ""), one("bom", malformed, "\ufeffBearer ", ""), one("escaped-space", none, "Bearer%20", ""),
		one("plus", none, "Bearer+", ""), one("header-in-header", malformed, "authorization: Bearer ", ""), one("zero-width", malformed, "Bearer \u200b", ""),
	}
	elsewhere := func(id, name, before string) attack {
		return attack{
			id: "credential-in-" + id, what: "the token in " + name, source: "RFC 6750 2.2-2.3, RFC 9700 4.3.2", reason: none,
			send: func(w *wire) { w.authorize(); w.add(name, before+w.token) },
		}
	}
	return append(all,
		elsewhere("cookie", "cookie", "access_token="), elsewhere("proxy", "proxy-authorization", "Bearer "), elsewhere("forwarded", "x-forwarded-authorization", "Bearer "),
		elsewhere("original", "x-original-authorization", "Bearer "), elsewhere("x", "x-authorization", "Bearer "), elsewhere("access", "x-access-token", ""), elsewhere("api-key", "x-api-key", ""),
		elsewhere("subprotocol", "sec-websocket-protocol", "bearer, "), elsewhere("authentication", "authentication", "Bearer "), elsewhere("alias", "x-amzn-oidc-data", ""),
		attack{
			id: "credential-in-query", what: "the token in the query", source: "RFC 9700 4.3.2", reason: none,
			send: func(w *wire) { w.authorize(); w.path += "?access_token=" + w.token },
		},
		attack{
			id: "credential-optional-junk", what: "junk where a token is optional", source: "RFC 6750 3.1", reason: malformed,
			both: func(w *wire) { w.path = "/maybe" }, send: func(w *wire) { w.authorize("Bearer junk") },
		},
		attack{
			id: "credential-optional-basic", what: "another scheme where a token is optional", source: "RFC 6750 3.1", reason: none,
			both: func(w *wire) { w.path = "/maybe" }, send: func(w *wire) { w.authorize("Basic YTpi") },
		},
		attack{
			id: "credential-optional-empty", what: "an empty header where a token is optional", source: "RFC 6750 3.1", reason: malformed,
			both: func(w *wire) { w.path = "/maybe" }, send: func(w *wire) { w.authorize("") },
		})
}

func (x attack) overH2() attack {
	x.h2 = true
	return x
}

// processOnly says that no proxy can be made to send it.
func (x attack) processOnly() attack {
	x.alone = true
	return x
}

// inBytes says that the reading of the message refuses it, so that there is no
// request to decide.
func (x attack) inBytes() attack {
	x.bytes = true
	return x
}

func (x attack) status400() attack {
	x.status = http.StatusBadRequest
	return x
}

// byEnvoy says that Envoy refuses the request with a status of its own.
func (x attack) byEnvoy(status int) attack {
	x.proxy = status
	return x
}

// pathAttacks ask with a good token for paths that two readers read differently.
func (a *arena) pathAttacks() []attack {
	at := func(id, path, source string) attack {
		return attack{
			id: "path-" + id, what: "path " + shorten(path), source: source, reason: "path_not_canonical", status: http.StatusBadRequest,
			send: func(w *wire) { w.path = path },
		}
	}
	const dots, slashes, odd = "CVE-2019-9901", "CVE-2021-29492, CVE-2026-26205", "RFC 3986 6.2"
	return []attack{
		at("double-slash", "//any/x", slashes), at("double-slash-within", "/any//secret/x", slashes), at("double-slash-end", "/any/x//", slashes), at("triple-slash", "///any/x", slashes),
		at("authority", "//rsa.test/any/x", slashes), at("dot-dot", "/any/../any/secret/x", dots), at("dot", "/any/./secret/x", dots), at("dot-dot-end", "/any/..", dots), at("dot-end", "/any/.", dots),
		at("escaped-dot-dot", "/any/%2e%2e/any/x", dots), at("escaped-dot", "/any/%2E/x", dots), at("half-escaped", "/any/.%2e/x", dots), at("half-escaped-2", "/any/%2e./x", dots),
		at("above-root", "/../any/x", dots), at("dot-dot-parameter", "/any/..;/secret/x", "CVE-2026-73551"), at("dot-dot-parameter-value", "/any/..;x=1/secret/x", "CVE-2026-73551"),
		at("escaped-parameter", "/any/..%3Bx/secret", "CVE-2026-73551"), at("empty-parameter", "/any/;/secret/x", "CVE-2026-73551"), at("parameter", "/any;v=1/secret/x", "CVE-2026-73511"),
		at("parameter-after", "/any/secret;x/y", "CVE-2026-73511"), at("session", "/any/x;jsessionid=1", "CVE-2026-73511"), at("escaped-semicolon", "/any/x%3Bv=1", "CVE-2026-73511"),
		at("escaped-slash", "/any%2fsecret/x", slashes), at("escaped-slash-upper", "/any%2Fsecret/x", slashes), at("escaped-slash-only", "%2Fany/x", slashes).byEnvoy(400), at("escaped-backslash", "/any/%5csecret/x", slashes),
		at("backslash", `/any\secret/x`, slashes), at("dot-dot-backslash", `/any/..\secret/x`, dots), at("backslash-led", `\any\x`, slashes).byEnvoy(400), at("slash-backslash", `/\any/x`, slashes),
		at("nul", "/any/%00", "CVE-2019-9900"), at("nul-suffix", "/any/x%00.html", "CVE-2019-9900"), at("escaped-newline", "/any/x%0a", odd), at("escaped-cr", "/any/x%0D%0Ax-user-id:%20root", odd),
		at("escaped-del", "/any/%7f", odd), at("escaped-tab", "/any/%09x", odd), at("bad-escape", "/any/%zz", odd), at("short-escape", "/any/%", odd), at("short-escape-2", "/any/%a", odd), at("unicode-escape", "/any/%u002e%u002e/x", odd),
		at("double-escape-dots", "/any/%252e%252e/secret", odd), at("double-escape-slash", "/any/%252fsecret", odd), at("double-escape-letter", "/any/%2573ecret", odd), at("double-escape-colon", "/any/secret%253Ax", odd), at("double-escape-sign", "/any/x%2540y", odd), at("triple-escape", "/any/%25252e", odd),
		at("overlong-slash", "/any/%c0%af", "CVE-2008-2938"), at("overlong-dot", "/any/%c0%ae%c0%ae/x", "CVE-2008-2938"), at("escaped-latin1", "/any/%e9", odd), at("escaped-surrogate", "/any/%ed%a0%80", odd),
		at("fragment", "/any/x#y", "CVE-2021-32779").byEnvoy(400), at("fragment-led", "/any/#/../secret", "CVE-2021-32779").byEnvoy(400), at("fragment-escape", "/any/x#?y", "CVE-2021-32779").byEnvoy(400),
		at("absolute", "http://rsa.test/any/x", odd).processOnly(), at("absolute-upper", "HTTP://rsa.test/any/x", odd).processOnly(), at("no-slash", "any/x", odd).byEnvoy(-1).overH2(), at("asterisk", "*", odd).byEnvoy(-1).overH2(),
		at("colon", ":443/any/x", odd).byEnvoy(-1).overH2(), at("at", "@evil/any/x", odd).byEnvoy(-1).overH2(), at("query-only", "?/any/x", odd).byEnvoy(-1).overH2().as("request_invalid").inBytes(), at("empty", "", "CVE-2026-73547").processOnly().as("request_invalid").inBytes(),
		at("raw-space", "/any/x y", odd).byEnvoy(-1).overH2(), at("raw-tab", "/any/x\ty", odd).byEnvoy(-1).overH2(), at("raw-unicode", "/any/\u00e9", odd).overH2(), at("raw-byte", "/any/\xe9", "CVE-2023-27488").overH2(), at("fullwidth", "/any/\uff0e\uff0e/x", odd).overH2(),
		at("raw-del", "/any/\x7f", odd).byEnvoy(-1).overH2(), at("raw-newline", "/any/x\n", odd).processOnly().as("request_invalid|path_not_canonical"), at("raw-nul", "/any/x\x00", "CVE-2019-9900").processOnly().as("request_invalid|path_not_canonical"),
		at("long", "/any/"+strings.Repeat("a", 9<<10), "RFC 9110 4.1"), at("long-65-KiB", "/any/"+strings.Repeat("a", 65<<10), "RFC 9110 4.1").byEnvoy(431).as("request_invalid").inBytes(),
		at("many-segments", "/any"+strings.Repeat("/a", 5000), "RFC 9110 4.1"), at("many-dots", "/any"+strings.Repeat("/..", 2500), dots),
		at("secret", "/any/secret/x", "policy: a deny rule").denied(), at("secret-escaped", "/any/%73ecret/x", "RFC 3986 6.2.2.2").denied(), at("secret-trailing", "/any/secret/", "policy: a deny rule").denied(),
		at("secret-bare", "/any/secret", "policy: a deny rule").denied(), at("secret-query", "/any/secret/x?/any/y", "policy: a deny rule").denied(), at("elsewhere", "/elsewhere", "policy: no rule").denied(),
		at("root", "/", "policy: no rule").denied(), at("upper", "/ANY/x", "policy: no rule").denied(), at("longer", "/anything", "policy: no rule").denied(), at("query-path", "/x?/any/y", "policy: no rule").denied(),
		at("x-original", "/elsewhere", "CVE-2023-27487").denied().with(pair{"x-original-url", "/any/x"}),
		at("x-rewrite", "/elsewhere", "CVE-2023-27487").denied().with(pair{"x-rewrite-url", "/any/x"}), at("x-envoy-original", "/elsewhere", "CVE-2024-45806").denied().with(pair{"x-envoy-original-path", "/any/x"}),
		at("x-forwarded-client-cert", "/elsewhere", "CVE-2024-45806").denied().with(pair{"x-forwarded-client-cert", `URI=spiffe://example.com/admin;Subject="CN=admin"`}),
		at("x-forwarded-uri", "/elsewhere", "CVE-2023-27487").denied().with(pair{"x-forwarded-uri", "/any/x"}),
	}
}

func (x attack) denied() attack {
	x.status, x.reason = http.StatusForbidden, policyNo
	return x
}

// with adds a header to what is sent.
func (x attack) with(headers ...pair) attack {
	before := x.send
	x.send = func(w *wire) {
		if before != nil {
			before(w)
		}
		w.headers = append(w.headers, headers...)
	}
	return x
}

// hostAttacks ask with a good token for a host that is not the tenant's.
func (a *arena) hostAttacks() []attack {
	at := func(id, host, source string) attack {
		return attack{
			id: "host-" + id, what: "host " + shorten(host), source: source, reason: "host_invalid", status: http.StatusBadRequest,
			send: func(w *wire) { w.host = host },
		}
	}
	unknown := func(id, host string) attack {
		x := at(id, host, "RFC 9110 7.2")
		x.reason, x.status = "place_unknown", http.StatusUnauthorized
		return x
	}
	const source = "RFC 3986 3.2, RFC 9110 7.2"
	return []attack{
		at("userinfo", "rsa.test@evil.test", source), at("userinfo-led", "evil.test@rsa.test", source), at("comma", "rsa.test,evil.test", source), at("comma-led", "evil.test,rsa.test", source),
		at("space", "rsa.test evil.test", source).byEnvoy(400), at("slash", "rsa.test/", source).byEnvoy(400), at("backslash", `rsa.test\`, source).byEnvoy(400), at("fragment", "rsa.test#", source).byEnvoy(400), at("query", "rsa.test?", source).byEnvoy(400),
		at("two-ports", "rsa.test:80:80", source), at("port-word", "rsa.test:http", source), at("port-long", "rsa.test:000080", source), at("port-minus", "rsa.test:-1", source), at("port-host", "rsa.test:80.evil.test", source),
		at("two-dots", "rsa..test", source), at("led-dot", ".rsa.test", source), at("end-dots", "rsa.test..", source), at("escape", "rsa%2etest", source), at("nul-escape", "rsa.test%00.evil.test", source),
		at("empty", "", source).byEnvoy(-1).overH2(), at("colon", ":80", source), at("dot", ".", source), at("brackets", "[rsa.test]", source), at("bracket", "[::1", source), at("zone", "[fe80::1%25eth0]", source), at("wildcard", "*.test", source),
		at("unicode", "r\u017fa.test", source).byEnvoy(-1).overH2(), at("fullwidth-dot", "rsa\uff0etest", source).byEnvoy(-1).overH2(), at("byte", "rsa.test\xff", "CVE-2023-27488").overH2().byEnvoy(-1), at("zero-width", "rsa\u200b.test", source).byEnvoy(-1).overH2(),
		at("long", strings.Repeat("a.", 150)+"test", "RFC 1035 2.3.4"), at("long-label", strings.Repeat("a", 64)+".test", "RFC 1035 2.3.4"), at("quote", `"rsa.test"`, source).byEnvoy(400), at("scheme", "http://rsa.test", source).byEnvoy(400),
		at("tab", "rsa.test\t", source).byEnvoy(-1).overH2(), at("space-end", "rsa.test ", source).byEnvoy(-1).overH2(), at("newline", "rsa.test\n", source).processOnly().as("host_invalid|request_invalid"), at("nul", "rsa.test\x00", "CVE-2019-9900").processOnly().as("host_invalid|request_invalid"),
		unknown("longer", "xrsa.test"), unknown("suffix", "rsa.test.evil.test"), unknown("below", "a.rsa.test"), unknown("above", "test"), unknown("nobody", "nobody.test"), unknown("address", "127.0.0.1"), unknown("ipv6", "[::1]"),
		unknown("localhost", "localhost"), unknown("underscore", "rsa_test"), unknown("minus", "-rsa.test"), unknown("punycode", "xn--rsa.test"),
		unknown("forwarded", "nobody.test").with(pair{"x-forwarded-host", "rsa.test"}, pair{"forwarded", "host=rsa.test"}, pair{"x-original-host", "rsa.test"}, pair{"x-host", "rsa.test"}),
		at("other-tenant", "twin.test", "RFC 8725 3.8").as(strangers).status401(), at("other-tenant-upper", "TWIN.test:443", "RFC 8725 3.8").as(strangers).status401(),
	}
}

func (x attack) status401() attack {
	x.status = http.StatusUnauthorized
	return x
}

// methodAttacks ask with methods that no rule names, for upgrades that no rule
// admits, and for preflights that are none.
func (a *arena) methodAttacks() []attack {
	at := func(id, method, path string) attack {
		return attack{
			id: "method-" + id, what: "method " + shorten(method) + " for " + path, source: "RFC 9110 9.1", reason: policyNo, status: http.StatusForbidden,
			both: func(w *wire) { w.path = path }, send: func(w *wire) { w.method = method },
		}
	}
	bad := func(id, method string) attack {
		return at(id, method, "/any/x").as("request_invalid").status400().processOnly().inBytes()
	}
	all := []attack{
		at("lower", "get", "/any/x").overH2(), at("mixed", "Get", "/any/x").overH2(), at("trace", "TRACE", "/any/x"), at("query", "QUERY", "/any/x").byEnvoy(400).overH2(), at("foo", "FOO", "/any/x").overH2(), at("propfind", "PROPFIND", "/any/x"),
		at("pri", "PRI", "/any/x").overH2(), at("asterisk", "*", "/any/x").overH2(), at("head", "HEAD", "/orders/7"), at("post", "POST", "/orders/7"), at("delete", "DELETE", "/orders/7"), at("options", "OPTIONS", "/orders/7"),
		at("override", "POST", "/orders/7").with(pair{"x-http-method-override", "GET"}), at("override-2", "DELETE", "/orders/7").with(pair{"x-method-override", "GET"}, pair{"x-http-method", "GET"}),
		bad("empty", ""), bad("space", "GET "), bad("two-words", "GET /"), bad("newline", "GET\n"), bad("nul", "GET\x00"), bad("colon", "GET:"), bad("unicode", "G\u0415T"), bad("65-bytes", strings.Repeat("G", 65)),
		bad("comma", "GET,POST"), bad("connect", "CONNECT"), at("connect-lower", "connect", "/any/x").overH2(),
	}
	upgrade := func(id, path string, headers ...pair) attack {
		return at("upgrade-"+id, "GET", path).with(headers...)
	}
	all = append(all,
		upgrade("websocket", "/any/x", pair{"upgrade", "websocket"}).processOnly(), upgrade("h2c", "/any/x", pair{"upgrade", "h2c"}).processOnly(), upgrade("upper", "/any/x", pair{"upgrade", "WebSocket"}).processOnly(),
		upgrade("list", "/socket", pair{"upgrade", "websocket,h2c"}).processOnly(), upgrade("twice", "/socket", pair{"upgrade", "websocket"}, pair{"upgrade", "h2c"}).processOnly(),
		upgrade("empty", "/any/x", pair{"upgrade", ""}).processOnly(), upgrade("connect-udp", "/any/x", pair{"upgrade", "connect-udp"}).processOnly(), upgrade("other", "/socket", pair{"upgrade", "tcp"}).processOnly(),
	)
	return append(all, a.preflightAttacks()...)
}

func (a *arena) preflightAttacks() []attack {
	preflight := func(w *wire) {
		w.method, w.path = http.MethodOptions, "/any/x"
		w.authorize()
		w.add("origin", "https://app.example.com")
		w.add("access-control-request-method", "GET")
	}
	drop := func(name string) func(*wire) {
		return func(w *wire) { w.set(name) }
	}
	at := func(id, what string, send func(*wire)) attack {
		return attack{id: "preflight-" + id, what: what, source: "Fetch 4.8", tenant: "cors", both: preflight, send: send, reason: "no_token"}
	}
	elsewhere := at("secret", "a preflight where a deny rule says no", func(w *wire) { w.path = "/any/secret/x" }).denied()
	closed := at("closed", "a preflight of a tenant that admits none", func(w *wire) { w.host = "rsa.test" })
	return []attack{
		elsewhere, closed, at("no-origin", "no origin", drop("origin")), at("no-method", "no wanted method", drop("access-control-request-method")),
		at("empty-origin", "an empty origin", func(w *wire) { w.set("origin", "") }), at("empty-method", "an empty wanted method", func(w *wire) { w.set("access-control-request-method", "") }),
		at("two-origins", "two origins", func(w *wire) { w.add("origin", "https://evil.example.com") }), at("two-methods", "two wanted methods", func(w *wire) { w.add("access-control-request-method", "DELETE") }),
		at("get", "GET with the headers of a preflight", func(w *wire) { w.method = http.MethodGet }), at("post", "POST with the headers of a preflight", func(w *wire) { w.method = http.MethodPost }),
		at("lower", "options", func(w *wire) { w.method = "options" }).overH2(), at("override", "a method to use instead", func(w *wire) { w.add("x-http-method-override", "DELETE") }),
		at("override-underscores", "a method to use instead, as some upstreams spell it", func(w *wire) { w.add("x_http_method_override", "DELETE") }),
		at("override-dots", "the same in another spelling", func(w *wire) { w.add("x.http.method", "DELETE") }),
		at("basic", "with a credential", func(w *wire) { w.authorize("Basic YTpi") }), at("junk", "with a token of junk", func(w *wire) { w.authorize("Bearer junk") }).as(malformed), at("empty-credential", "with an empty credential", func(w *wire) { w.authorize("") }).as(malformed),
		at("comma-origin", "two origins in one line", func(w *wire) { w.set("origin", "https://app.example.com,https://evil.example.com") }),
		at("space-origin", "two origins in one line, as RFC 6454 lets them stand", func(w *wire) { w.set("origin", "https://app.example.com https://evil.example.com") }),
		at("comma-method", "two wanted methods in one line", func(w *wire) { w.set("access-control-request-method", "GET,DELETE") }),
		at("wanted-method", "a wanted method that is none", func(w *wire) { w.set("access-control-request-method", "GET /") }),
		at("upgrade", "with an upgrade", func(w *wire) { w.add("upgrade", "websocket") }).processOnly(),
	}
}

// set replaces a header by these values, or removes it.
func (w *wire) set(name string, values ...string) {
	kept := w.headers[:0:0]
	for _, p := range w.headers {
		if p.name != name {
			kept = append(kept, p)
		}
	}
	w.headers = kept
	for _, value := range values {
		w.add(name, value)
	}
}

// placeAttacks name a tenant in two ways.
func (a *arena) placeAttacks() []attack {
	at := func(id, what, reason string, status int, context map[string]string) attack {
		return attack{
			id: "place-" + id, what: what, source: "RFC 8725 3.9", reason: reason, status: status, alone: true,
			both: func(w *wire) { w.context = map[string]string{"tenant": "rsa"} }, send: func(w *wire) { w.context = context },
		}
	}
	return []attack{
		at("conflict", "the route says twin, the host rsa", "tenant_conflict", http.StatusForbidden, map[string]string{"tenant": "twin"}),
		at("unknown", "the route says nobody", "place_unknown", http.StatusUnauthorized, map[string]string{"tenant": "nobody"}),
		at("empty", "the route says nothing", "place_unknown", http.StatusUnauthorized, map[string]string{"tenant": ""}),
		at("case", "the route says RSA", "place_unknown", http.StatusUnauthorized, map[string]string{"tenant": "RSA"}),
		at("space", "the route says rsa and a space", "place_unknown", http.StatusUnauthorized, map[string]string{"tenant": "rsa "}),
		at("list", "the route says two", "place_unknown", http.StatusUnauthorized, map[string]string{"tenant": "rsa,twin"}),
	}
}
