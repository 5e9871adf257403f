package config

import (
	"fmt"
	"slices"
)

// reserved are the issuers of the main file that no tenant file defines again. A
// tenant that had one by a definition of its own would keep those out that come to
// it by the main file's, which was there before any tenant.
type reserved struct {
	exact  map[string][]*issuer // by identifier
	shapes []*issuer            // that stand for many
}

// reserve remembers an issuer of the main file.
func (r *reserved) reserve(known *issuer) {
	if known.doc.Issuer == "" {
		return // reported
	}
	if known.covers != nil {
		r.shapes = append(r.shapes, known)
		return
	}
	if r.exact == nil {
		r.exact = map[string][]*issuer{}
	}
	r.exact[known.doc.Issuer] = append(r.exact[known.doc.Issuer], known)
}

// reservedFor returns the issuer of the main file that has the identifier of this
// definition of the tenant file's own, or makes it of other tenants, or nil.
func (b *Base) reservedFor(url string, doc *issuerDoc, file *TenantFile) *issuer {
	if file.main {
		return nil
	}
	for _, known := range b.reserved.exact[url] {
		if !tellsApart(known.doc, doc) {
			return known
		}
	}
	for _, known := range b.reserved.shapes {
		if !known.covers.MatchString(url) {
			continue
		}
		if !isTenantTemplate(known.doc.Issuer) {
			if !tellsApart(known.doc, doc) {
				return known
			}
			continue
		}
		if own, wrong, _ := expand(known.doc.Issuer, file.name, file.doc.Labels); wrong != "" || own != url {
			return known
		}
	}
	return nil
}

// tellsApart reports whether a definition of the tenant's own may meet that of the
// main file: a claim tells the tenants of both apart. That the tenant shares tokens
// is not enough: nobody who lists the issuer by its name said so, and one who comes
// later could not have it.
func tellsApart(known, doc *issuerDoc) bool {
	return doc.TenantClaim != nil && slices.Equal(known.TenantClaim, doc.TenantClaim)
}

// checkReserved reports an issuer of a tenant's own that is kept for others.
func (b *tenantBuilder) checkReserved(at place, url string, doc *issuerDoc) {
	known := b.base.reservedFor(url, doc, b.file)
	switch {
	case known == nil:
	case isTenantTemplate(known.doc.Issuer):
		b.problem(at.at("issuer"), fmt.Sprintf("this is kept for tenants that have it by %s of the main file, whose issuer is %s", known.doc.Name, known.doc.Issuer),
			fmt.Sprintf("write issuers: [%s] where it is this tenant's, or let the main file define it", known.doc.Name))
	default:
		b.further(at.at("issuer"), fmt.Sprintf("this issuer is %s of the main file", known.doc.Name), fmt.Sprintf("list it by its name: issuers: [%s]", known.doc.Name))
	}
}
