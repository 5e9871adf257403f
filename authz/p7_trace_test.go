package authz_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/policy"
)

// A trace quotes claims and headers, but no token, wherever it stands.
func TestP7TracesQuoteNoToken(t *testing.T) {
	spec := policy.Spec{Rules: []policy.RuleSpec{{Name: "odd", Action: policy.Allow, When: []policy.Condition{{Any: []policy.Condition{
		{Header: "x-token", Prefix: text("ey-")},
		{Header: "x_token", Exists: true},
		{Claim: []string{"sub"}, Equals: &policy.Operand{Header: "x-token"}},
		{CEL: `request.headers["x-token"].startsWith("no") || request.query.contains("nothing")`},
		{Header: "x-region", Equals: text("us")},
	}}}}}}
	for name, place := range map[string]authz.CredentialSpec{"header": {Header: "x-token"}, "parameter": {Param: "access_token"}} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t, "https://id.example.com/", 1)
			compiled, problems := authz.NewIssuer(authz.IssuerSpec{Issuer: p.issuer(t, "idp"), Credentials: []authz.CredentialSpec{place}})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
				tenant.Issuers, tenant.Grants, tenant.Policy = nil, []authz.IssuerGrant{{Issuer: compiled}}, compilePolicy(t, spec)
			})
			raw := p.sign(t, scope)
			req := get("/orders/7", "", authz.Header{Name: "x-region", Value: "eu"})
			if place.Param != "" {
				req.Query = "access_token=" + raw
			} else {
				req.Headers.Lines = append(req.Headers.Lines, authz.Header{Name: "x-token", Value: raw}, authz.Header{Name: "x_token", Value: raw})
			}
			d, trace := a.engine.Explain(t.Context(), req)
			if trace == nil || d.Subject != "user-1" {
				t.Fatalf("%v", d.Reason)
			}
			told := fmt.Sprintf("%+v", *trace)
			signature := raw[strings.LastIndexByte(raw, '.')+1:]
			if strings.Contains(told, raw[:20]) || strings.Contains(told, signature) {
				t.Errorf("the trace quotes the token: %s", told)
			}
			if !strings.Contains(told, "eu") || !strings.Contains(told, "user-1") {
				t.Errorf("control: %s", told)
			}
		})
	}
}
