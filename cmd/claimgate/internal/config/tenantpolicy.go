package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/claimgate/claimgate/policy"
)

// policy puts the tenant's policy together: that of the defaults, then the
// policies that it uses, then its own rules. It is nil where something is wrong
// with it.
func (b *tenantBuilder) policy() *policy.Policy {
	t, d := b.file, &b.base.defaults
	doc := &t.doc.Policy
	before := b.mistakes()
	parts := slices.Clone(d.parts)
	parts = append(parts, b.base.used(&b.report, t.at, doc.Use, d.use)...)
	own, inherited := ownConditions(doc.NamedConditions), d.named
	if len(doc.Use) > 0 {
		inherited = maps.Clone(d.named)
		b.base.inheritAll(&b.report, t.at, slices.DeleteFunc(slices.Clone(doc.Use), func(name string) bool { return slices.Contains(d.use, name) }), inherited)
	}
	b.base.ownNames(&b.report, t.at, own, inherited)
	b.checkRuleIssuers(t.at.at("policy"), doc.Rules, b.issuerNames(), "issuer of this tenant")
	b.dottedPolicy(t.at.at("policy"), doc.Rules, doc.NamedConditions)
	b.dottedConditions(t.at.at("require"), t.doc.Require)
	paths := policyPaths{doc.NamedConditions, "policy"}
	if len(doc.Rules)+len(own) > 0 {
		spec := policy.Spec{Rules: ruleSpecs(doc.Rules)}
		spec.Named = own.with(inherited, &spec)
		own := b.base.part(&b.report, t.at, paths, spec)
		b.weigh(own.policy, t.at.at("policy"))
		parts = append(parts, own)
	}
	requirement, public := d.require, d.public
	if t.doc.Require != nil {
		requirement = b.base.requirePart(&b.report, t.at, paths, requireSpec(t.doc.Require, own, inherited))
		if b.bounds != nil {
			for _, own := range requirement {
				b.weigh(own.policy, t.at.at("require"))
			}
			requirement = slices.Concat(d.require, requirement)
		}
	}
	if t.doc.Public != nil {
		public = b.base.publicPart(&b.report, t.at, t.doc.Public)
	}
	complete := !slices.ContainsFunc(parts, func(p part) bool { return p.policy == nil })
	parts = append(compiledParts(parts), slices.Concat(requirement, public)...)
	joined, problems := b.base.policies.join(parts)
	for _, p := range problems {
		b.further(b.partPlace(parts, p.Path), p.Message, p.Mend)
	}
	if !complete || b.mistakes() > before {
		return nil
	}
	return joined
}

// partPlace finds the place of a problem that parts have with each other.
func (b *tenantBuilder) partPlace(parts []part, path string) place {
	i, rest, ok := indexed("parts", path)
	if !ok || i >= len(parts) {
		return b.file.at.at("policy")
	}
	at := parts[i].at
	if at == b.file.at.at("policy") && rest != "" {
		return at.at(rest)
	}
	if at.source == b.file.at.source {
		return at
	}
	return b.file.at.at("policy")
}

// issuerNames returns the names by which rules of the tenant refer to issuers.
func (b *tenantBuilder) issuerNames() []string {
	docs := own(b.file.doc.Issuers, b.base.defaults.doc.Issuers)
	names := make([]string, len(docs))
	for i := range docs {
		names[i] = docs[i].name
	}
	return names
}

// warnings are about what works but is seldom meant.
func (b *tenantBuilder) warnings() {
	t, d := b.file, &b.base.defaults
	rules := t.doc.Policy.Rules
	if !allows(rules) && !d.allows && !slices.ContainsFunc(t.doc.Policy.Use, b.base.allowsByName) {
		b.warn(t.at.at("policy"), "no rule allows anything, so every request that is not public is denied", "")
	}
	if len(b.issuerNames()) < 2 {
		return
	}
	for i, rule := range rules {
		if rule.Action == "allow" && len(rule.Issuers) == 0 {
			b.warn(t.at.item("policy.rules", i), "the tenant has several issuers, and this rule allows tokens of each of them", "name issuers")
		}
	}
	fromIssuer := func(h headerDoc) bool { return h.Issuer != "" }
	if slices.ContainsFunc(t.doc.Headers, fromIssuer) || slices.ContainsFunc(d.doc.Headers, fromIssuer) {
		return
	}
	for i, header := range t.doc.Headers {
		if slices.Equal(header.Claim, claimPath{"sub"}) {
			b.warn(t.at.item("headers", i), "two issuers may give one sub to different people", "add a header with issuer: name beside it")
		}
	}
	for _, header := range d.doc.Headers {
		if slices.Equal(header.Claim, claimPath{"sub"}) {
			b.warn(t.at.at("issuers"), fmt.Sprintf("two issuers may give one sub to different people, and %s of tenantDefaults holds nothing else", header.Name), "add a header with issuer: name beside it")
		}
	}
}
