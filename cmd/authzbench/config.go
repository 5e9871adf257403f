package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// configuration is the main file of the claimgate that is measured. All tenants
// share an issuer and a policy; each has a file of its own and a host.
const configuration = `apiVersion: claimgate.dev/v1alpha1
listen: {address: "ADDRESS", drainWait: 0s, codec: CODEC}
metrics: {address: "127.0.0.1:0"}
log: {level: warn}
cache: {tokens: CACHE}
ownedHeaders: [x-tenant, x-plan, x-user-id, x-user-email, x-client-id, x-roles]
issuers:
  - name: platform
    issuer: "ISSUER"
    jwksUri: "JWKS"
    audiences: [AUDIENCE]
    algorithms: [ALGORITHM]
    tenantClaim: org_id
    claimMappings: {roles: [realm_access, roles], scopes: scope}
entries:
  - {name: own-host, hosts: ["{tenant}.DOMAIN"]}
policies:
  - name: standard
    rules:
      - {name: read, action: allow, methods: [GET, HEAD], paths: [/orders/**], when: [{mapped: roles, containsAny: [reader, admin]}, {mapped: scopes, hasScope: "orders:read"}]}
      - {name: write, action: allow, methods: [POST, PUT, DELETE], paths: [/orders/**], when: [{mapped: roles, contains: writer}]}
      - {name: own-profile, action: allow, methods: [GET], paths: ["/users/{id}"], when: [{claim: sub, equals: {path: id}}]}
      - {name: export-needs-gold, action: deny, paths: [/orders/export/**], when: [{not: {tenant: labels.plan, equals: gold}}]}
tenantDefaults:
  entries: [own-host]
  issuers: [platform]
  policy: {use: [standard]}
  headers:
    - {name: x-tenant, tenant: name}
    - {name: x-plan, tenant: labels.plan}
    - {name: x-user-id, claim: sub, required: true}
    - {name: x-user-email, claim: email}
    - {name: x-client-id, claim: azp}
    - {name: x-roles, mapped: roles, join: ","}
tenantDirs: [{path: tenants}]
`

// addressOf returns where a server is to listen.
func addressOf(v variant, socket string) string {
	if v.tcp {
		return "127.0.0.1:0"
	}
	return "unix://" + socket
}

// writeConfiguration writes the main file and a file a tenant, and returns the
// path of the former.
func writeConfiguration(dir string, spec childSpec, v variant) (string, error) {
	tenants := filepath.Join(dir, "tenants")
	if err := os.MkdirAll(tenants, 0o700); err != nil {
		return "", err
	}
	for i := range spec.Load.Tenants {
		file := filepath.Join(tenants, identityAt(i, spec.Load.Tenants).tenant+".yaml")
		if err := os.WriteFile(file, []byte("labels: {plan: gold}\n"), 0o600); err != nil {
			return "", err
		}
	}
	codec := "own"
	if v.generated {
		codec = "generated"
	}
	text := strings.NewReplacer(
		"CODEC", codec, "ADDRESS", spec.Address, "CACHE", fmt.Sprint(spec.Load.cache()), "ISSUER", spec.Issuer,
		"JWKS", spec.JWKS, "AUDIENCE", audience, "DOMAIN", baseDomain, "ALGORITHM", spec.Load.Algorithm,
	).Replace(configuration)
	file := filepath.Join(dir, "claimgate.yaml")
	return file, os.WriteFile(file, []byte(text), 0o600)
}
