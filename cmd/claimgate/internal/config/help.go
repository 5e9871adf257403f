package config

import "github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"

// Schema returns the JSON Schema (draft 2020-12) of the main file. Its
// definition `tenantFile` is that of a tenant file.
func Schema() []byte {
	return yamldoc.Schema(&mainDoc{}, "https://claimgate.dev/schema/v1alpha1.json", "claimgate configuration",
		yamldoc.Extra{Name: "tenantFile", Type: &fileTenant{}},
		yamldoc.Extra{Name: "grantRef", Type: &grantRef{}},
		yamldoc.Extra{Name: "localIssuer", Type: &localIssuer{}})
}

// referenceHead says how to read the reference.
const referenceHead = `Every field of the main file: its path, and in brackets its type, whether it is
required, and its default. A path such as tenants[].hosts is the field hosts of
each element of the list tenants. The smallest useful file:

  apiVersion: claimgate.dev/v1alpha1
  issuers:
    - {name: idp, issuer: https://id.example.com/, audiences: [https://api.example.com], algorithms: [RS256]}
  tenants:
    - name: acme
      hosts: [api.example.com]
      issuers: [idp]
      policy: {rules: [{name: all, action: allow, anyToken: true}]}

A file of tenantDirs holds the fields of tenants[] without name; 'claimgate help
delegation' tells about files that tenants write themselves. Durations are
written as 100ms, 30s, 5m or 1h30m. Unknown fields, anchors, aliases and fields
written twice are mistakes. ` + "`claimgate check`" + ` finds every mistake at once.
`

// Reference returns a text about every field of the main file: how to read it,
// then the path, type, default and description of each.
func Reference() string { return referenceHead + yamldoc.Reference(&mainDoc{}) }
