package e2e

import (
	"net/http"
	"strings"
)

// publicRouteAttacks try to get from what needs no token, or from what the proxy
// alone may say, to what does.
func (a *arena) publicRouteAttacks() []attack {
	open := func(id, path, source, reason string, status int) attack {
		return attack{
			id: "path-open-" + id, what: "without a token, path " + path, source: source, reason: reason, status: status,
			both: func(w *wire) { w.authorize(); w.path = "/open/x" }, send: func(w *wire) { w.path = path },
		}
	}
	dots := func(id, path string) attack {
		return open(id, path, "GHSA-p224-6x5r-fjpm", "path_not_canonical", http.StatusBadRequest)
	}
	none := func(id, path string) attack {
		return open(id, path, "GHSA-p224-6x5r-fjpm", "no_token", http.StatusUnauthorized)
	}
	return append(a.regionAttacks(),
		dots("dot-dot", "/open/../any/x"), dots("escaped-dots", "/open/%2e%2e/any/x"), dots("dots-parameter", "/open/..;/any/x"), dots("double-slash-dots", "/open//../any/x"),
		dots("two-up", "/open/x/../../any/x"), dots("escaped-slash", "/open/..%2fany/x"), dots("backslash", `/open/..\any\x`),
		none("longer", "/opened/x"), none("upper", "/OPEN/x"), none("below", "/any/open/x"), none("query", "/any/x?/open/x"), none("short", "/ope"),
		attack{
			id: "path-x-forwarded-proto", what: "a scheme that only a header claims", source: "GHSA-vhr5-ggp3-qq85", tenant: "places", reason: policyNo, status: http.StatusForbidden,
			both: func(w *wire) { w.path, w.scheme = "/tls/x", "https" },
			send: func(w *wire) {
				w.scheme = "http"
				w.add("x-forwarded-proto", "https")
				w.add("forwarded", "proto=https")
				w.add("x-forwarded-ssl", "on")
			},
		}.processOnly(), // a proxy may have its own reasons to believe the header
	)
}

// regionAttacks hold that a pattern sees all bytes of a header, also those that
// are no UTF-8.
func (a *arena) regionAttacks() []attack {
	var all []attack
	for id, value := range map[string]string{
		"after": "evil\xff", "overlong": "evil\xc0\xaf", "cut": "evil\xe2\x82", "surrogate": "evil\xed\xa0\x80", "latin1": "evil\xe9x", "allowed-after": "eu\xff", "allowed-before": "\xffeu",
		"within": "e\xffu", "long": "evil" + strings.Repeat("\xff", 100),
	} {
		all = append(all, attack{
			id: "header-bytes-" + id, what: "a header with bytes that are no UTF-8: " + id, source: "CVE-2026-73552", tenant: "places", reason: policyNo, status: http.StatusForbidden,
			both: func(w *wire) { w.path = "/bytes/x"; w.add("x-region", "eu") }, send: func(w *wire) { w.set("x-region", value) },
		})
	}
	return all
}
