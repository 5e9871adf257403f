package config

import "github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"

// grantDoc is one issuer that a tenant accepts: the name of one of the main
// file, the name with conditions, or an issuer of the tenant's own.
type grantDoc struct {
	name  string
	ref   *grantRef
	local *localIssuer
}

// grantRef is an issuer of the main file with what narrows it.
type grantRef struct {
	Name      string   `yaml:"name" required:"true" doc:"Name of an issuer of the main file, or of one of the tenant's own."`
	Until     instant  `yaml:"until" doc:"From this time on (RFC 3339) the issuer's tokens are refused."`
	Audiences []string `yaml:"audiences" doc:"The audiences that are this tenant's, of those of the issuer. Tenants that share the issuer are told apart by them where their parts are disjoint; a token that also names another audience of the issuer is refused."`
}

// localIssuer is an issuer that only this tenant knows.
type localIssuer struct {
	issuerDoc `yaml:",inline"`
	Until     instant `yaml:"until" doc:"From this time on (RFC 3339) the issuer's tokens are refused."`
}

// UnknownField implements yamldoc.Hinter.
func (*grantRef) UnknownField(name string) string {
	switch name {
	case "algorithms", "types", "clockSkew", "maxTokenAge", "tenantClaim", "claimMappings", "fromHeaders", "fromCookies",
		"fromParams", "jwksUri", "jwksFile", "jwks", "keys":
		return "write issuer too for an issuer of the tenant's own, or change the issuer of the main file"
	}
	return ""
}

// DecodeNode implements yamldoc.Custom.
func (g *grantDoc) DecodeNode(n yamldoc.Node) {
	if n.Kind() != yamldoc.Mapping {
		text, ok := n.Text()
		if ok && text == "" {
			n.Report("the text is empty", "write the name of an issuer")
		}
		g.name = text
		return
	}
	for _, field := range n.Fields() {
		if field.Name == "issuer" {
			g.local = &localIssuer{}
			n.Decode(g.local)
			g.name = g.local.Name
			return
		}
	}
	g.ref = &grantRef{}
	n.Decode(g.ref)
	g.name = g.ref.Name
}

// Describe implements yamldoc.Custom.
func (*grantDoc) Describe() (string, map[string]any) {
	return "name, {name, until, audiences} or an issuer", map[string]any{"oneOf": []any{
		map[string]any{yamldoc.TypeKey: jsonString, "minLength": 1},
		map[string]any{"$ref": "#/$defs/grantRef"},
		map[string]any{"$ref": "#/$defs/localIssuer"},
	}}
}

// Forms implements yamldoc.Former. The fields of an issuer of the tenant's own
// are those of the main file's issuers.
func (*grantDoc) Forms() []any { return []any{&grantRef{}} }

// until returns when the tenant stops accepting the issuer; zero: never.
func (g *grantDoc) until() instant {
	switch {
	case g.local != nil:
		return g.local.Until
	case g.ref != nil:
		return g.ref.Until
	}
	return instant{}
}
