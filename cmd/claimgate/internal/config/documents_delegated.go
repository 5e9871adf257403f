package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// delegatedDoc bounds what the files of a directory may say that the tenants'
// own administrators write.
type delegatedDoc struct {
	Fields      []delegatedField  `yaml:"fields" required:"true" doc:"The fields that exist in the files: entries, headers, issuers, policy, require and suspended. No other field can be given. What a file says under require is added to that of tenantDefaults."`
	Entries     []string          `yaml:"entries" doc:"Names of the entries that a file may list. Needs the field entries."`
	Issuers     []string          `yaml:"issuers" doc:"Names of the issuers of this file that a file may list. Needs the field issuers."`
	HeaderNames []string          `yaml:"headerNames" doc:"Owned headers that a file may set. Needs the field headers."`
	Audiences   []string          `yaml:"audiences" doc:"Audiences that a file may write at issuers of its own, which need one, or to narrow an issuer that is given. {tenant.name} stands for the name of the tenant. Needs the field issuers."`
	Labels      map[string]string `yaml:"labels" doc:"The labels of the tenants, which no file can set. {tenant.name} stands for the name of the tenant."`
}

// delegatedField is a field of a tenant that its own administrator may write.
type delegatedField string

// delegable are the fields that a grant may give.
func delegable() []string {
	return []string{"entries", "headers", issuersField, "policy", "require", "suspended"}
}

// neverDelegated returns why a field is never given, or "".
func neverDelegated(name string) string {
	switch name {
	case "hosts", "yieldsTo":
		return "which hosts a tenant has is for the platform to say, and a file lists entries"
	case "labels":
		return "the grant sets labels"
	case "ids":
		return "an id makes tokens good, and that of the tenant is its name"
	case "public", "preflight":
		return "it passes requests without a token"
	case "mode", "insecureShadow":
		return "it passes what the policy denies"
	case "forwardOriginalToken":
		return "it hands tokens on"
	case "sharedTokens":
		return "it makes tokens good for other tenants"
	case "dynamicMetadata":
		return "the proxy acts by it"
	case "pathRelaxations":
		return "how the upstream reads paths is for the platform to say"
	case "resourceMetadata":
		return "it is answered without a token"
	}
	return ""
}

// DecodeNode implements yamldoc.Custom.
func (f *delegatedField) DecodeNode(n yamldoc.Node) {
	text, ok := n.Text()
	if !ok {
		return
	}
	switch why := neverDelegated(text); {
	case why != "":
		n.Report(text+" is never delegated: "+why, "remove it")
	case !slices.Contains(delegable(), text):
		n.Report(fmt.Sprintf("there is no field %.64q to delegate", text), yamldoc.Suggest(text, delegable()))
	default:
		*f = delegatedField(text)
	}
}

// Describe implements yamldoc.Custom.
func (*delegatedField) Describe() (string, map[string]any) {
	names := delegable()
	values := make([]any, len(names))
	for i, name := range names {
		values[i] = name
	}
	return strings.Join(names, ", "), map[string]any{"enum": values}
}
