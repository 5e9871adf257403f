package demo

import (
	"fmt"
	"net/http"
)

// Issuers of examples/multi-tenant. A realm is named after its tenant.
const (
	platformIssuer = "platform"
	ownIssuer      = "initech"
)

const generatedTenants = 100 // that generate.sh writes

// multiTenantStory is examples/multi-tenant: a platform with more than a
// hundred tenants, which arrive and prove who they are in four ways.
func multiTenantStory() Story {
	return Story{
		Example: "multi-tenant",
		Issuers: multiTenantIssuers(),
		Script:  "generate.sh",
		Watch:   []string{"x-tenant", "x-plan", "x-user-id", "x-roles", "x-team", "authorization"},
		Steps:   append(placeSteps(), crossTenantSteps()...),
		Hands: []Hand{
			{Variable: "ACME", Issuer: "acme", Claims: realmRoles("alice", "reader"), Host: "acme.api.localhost", Target: order, Say: "acme on its own host"},
			{Variable: "ACME", Host: "t042.api.localhost", Target: order, Say: "acme's token at another tenant: refused"},
			{Variable: "UMBRELLA", Issuer: platformIssuer, Claims: member("umi", "org_7c1d"), Host: "api.localhost", Target: order, Say: "the token's org_id finds the tenant"},
			{Variable: "HOOLI", Issuer: "hooli", Claims: realmRoles("hank", "reader"), Host: "partners.localhost", Target: "/t/hooli/orders/7", Say: "hooli under its prefix"},
		},
	}
}

func multiTenantIssuers() []IssuerSpec {
	specs := make([]IssuerSpec, 0, 6+generatedTenants)
	specs = append(specs, IssuerSpec{Name: platformIssuer, Port: 8082, Algorithm: "RS256"}, IssuerSpec{Name: ownIssuer, Port: 8083, Algorithm: "ES256"},
		realmOf("acme"), realmOf("globex"), realmOf("hooli"), realmOf("stark"))
	for n := range generatedTenants {
		specs = append(specs, realmOf(fmt.Sprintf("t%03d", n+1)))
	}
	return specs
}

func realmOf(tenant string) IssuerSpec {
	return IssuerSpec{Name: tenant, Port: 8080, Path: "/realms/" + tenant, Algorithm: "ES256"}
}

// realmRoles returns claims as a realm writes them.
func realmRoles(sub string, roles ...string) claims {
	return claims{"sub": sub, "realm_access": claims{"roles": roles}}
}

// member returns claims as the platform's issuer writes them.
func member(sub, org string) claims {
	return claims{"sub": sub, "permissions": []string{"reader"}, "org_id": org}
}

func on(host, target, what string) Step { return Step{Host: host, Target: target, What: what} }

// placeSteps reach a tenant in every way that there is.
func placeSteps() []Step {
	preflight := on("api.localhost", order, "preflight, shared host").
		sends(also(nil, "origin: https://app.example.com", "access-control-request-method: GET"))
	preflight.Method = http.MethodOptions
	return []Step{
		on("acme.api.localhost", order, "acme: own host, own realm").sends(bearer("acme", realmRoles("alice", "reader", "staff"))).
			gets(passed("allowed", "x-plan=gold x-roles=reader,staff x-tenant=acme x-user-id=alice")),
		on("t042.api.localhost", order, "t042: one generated line").sends(bearer("t042", realmRoles("tina", "reader"))).
			gets(passed("allowed", "x-plan=silver x-roles=reader x-tenant=t042 x-user-id=tina")),
		on("t042.api.localhost", order, "a machine of t042").sends(bearer("t042", claims{"sub": "job", "gty": "client-credentials", "scope": "orders:read"})).
			gets(passed("allowed", "x-plan=silver x-tenant=t042 x-user-id=job")),
		on("api.localhost", order, "umbrella: found by claim").sends(bearer(platformIssuer, member("umi", "org_7c1d"))).
			gets(passed("allowed", "x-plan=gold x-roles=reader x-tenant=umbrella x-user-id=umi")),
		on("api.localhost", order, "globex: found by claim").sends(bearer(platformIssuer, member("gus", "org_2f9k"))).
			gets(passed("allowed", "x-plan=silver x-roles=reader x-tenant=globex x-user-id=gus")),
		on("api.globex.localhost", order, "globex: own domain").sends(bearer("globex", realmRoles("gus", "admin"))).
			gets(passed("allowed", "x-plan=silver x-roles=admin x-tenant=globex x-user-id=gus")),
		on("partners.localhost", "/t/hooli/orders/7", "hooli: under its prefix").sends(bearer("hooli", realmRoles("hank", "reader"))).
			gets(passed("allowed", "x-plan=silver x-roles=reader x-tenant=hooli x-user-id=hank")),
		on("stark.api.localhost", "/audit/2026", "stark: a rule of its own").sends(bearer("stark", realmRoles("pepper", "auditor").with("team", "office"))).
			gets(passed("allowed", "x-plan=silver x-roles=auditor x-team=office x-tenant=stark x-user-id=pepper")),
		on("api.initech.localhost", order, "initech: an own issuer").sends(bearer(ownIssuer, claims{"sub": "ina", "groups": []string{"reader"}})).
			gets(passed("allowed", "x-plan=silver x-roles=reader x-tenant=initech x-user-id=ina")),
		on("t010.api.localhost", "/orders/export", "export, gold plan").sends(bearer("t010", realmRoles("tom", "reader"))).
			gets(passed("allowed", "x-plan=gold x-roles=reader x-tenant=t010 x-user-id=tom")),
		preflight.gets(passed("preflight", "")),
		on("api.localhost", "/healthz", "no tenant is known yet").
			gets(passed("public_route", "")),
	}
}

