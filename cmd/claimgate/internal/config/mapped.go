package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// mappedRead is a place that reads a claim by its mapped name.
type mappedRead struct {
	at   place
	name string
}

// checkMapped wants what the tenant's own document reads to be mapped. What it
// shares with others may read more: that is missing then.
func (b *tenantBuilder) checkMapped() {
	reads := b.mappedReads()
	if len(reads) == 0 || b.broken {
		return
	}
	mapped := b.mapped()
	for _, read := range reads {
		if !slices.Contains(mapped, read.name) {
			b.problem(read.at, fmt.Sprintf("no issuer of the tenant maps %.64q", read.name),
				cmp.Or(yamldoc.Suggest(read.name, mapped), "write claimMappings at an issuer, or correct the name"))
		}
	}
}

// mapped returns the names that some issuer of the tenant maps, sorted.
func (b *tenantBuilder) mapped() []string {
	names := map[string]bool{}
	for _, grant := range own(b.file.doc.Issuers, b.base.defaults.doc.Issuers) {
		var mappings map[string]claimPath
		if grant.local != nil {
			mappings = grant.local.ClaimMappings
		} else if known := b.base.issuers[grant.name]; known != nil {
			mappings = known.doc.ClaimMappings
		}
		for name := range mappings {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (b *tenantBuilder) mappedReads() []mappedRead {
	at, doc := b.file.at, b.file.doc
	var reads []mappedRead
	add := func(at place, name string) {
		if name != "" {
			reads = append(reads, mappedRead{at.at("mapped"), name})
		}
	}
	for i := range doc.Headers {
		add(at.item("headers", i), doc.Headers[i].Mapped)
	}
	for _, name := range slices.Sorted(maps.Keys(doc.DynamicMetadata)) {
		add(at.at("dynamicMetadata."+yamldoc.PathName(name)), doc.DynamicMetadata[name].Mapped)
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Policy.NamedConditions)) {
		named := doc.Policy.NamedConditions[name]
		eachCondition(at.at("policy."+namedPath(name, "")), &named, add)
	}
	for i := range doc.Policy.Rules {
		eachOf(at.item("policy.rules", i), "when", doc.Policy.Rules[i].When, add)
	}
	eachOf(at, "require", doc.Require, add)
	return reads
}

func eachOf(at place, list string, docs []conditionDoc, add func(at place, name string)) {
	for i := range docs {
		eachCondition(at.item(list, i), &docs[i], add)
	}
}

func eachCondition(at place, doc *conditionDoc, add func(at place, name string)) {
	add(at, doc.Mapped)
	eachOf(at, "all", doc.All, add)
	eachOf(at, "any", doc.Any, add)
	if doc.Not != nil {
		eachCondition(at.at("not"), doc.Not, add)
	}
}
