package authz_test

import (
	"reflect"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// What an entry says about its resource is said of every name below it, so that
// names cannot be told apart by it.
func TestP2UnknownNamesAreChallengedLikeKnownOnes(t *testing.T) {
	p := newPlatform(t, func(p *platform) {
		for i := range p.spec.Entries {
			if p.spec.Entries[i].Name == "path" {
				p.spec.Entries[i].ResourceMetadata = &authz.ResourceMetadata{
					Resource: "https://partners.example.com/t", AuthorizationServers: []string{"https://id.example.com/"},
				}
			}
		}
	})
	known, unknown := p.ask("partners.example.com/t/acme/orders/1", ""), p.ask("partners.example.com/t/nobody/orders/1", "")
	if known.Reason != authz.NoToken || known.ResourceMetadata == "" {
		t.Fatalf("%v with %q", known.Reason, known.ResourceMetadata)
	}
	if unknown.Reason != authz.PlaceUnknown || unknown.ResourceMetadata != known.ResourceMetadata || !reflect.DeepEqual(unknown.ResponseHeaders, known.ResponseHeaders) {
		t.Errorf("%v with %q, want %q", unknown.Reason, unknown.ResourceMetadata, known.ResourceMetadata)
	}
	document := p.ask("partners.example.com/.well-known/oauth-protected-resource/t", "")
	if document.Reason != authz.MetadataDocument || document.Tenant != "" || len(document.Document) == 0 {
		t.Errorf("the document of the challenge: %v of %q", document.Reason, document.Tenant)
	}
	if d := p.ask("partners.example.com/elsewhere", ""); d.Reason != authz.PlaceUnknown || d.ResourceMetadata != "" {
		t.Errorf("outside of the entry: %v with %q", d.Reason, d.ResourceMetadata)
	}
}

// Whoever yields to an entry does not yield to a tenant that took its name.
func TestP2ANamesakeOfAnEntryGetsNothingByIt(t *testing.T) {
	p := newPlot(t)
	spec := authz.SnapshotSpec{
		Entries: []authz.EntrySpec{{Name: "label", Hosts: []string{"{tenant}.wide.example"}}},
		Tenants: []*authz.Tenant{
			p.tenant("wide", []string{"*"}, nil, []string{"label"}),
			p.tenant("guest", nil, []string{"label"}, nil),
			p.tenant("label", []string{"shop.example"}, nil, nil),
		},
	}
	expectProblem(t, &spec, "tenants[2].hosts[0]", "shop.example", "stands for the entry")
	spec.Tenants = spec.Tenants[:2]
	newSnapshot(t, spec)
}

// A newcomer's document lies outside of its prefix. Where that is a host of
// another tenant, it stays that tenant's.
func TestP2ADocumentTakesNoPathOfAnotherTenant(t *testing.T) {
	p := newPlot(t)
	spec := authz.SnapshotSpec{
		Entries: []authz.EntrySpec{{Name: "path", Hosts: []string{"wide.example", "plain.example"}, PathPrefix: "/t/{tenant}"}},
		Tenants: []*authz.Tenant{p.tenant("wide", []string{"wide.example"}, nil, []string{"path"})},
	}
	ask := func(host string) authz.Decision {
		req := get("/.well-known/oauth-protected-resource/t/guest", "")
		req.Host = host
		return newEngine(newClock().Now, zeros{}, newSnapshot(t, spec)).Decide(t.Context(), req)
	}
	before := ask("wide.example")
	spec.Tenants = append(spec.Tenants, newTenant(t, authz.TenantSpec{
		Name: "guest", Entries: []string{"path"}, Policy: p.policy, Grants: []authz.IssuerGrant{{Issuer: p.shared}},
		ResourceMetadata: &authz.ResourceMetadata{Resource: "https://plain.example/t/guest"},
	}))
	if after := ask("wide.example"); before.Tenant != "wide" || !reflect.DeepEqual(after, before) {
		t.Errorf("%v of %q, before the guest came %v of %q", after.Reason, after.Tenant, before.Reason, before.Tenant)
	}
	if d := ask("plain.example"); d.Reason != authz.MetadataDocument || d.Tenant != "guest" {
		t.Errorf("control: %v of %q", d.Reason, d.Tenant)
	}
}