// crossTenantSteps try to get more than one's own tenant gives.
func crossTenantSteps() []Step {
	acmeAdmin := bearer("acme", realmRoles("alice", "admin"))
	umbrella := bearer(platformIssuer, member("umi", "org_7c1d"))
	return []Step{
		on("t042.api.localhost", order, "acme's token at t042").sends(acmeAdmin).
			gets(refusedAs(401, "issuer_unknown", invalidToken)),
		on("t043.api.localhost", order, "t042's token at t043").sends(bearer("t042", realmRoles("tina", "admin"))).
			gets(refusedAs(401, "issuer_unknown", invalidToken)),
		on("api.globex.localhost", order, "umbrella's token at globex").sends(umbrella).
			gets(refusedAs(403, "tenant_mismatch", "")),
		on("umbrella.api.localhost", order, "a host that is not listed").sends(umbrella).
			gets(refusedAs(401, "place_unknown", noError)),
		on("api.localhost", order, "a realm's token, by claim").sends(bearer("acme", realmRoles("alice", "admin").with("org_id", "org_7c1d"))).
			gets(refusedAs(401, "issuer_unknown", invalidToken)),
		on("api.localhost", order, "an org of nobody").sends(bearer(platformIssuer, member("zoe", "org_none"))).
			gets(refusedAs(403, "tenant_unknown", "")),
		on("api.localhost", order, "an org named acme").sends(bearer(platformIssuer, member("zoe", "acme"))).
			gets(refusedAs(403, "tenant_unknown", "")),
		on("partners.localhost", "/t/acme/orders/7", "acme lists no prefix").sends(acmeAdmin).
			gets(refusedAs(401, "place_unknown", noError)),
		on("partners.localhost", "/t/hooli/orders/7", "acme's token at hooli").sends(acmeAdmin).
			gets(refusedAs(401, "issuer_unknown", invalidToken)),
		on("partners.localhost", "/t/hooli/../acme", "out of the prefix").sends(bearer("hooli", realmRoles("hank", "admin"))).
			gets(refusedAs(401, "place_unknown", noError)),
		on("api.initech.localhost", order, "the platform's token").sends(bearer(platformIssuer, member("zoe", "initech"))).
			gets(refusedAs(401, "issuer_unknown", invalidToken)),
		on("t011.api.localhost", "/orders/export", "export, silver plan").sends(bearer("t011", realmRoles("tim", "admin").with("plan", "gold"))).
			gets(refusedAs(403, "policy_denied", "")),
		on("stark.api.localhost", "/orders/export", "export, as the grant says").sends(bearer("stark", realmRoles("tony", "admin"))).
			gets(refusedAs(403, "policy_denied", "")),
		on("stark.api.localhost", "/audit/2026", "acme's token at stark").sends(bearer("acme", realmRoles("alice", "auditor"))).
			gets(refusedAs(401, "issuer_unknown", invalidToken)),
		on("api.localhost", order, "globex's own deny rule").sends(bearer(platformIssuer, member("mallory", "org_2f9k"))).
			gets(refusedAs(403, "policy_denied", "")),
		on("t042.api.localhost", order, "forged x-tenant, x-plan").sends(also(bearer("t042", realmRoles("tina", "reader")), "x-tenant: acme", "x-plan: gold", "x-roles: admin")).
			gets(passed("allowed", "x-plan=silver x-roles=reader x-tenant=t042 x-user-id=tina")),
	}
}
