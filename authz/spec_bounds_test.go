package authz_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// TestP8TenantSpecBounds holds each bound on what a tenant's document lists to
// the byte: what reaches it is compiled, and what is one beyond it is a problem.
func TestP8TenantSpecBounds(t *testing.T) {
	sub := authz.SourceSpec{Claim: []string{"sub"}}
	roles := func(h authz.HeaderSpec) func(*authz.TenantSpec) {
		h.Name = "x-roles"
		return func(s *authz.TenantSpec) { s.Headers = []authz.HeaderSpec{h} }
	}
	literal := func(n int, encoding authz.Encoding) func(*authz.TenantSpec) {
		value := strings.Repeat("a", n)
		return roles(authz.HeaderSpec{Source: authz.SourceSpec{Value: &value}, Encoding: encoding})
	}
	metadata := func(n int, name string) func(*authz.TenantSpec) {
		specs := make([]authz.MetadataSpec, n)
		for i := range specs {
			specs[i] = authz.MetadataSpec{Name: fmt.Sprint(name, i), Source: sub}
		}
		return func(s *authz.TenantSpec) { s.Metadata = specs }
	}
	labels := func(n int) func(*authz.TenantSpec) {
		return func(s *authz.TenantSpec) {
			s.Labels = map[string]string{}
			for i := range n {
				s.Labels[fmt.Sprint(i)] = "x"
			}
		}
	}
	path := func(n int) []string { return strings.Split(strings.Repeat("a", n), "") }
	for name, row := range map[string]struct {
		at, beyond func(*authz.TenantSpec)
		path       string
	}{
		"join":            {roles(authz.HeaderSpec{Source: sub, Join: ";;;;"}), roles(authz.HeaderSpec{Source: sub, Join: ";;;;;"}), "headers[0].join"},
		"literal":         {literal(authz.MaxHeaderValueBytes, authz.Percent), literal(authz.MaxHeaderValueBytes+1, authz.Percent), "headers[0].value"},
		"encoded literal": {literal(authz.MaxHeaderValueBytes*3/4, authz.Base64URL), literal(authz.MaxHeaderValueBytes*3/4+1, authz.Base64URL), "headers[0].value"},
		"claim path": {
			roles(authz.HeaderSpec{Source: authz.SourceSpec{Claim: path(token.MaxDepth)}}),
			roles(authz.HeaderSpec{Source: authz.SourceSpec{Claim: path(token.MaxDepth + 1)}}), "headers[0].claim",
		},
		"labels":         {labels(authz.MaxLabels), labels(authz.MaxLabels + 1), "labels"},
		"metadata":       {metadata(authz.MaxMetadataFields, "f"), metadata(authz.MaxMetadataFields+1, "f"), "dynamicMetadata"},
		"metadata name":  {metadata(1, strings.Repeat("f", 63)), metadata(1, strings.Repeat("f", 64)), "dynamicMetadata[0].name"},
		"insecureShadow": {shadow(authz.ShadowInsecure), shadow(authz.ShadowInsecure + 1), "shadow.mode"},
	} {
		spec := newACME(t, nil).tenant
		row.at(&spec)
		if _, problems := authz.NewTenant(spec); len(problems) > 0 {
			t.Errorf("%s: at the bound: %v", name, problems)
		}
		row.beyond(&spec)
		if tenant, problems := authz.NewTenant(spec); tenant != nil || len(problems) != 1 || problems[0].Path != row.path {
			t.Errorf("%s: beyond the bound: %v, want one at %s", name, problems, row.path)
		}
	}
}

func shadow(mode authz.ShadowMode) func(*authz.TenantSpec) {
	return func(s *authz.TenantSpec) { s.Shadow = authz.ShadowSpec{Mode: mode, Until: start} }
}
