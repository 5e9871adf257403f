package config

import "fmt"

// reservedFor returns the issuer of the main file that makes this identifier of
// tenants, other than of this one, or nil. A tenant that had it by a definition of
// its own would keep the tenant out that comes to it by the template.
func (b *Base) reservedFor(url string, file *TenantFile) *issuer {
	for _, name := range b.issuerNames {
		known := b.issuers[name]
		if known.covers == nil || !known.covers.MatchString(url) {
			continue
		}
		if own, wrong, _ := expand(known.doc.Issuer, file.name, file.doc.Labels); wrong != "" || own != url {
			return known
		}
	}
	return nil
}

// checkReserved reports an issuer of a tenant's own that is kept for others.
func (b *tenantBuilder) checkReserved(at place, url string) {
	if known := b.base.reservedFor(url, b.file); known != nil && !b.file.main {
		b.problem(at.at("issuer"), fmt.Sprintf("this is kept for tenants that have it by %s of the main file, whose issuer is %s", known.doc.Name, known.doc.Issuer),
			fmt.Sprintf("write issuers: [%s] where it is this tenant's, or let the main file define it", known.doc.Name))
	}
}
