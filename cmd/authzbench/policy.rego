# The rules of the claimgate configuration that is measured, in Rego. The answer
# is the headers to set; it is undefined where the request is refused.
package authz

answer := headers if {
	allow
	not deny
}

token := trim_prefix(input.headers.authorization, "Bearer ")

verified := io.jwt.decode_verify(token, {
	"cert": data.keys,
	"alg": data.algorithm,
	"iss": data.issuer,
	"aud": data.audience,
})

claims := verified[2] if verified[0]

tenant := trim_suffix(input.host, data.domain)

plan := data.plans[tenant]

own if {
	claims.org_id == tenant
	claims.exp
}

allow if {
	own
	input.method in {"GET", "HEAD"}
	startswith(input.path, "/orders/")
	some role in claims.realm_access.roles
	role in {"reader", "admin"}
	"orders:read" in split(claims.scope, " ")
}

allow if {
	own
	input.method in {"POST", "PUT", "DELETE"}
	startswith(input.path, "/orders/")
	"writer" in claims.realm_access.roles
}

allow if {
	own
	input.method == "GET"
	input.path == concat("", ["/users/", claims.sub])
}

deny if {
	startswith(input.path, "/orders/export/")
	plan != "gold"
}

headers := {
	"x-tenant": tenant,
	"x-plan": plan,
	"x-user-id": claims.sub,
	"x-user-email": claims.email,
	"x-client-id": claims.azp,
	"x-roles": concat(",", claims.realm_access.roles),
}
