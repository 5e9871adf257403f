package config

import (
	"slices"

	"github.com/claimgate/claimgate/authz/jwks"
)

// IssuerKeys says where the keys of one issuer come from.
type IssuerKeys struct {
	Name       string // of the issuer
	Tenant     string // that it is made for, or that wrote it; "" for one of the main file
	Issuer     string
	Algorithms []string // that are accepted
	Deny       []string // kids and thumbprints that are refused
	Source     jwks.SourceSpec
}

// IssuerKeys returns the key sources of the issuers of the main file that are
// the same for all tenants and, with the name of a tenant, those of the issuers
// that are made for it or that it wrote. It compiles and checks nothing, so
// call it for a document that Build accepted.
func (d *Document) IssuerKeys(tenant string) []IssuerKeys {
	var all []IssuerKeys
	for i := range d.main.doc.Issuers {
		if doc := &d.main.doc.Issuers[i]; !isTenantTemplate(doc.Issuer) && !isTenantTemplate(doc.JWKSURI) {
			all = append(all, d.main.issuerKeys(doc, ""))
		}
	}
	for _, t := range d.tenants {
		if t.doc != nil && t.name == tenant {
			all = append(all, d.tenantKeys(t)...)
		}
	}
	return all
}

// tenantKeys returns the key sources that are one tenant's alone.
func (d *Document) tenantKeys(t *TenantFile) []IssuerKeys {
	grants := t.doc.Issuers
	if grants == nil {
		grants = d.main.doc.TenantDefaults.Issuers
	}
	var all []IssuerKeys
	for i := range grants {
		doc := d.ownIssuer(&grants[i])
		if doc == nil {
			continue
		}
		filled := *doc
		for _, text := range []*string{&filled.Issuer, &filled.JWKSURI} {
			*text, _, _ = expand(*text, t.name, d.main.labelsOf(t)) // which Build checked
		}
		all = append(all, d.main.issuerKeys(&filled, t.name))
	}
	return all
}

// ownIssuer returns the issuer of a grant that is not the same for all tenants.
func (d *Document) ownIssuer(grant *grantDoc) *issuerDoc {
	if grant.local != nil {
		return &grant.local.issuerDoc
	}
	n := slices.IndexFunc(d.main.doc.Issuers, func(doc issuerDoc) bool { return doc.Name == grant.name })
	if n < 0 {
		return nil
	}
	if doc := &d.main.doc.Issuers[n]; isTenantTemplate(doc.Issuer) || isTenantTemplate(doc.JWKSURI) {
		return doc
	}
	return nil
}

func (m *Main) issuerKeys(doc *issuerDoc, tenant string) IssuerKeys {
	return IssuerKeys{
		Name: doc.Name, Tenant: tenant, Issuer: doc.Issuer,
		Algorithms: doc.Algorithms, Deny: doc.Keys.Deny, Source: m.keySource(doc),
	}
}
