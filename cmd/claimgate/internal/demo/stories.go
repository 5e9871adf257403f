package demo

import "maps"

// Names of the issuers of the examples.
const (
	acmeIssuer   = "acme-idp"
	globexIssuer = "globex-idp"
	localIssuer  = "local"
)

// Error codes of challenges (RFC 6750 section 3.1) that the stories expect.
const (
	noError        = "none" // a challenge without an error
	invalidRequest = "invalid_request"
	invalidToken   = "invalid_token"
	lacksScope     = "insufficient_scope"
)

// refusedAs is a refusal; challenge is "" where there is none.
func refusedAs(status int, reason, challenge string) Outcome {
	return Outcome{Status: status, Reason: reason, Challenge: challenge, Saw: notReached}
}

func passed(reason, saw string) Outcome { return Outcome{Status: 200, Reason: reason, Saw: saw} }

// order is what most requests of the stories ask for.
const order = "/orders/7"

type claims map[string]any

// person returns claims of a token.
func person(sub, scope string) claims { return claims{"sub": sub, "scope": scope} }

// with returns the claims with one more.
func (c claims) with(name string, value any) claims {
	out := maps.Clone(c)
	out[name] = value
	return out
}

func alice() claims { return person("alice", "orders:read") }

func aliceAdmin() claims {
	return alice().with("realm_access", claims{"roles": []string{"reader", "admin"}})
}

func bob() claims { return person("bob", "orders:read orders:write") }

// demoStory is examples/demo: two tenants that share nothing but the proxy.
func demoStory() Story {
	return Story{
		Example: "demo",
		Issuers: []IssuerSpec{{Name: acmeIssuer, Port: 8080, Algorithm: "RS256"}, {Name: globexIssuer, Port: 8082, Algorithm: "ES256"}},
		Watch:   []string{"x-tenant", "x-user-id", "x-roles", "authorization"},
		Steps:   append(tokenSteps(), policySteps()...),
		Hands: []Hand{
			{Variable: "ALICE", Issuer: acmeIssuer, Claims: aliceAdmin(), Host: "acme.localhost", Target: order, Say: "acme's token at acme"},
			{Variable: "ALICE", Host: "globex.localhost", Target: order, Say: "the same token at globex: refused"},
			{Variable: "BOB", Issuer: globexIssuer, Claims: bob(), Host: "globex.localhost", Target: order, Say: "globex's token at globex"},
			{Variable: "ALICE", Host: "acme.localhost", Target: "/orders/export", Say: "a deny rule wins"},
			{Host: "acme.localhost", Target: "/healthz", Say: "a public route"},
		},
	}
}

func acme(target, what string) Step {
	return Step{Tenant: "acme", Host: "acme.localhost", Target: target, What: what}
}

func globex(target, what string) Step {
	return Step{Tenant: "globex", Host: "globex.localhost", Target: target, What: what}
}

func (s Step) sends(header headers) Step { s.Header = header; return s }

func (s Step) gets(want Outcome) Step { s.Want = want; return s }

func (s Step) after(before func(*Stack) error) Step { s.Before = before; return s }

// tokenSteps are about whose token it is and whether it is good.
func tokenSteps() []Step {
	good, other := bearer(acmeIssuer, alice()), bearer(globexIssuer, bob())
	return []Step{
		acme(order, "no token").
			gets(refusedAs(401, "no_token", noError)),
		acme(order, "good token").sends(good).
			gets(passed("allowed", "x-tenant=acme x-user-id=alice")),
		globex(order, "good token").sends(other).
			gets(passed("allowed", "x-tenant=globex x-user-id=bob")),
		globex(order, "acme's token").sends(good).
			gets(refusedAs(401, "issuer_unknown", invalidToken)),
		acme(order, "expired token").sends(bearer(acmeIssuer, alice().expired())).
			gets(refusedAs(401, "expired", invalidToken)),
		acme(order, "one signature bit flipped").sends(tampered(good)).
			gets(refusedAs(401, "signature", invalidToken)),
		acme(order, "alg: none, no signature").sends(unsigned(good)).
			gets(refusedAs(401, "token_malformed", invalidRequest)),
		acme(order, "another audience").sends(bearer(acmeIssuer, alice().with("aud", "https://other.example.com"))).
			gets(refusedAs(401, "audience", invalidToken)),
		acme(order, "first token of a new key").after(rotate(acmeIssuer)).sends(good).
			gets(passed("allowed", "x-tenant=acme x-user-id=alice")),
	}
}

// policySteps are about what a good token may do and what the upstream sees.
func policySteps() []Step {
	admin := bearer(acmeIssuer, aliceAdmin())
	return []Step{
		acme(order, "token without the scope").sends(bearer(acmeIssuer, person("carol", "profile"))).
			gets(refusedAs(403, "scope_missing", lacksScope)),
		acme("/admin/users", "role in a nested claim").sends(admin).
			gets(passed("allowed", "x-roles=reader,admin x-tenant=acme x-user-id=alice")),
		acme("/admin/users", "without that role").sends(bearer(acmeIssuer, alice())).
			gets(refusedAs(403, "policy_denied", "")),
		acme("/orders/export", "deny rule, claim missing").sends(admin).
			gets(refusedAs(403, "policy_denied", "")),
		acme(order, "forged x-user-id, x-roles").sends(also(bearer(acmeIssuer, alice()), "x-user-id: root", "x-user-id: eve", "x-roles: admin")).
			gets(passed("allowed", "x-tenant=acme x-user-id=alice")),
		acme("/healthz", "public route, no token").
			gets(passed("public_route", "x-tenant=acme")),
		acme("/healthz", "public, forged x-user-id").sends(also(nil, "x-user-id: root", "authorization: Bearer junk")).
			gets(passed("public_route", "x-tenant=acme")),
		acme("/orders;v=1/7", "path with two readings").sends(bearer(acmeIssuer, alice())).
			gets(refusedAs(400, "path_not_canonical", "")),
	}
}

// quickstartStory is examples/quickstart: one tenant on one page.
func quickstartStory() Story {
	good := bearer(localIssuer, alice())
	at := func(target, what string) Step {
		return Step{Host: "localhost", Target: target, What: what}
	}
	return Story{
		Example: "quickstart",
		Issuers: []IssuerSpec{{Name: localIssuer, Port: 8080, Algorithm: "RS256"}},
		Watch:   []string{"x-user-id", "authorization"},
		Steps: []Step{
			at(order, "no token").
				gets(refusedAs(401, "no_token", noError)),
			at(order, "good token").sends(good).
				gets(passed("allowed", "x-user-id=alice")),
			at(order, "token without the scope").sends(bearer(localIssuer, person("carol", "profile"))).
				gets(refusedAs(403, "scope_missing", lacksScope)),
			at("/users/alice", "one's own profile").sends(good).
				gets(passed("allowed", "x-user-id=alice")),
			at("/users/bob", "another's profile").sends(good).
				gets(refusedAs(403, "policy_denied", "")),
			at(order, "forged x-user-id").sends(also(good, "x-user-id: root")).
				gets(passed("allowed", "x-user-id=alice")),
		},
		Hands: []Hand{
			{Variable: "ALICE", Issuer: localIssuer, Claims: alice(), Host: "localhost", Target: order, Say: "allowed"},
			{Variable: "ALICE", Host: "localhost", Target: "/users/bob", Say: "not alice's"},
			{Host: "localhost", Target: order, Say: "no token"},
		},
	}
}
