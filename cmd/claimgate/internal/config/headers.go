package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// ownHeaders gathers the names that claimgate owns: those of ownedHeaders and
// those that tenants of the main file set.
func (b *builder) ownHeaders() {
	b.names = map[string]place{}
	var names []string
	own := func(at place, name string) {
		name = strings.ToLower(name)
		if why := authz.CheckHeaderName(name); why != "" && name != "" {
			b.problem(at, "this header cannot be set: "+why, "use another name")
			return
		}
		if _, known := b.names[name]; !known && name != "" {
			b.names[name] = at
			names = append(names, name)
		}
	}
	for i, name := range b.main.doc.OwnedHeaders {
		at := place{b.main.source, fmt.Sprintf("ownedHeaders[%d]", i)}
		if _, known := b.names[strings.ToLower(name)]; known {
			b.problem(at, "this is listed twice", "remove one of them")
		}
		own(at, name)
	}
	defaults := place{b.main.source, "tenantDefaults"}
	for i, header := range b.main.doc.TenantDefaults.Headers {
		own(defaults.item("headers", i).at("name"), header.Name)
	}
	for _, t := range b.main.inline {
		for i, header := range t.doc.Headers {
			own(t.at.item("headers", i).at("name"), header.Name)
		}
	}
	b.compileOwned(names)
}

func (b *builder) compileOwned(names []string) {
	if len(names) > authz.MaxOwnedHeaders {
		b.problem(b.names[names[authz.MaxOwnedHeaders]],
			fmt.Sprintf("ownedHeaders and the tenants of this file name %d headers, and at most %d can be owned", len(names), authz.MaxOwnedHeaders), "")
		names = names[:authz.MaxOwnedHeaders]
	}
	owned, problems := authz.NewOwnedHeaders(names)
	for _, p := range problems {
		b.further(b.ownedPlace(names, p.Path), p.Message, p.Mend)
	}
	b.owned = owned
	if owned == nil {
		b.owned, _ = authz.NewOwnedHeaders(nil)
	}
}

var elementIndex = regexp.MustCompile(`^\[([0-9]{1,9})\]`)

// ownedPlace finds where the name at `[i]` comes from.
func (b *builder) ownedPlace(names []string, path string) place {
	if match := elementIndex.FindStringSubmatch(path); match != nil {
		if i, err := strconv.Atoi(match[1]); err == nil && i < len(names) {
			return b.names[names[i]]
		}
	}
	return place{b.main.source, "ownedHeaders"}
}

// headers returns the headers and metadata of a tenant: those of the defaults,
// then its own. A name that occurs in both is a mistake.
func (b *tenantBuilder) headers() ([]authz.HeaderSpec, []authz.MetadataSpec) {
	t, d := b.file, &b.base.defaults
	b.base.checkHeaders(&b.report, t.at, &t.doc.commonDoc)
	for i, header := range t.doc.Headers {
		if slices.ContainsFunc(d.headers, func(h authz.HeaderSpec) bool { return h.Name == strings.ToLower(header.Name) }) {
			b.problem(t.at.item("headers", i).at("name"), "tenantDefaults sets this header already", "remove it here, or move it from tenantDefaults to the tenants")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.doc.DynamicMetadata)) {
		if _, taken := d.doc.DynamicMetadata[name]; taken {
			b.problem(t.at.at("dynamicMetadata."+yamldoc.PathName(name)), "tenantDefaults sets this field already", "remove it here, or move it from tenantDefaults to the tenants")
		}
	}
	if len(t.doc.Headers)+len(t.doc.DynamicMetadata) == 0 {
		return d.headers, d.metadata
	}
	return slices.Concat(d.headers, headerSpecs(t.doc.Headers)), slices.Concat(d.metadata, metadataSpecs(t.doc.DynamicMetadata))
}

// checkHeaders checks headers and metadata on their own.
func (b *Base) checkHeaders(found *report, at place, doc *commonDoc) {
	var seen map[string]bool
	for i := range doc.Headers {
		header := &doc.Headers[i]
		at, name := at.item("headers", i), strings.ToLower(header.Name)
		if name != "" && seen[name] {
			found.problem(at.at("name"), "this header is set twice", "remove one of them")
		}
		if seen == nil {
			seen = map[string]bool{}
		}
		seen[name] = true
		if _, owned := b.names[name]; !owned && name != "" {
			b.notOwned(found, at.at("name"), name)
		}
		found.oneSource(at, &header.sourceDoc)
		if header.Value != nil && *header.Value == "" {
			found.problem(at.at("value"), "the value is empty, which would remove the header", "write a value, or list the name in ownedHeaders alone")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.DynamicMetadata)) {
		source := doc.DynamicMetadata[name]
		found.oneSource(at.at("dynamicMetadata."+yamldoc.PathName(name)), &source)
	}
}

// notOwned reports a header of a tenant file that the main file does not know.
// Names that can never be owned have a message of their own.
func (b *Base) notOwned(found *report, at place, name string) {
	if why := authz.CheckHeaderName(name); why != "" {
		found.further(at, "this header cannot be set: "+why, "use another name")
		return
	}
	found.problem(at, fmt.Sprintf("%s is not owned, so other tenants would let clients send it", name),
		fmt.Sprintf("add %s to ownedHeaders in %s", name, b.main.source.name))
}

func (r *report) oneSource(at place, doc *sourceDoc) {
	r.dotted(at.at("claim"), doc.Claim)
	given := 0
	for _, written := range []bool{doc.Claim != nil, doc.Mapped != "", doc.Value != nil, doc.Issuer != "", doc.Tenant != "", bool(doc.DecisionID), bool(doc.Claims)} {
		if written {
			given++
		}
	}
	if given != 1 {
		r.problem(at, "exactly one source is needed", "write one of claim, mapped, value, issuer, tenant, decisionId and claims")
	}
}

func headerSpecs(docs []headerDoc) []authz.HeaderSpec {
	encodings := map[string]authz.Encoding{"base64url": authz.Base64URL, "json": authz.JSON, "refuse": authz.Refuse}
	specs := make([]authz.HeaderSpec, len(docs))
	for i := range docs {
		header := &docs[i]
		specs[i] = authz.HeaderSpec{
			Name:         strings.ToLower(header.Name),
			Source:       sourceSpec(&header.sourceDoc),
			Join:         header.Join,
			Encoding:     encodings[header.Encoding], // percent is the zero value
			Required:     header.Required,
			OmitOversize: header.Oversize == "omit",
		}
	}
	return specs
}

func metadataSpecs(docs map[string]sourceDoc) []authz.MetadataSpec {
	specs := make([]authz.MetadataSpec, 0, len(docs))
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		source := docs[name]
		specs = append(specs, authz.MetadataSpec{Name: name, Source: sourceSpec(&source)})
	}
	return specs
}

func sourceSpec(doc *sourceDoc) authz.SourceSpec {
	return authz.SourceSpec{Claim: doc.Claim, Value: doc.Value, Issuer: doc.Issuer, Tenant: string(doc.Tenant), Mapped: doc.Mapped,
		DecisionID: bool(doc.DecisionID), Claims: bool(doc.Claims)}
}
