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
			p.tenant("wide", []string{"*.wide.example"}, nil, []string{"label"}),
			p.tenant("guest", nil, []string{"label"}, nil),
			p.tenant("label", []string{"shop.wide.example"}, nil, nil),
		},
	}
	expectProblem(t, &spec, "tenants[2].hosts[0]", "shop.wide.example")
	spec.Tenants = spec.Tenants[:2]
	newSnapshot(t, spec)
}
