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
	"github.com/claimgate/claimgate/policy"
)

// defaults is what every tenant has, compiled once.
type defaults struct {
	doc      *commonDoc
	at       place
	parts    []part                      // of its policy
	use      []string                    // names of the policies among them
	named    map[string]policy.Condition // conditions that rules of tenants may use
	require  []part                      // where a tenant writes none; at most one
	public   []part
	allows   bool // some rule allows something
	headers  []authz.HeaderSpec
	metadata []authz.MetadataSpec
}

// namedPart is a policy of the main file.
type namedPart struct {
	doc   *namedPolicy
	part  part // its policy is nil where something is wrong
	named namedConditions
}

// compilePolicies compiles each policy that tenants use by name.
func (b *builder) compilePolicies() {
	for i := range b.main.doc.Policies {
		doc := &b.main.doc.Policies[i]
		at := place{b.main.source, fmt.Sprintf("policies[%d]", i)}
		b.checkName(at.at("name"), doc.Name)
		if b.named[doc.Name] != nil {
			b.problem(at.at("name"), fmt.Sprintf("another policy is called %s too", doc.Name), "rename one of them")
			continue
		}
		b.checkRuleIssuers(at, doc.Rules, b.issuerNames, "issuer")
		b.dottedPolicy(at, doc.Rules, doc.NamedConditions)
		own := ownConditions(doc.NamedConditions)
		known := &namedPart{doc: doc, named: own}
		b.named[doc.Name] = known
		known.part = b.part(&b.report, at, policyPaths{doc.NamedConditions, ""}, policy.Spec{Named: own, Rules: ruleSpecs(doc.Rules)})
	}
}

// compileDefaults compiles what all tenants have in common.
func (b *builder) compileDefaults() {
	doc := &b.main.doc.TenantDefaults.commonDoc
	d := &b.defaults
	d.doc, d.at, d.named = doc, place{b.main.source, "tenantDefaults"}, map[string]policy.Condition{}
	b.checkGrants(d.at, doc.Issuers)
	b.checkEntryNames(&b.report, d.at, doc.Entries)
	b.once(d.at.at("pathRelaxations"), doc.PathRelaxations)
	b.checkHeaders(&b.report, d.at, doc)

	d.use = doc.Policy.Use
	d.parts = b.used(&b.report, d.at, doc.Policy.Use, nil)
	b.inheritAll(&b.report, d.at, d.use, d.named)
	own := ownConditions(doc.Policy.NamedConditions)
	b.checkRuleIssuers(d.at.at("policy"), doc.Policy.Rules, b.issuerNames, "issuer")
	b.dottedPolicy(d.at.at("policy"), doc.Policy.Rules, doc.Policy.NamedConditions)
	b.dottedConditions(d.at.at("require"), doc.Require)
	paths := policyPaths{doc.Policy.NamedConditions, "policy"}
	spec := policy.Spec{Rules: ruleSpecs(doc.Policy.Rules)}
	spec.Named = own.with(d.named, &spec)
	if len(own)+len(spec.Rules) > 0 {
		d.parts = append(d.parts, b.part(&b.report, d.at, paths, spec))
	}
	b.ownNames(&b.report, d.at, own, d.named)
	for _, condition := range own {
		d.named[condition.Name] = condition.Condition
	}
	d.require = b.requirePart(&b.report, d.at, paths, requireSpec(doc.Require, own, d.named))
	d.public = b.publicPart(&b.report, d.at, doc.Public)
	d.parts = compiledParts(d.parts)
	d.allows = allows(doc.Policy.Rules) || slices.ContainsFunc(d.use, b.allowsByName)
	whole, problems := b.policies.join(slices.Concat(d.parts, d.require, d.public))
	for _, p := range problems {
		b.further(d.at.at("policy"), p.Message, p.Mend)
	}
	d.headers, d.metadata = headerSpecs(doc.Headers), metadataSpecs(doc.DynamicMetadata)
	b.probe(whole)
}

// probe compiles headers and metadata of the defaults for a tenant that lacks
// nothing, so that what is wrong with them is said once.
func (b *builder) probe(whole *policy.Policy) {
	d := &b.defaults
	spec := authz.TenantSpec{Name: "tenantDefaults", Labels: map[string]string{}, Policy: whole, Headers: d.headers, Metadata: d.metadata, Owned: b.owned}
	for _, header := range d.headers {
		spec.Labels[tenantRef(header.Source.Tenant).label()] = "x"
	}
	for _, field := range d.metadata {
		spec.Labels[tenantRef(field.Source.Tenant).label()] = "x"
	}
	names := slices.Sorted(maps.Keys(d.doc.DynamicMetadata))
	_, problems := authz.NewTenant(spec)
	for _, p := range problems {
		if below("headers", p.Path) {
			b.further(d.at.at(p.Path), p.Message, p.Mend)
		} else if i, rest, ok := indexed("dynamicMetadata", p.Path); ok && i < len(names) {
			b.further(d.at.at("dynamicMetadata."+yamldoc.PathName(names[i])).at(strings.TrimSuffix(rest, "name")), p.Message, p.Mend)
		}
	}
}

// checkGrants checks issuers of the defaults, which are those of the main file.
func (b *builder) checkGrants(at place, grants []grantDoc) {
	for i := range grants {
		at, grant := at.item("issuers", i), &grants[i]
		known := b.issuers[grant.name]
		switch {
		case grant.local != nil:
			b.problem(at, "an issuer that all tenants have belongs to the issuers of the file", "define it under issuers, and write its name here")
		case grant.ref != nil && grant.ref.Audiences != nil:
			b.problem(at.at("audiences"), "all tenants would have the same part of the audiences", "write audiences in the tenant")
		case known == nil && grant.name != "":
			b.known(at, "issuer", grant.name, b.issuerNames)
		case slices.ContainsFunc(grants[:i], func(g grantDoc) bool { return g.name == grant.name }) && grant.name != "":
			b.problem(at, "this is listed twice", "remove one of them")
		default:
			b.checkUntil(at, grant, b.now())
		}
	}
}

func (r *report) checkRuleIssuers(at place, rules []ruleDoc, known []string, what string) {
	for i, rule := range rules {
		for k, name := range rule.Issuers {
			r.known(at.at(fmt.Sprintf("rules[%d].issuers[%d]", i, k)), what, name, known)
		}
	}
}

// used returns the policies of those names, but for those that are known to be
// used already.
func (b *Base) used(found *report, at place, names, already []string) []part {
	at = at.at("policy.use")
	var parts []part
	for i, name := range names {
		known := b.named[name]
		switch {
		case known == nil:
			found.known(at.at(fmt.Sprintf("[%d]", i)), "policy", name, b.policyNames())
		case slices.Contains(already, name):
			found.problem(at.at(fmt.Sprintf("[%d]", i)), "tenantDefaults uses this policy already", "remove it here")
		case slices.Contains(names[:i], name):
			found.problem(at.at(fmt.Sprintf("[%d]", i)), "this is listed twice", "remove one of them")
		default:
			piece := known.part
			piece.at = at.at(fmt.Sprintf("[%d]", i))
			parts = append(parts, piece)
		}
	}
	return parts
}

func (b *Base) policyNames() []string { return slices.Sorted(maps.Keys(b.named)) }

// inheritAll adds the conditions of named policies, so that rules beside them
// may use these too.
func (b *Base) inheritAll(found *report, at place, names []string, conditions map[string]policy.Condition) {
	for i, name := range names {
		known := b.named[name]
		if known == nil || slices.Contains(names[:i], name) {
			continue
		}
		for _, condition := range known.named {
			if _, taken := conditions[condition.Name]; taken {
				found.problem(at.at(fmt.Sprintf("policy.use[%d]", i)), fmt.Sprintf("this policy names a condition %s, and so does another part of the policy", condition.Name), "rename one of them")
			}
			conditions[condition.Name] = condition.Condition
		}
	}
}

// ownNames reports own conditions that have the name of an inherited one.
func (b *Base) ownNames(found *report, at place, own namedConditions, inherited map[string]policy.Condition) {
	for _, condition := range own {
		if _, taken := inherited[condition.Name]; taken {
			found.problem(at.at("policy."+namedPath(condition.Name, "")), fmt.Sprintf("another part of the policy names a condition %s too", condition.Name), "rename one of them")
		}
	}
}

func (b *Base) allowsByName(name string) bool {
	known := b.named[name]
	return known != nil && allows(known.doc.Rules)
}

func allows(rules []ruleDoc) bool {
	return slices.ContainsFunc(rules, func(r ruleDoc) bool { return r.Action == "allow" && r.Mode != modeShadow })
}

// part compiles one part of a policy.
func (b *Base) part(found *report, at place, paths policyPaths, spec policy.Spec) part {
	compiled, id, problems := b.policies.compile(&spec)
	for _, p := range problems {
		if path, ok := paths.find(p.Path); ok {
			found.further(at.at(path), p.Message, p.Mend)
		}
	}
	return part{policy: compiled, id: id, at: at.at(paths.below)}
}

// requireSpec is the policy of `require` alone.
func requireSpec(docs []conditionDoc, own namedConditions, inherited map[string]policy.Condition) policy.Spec {
	spec := policy.Spec{Require: conditions(docs)}
	spec.Named = own.with(inherited, &spec)
	return spec
}

func (b *Base) requirePart(found *report, at place, paths policyPaths, spec policy.Spec) []part {
	if len(spec.Require) == 0 {
		return nil
	}
	return compiledParts([]part{b.part(found, at, paths, spec)})
}

func (b *Base) publicPart(found *report, at place, docs []publicDoc) []part {
	if len(docs) == 0 {
		return nil
	}
	return compiledParts([]part{b.part(found, at, policyPaths{}, policy.Spec{Public: publicSpecs(docs)})})
}

// compiledParts drops the parts that something is wrong with.
func compiledParts(parts []part) []part {
	return slices.DeleteFunc(parts, func(p part) bool { return p.policy == nil })
}

// policyPaths turns paths of a compiled part into paths of its document.
type policyPaths struct {
	named map[string]conditionDoc // whose names are indexes in a spec
	below string                  // field that holds rules and named conditions
}

// find returns the path in the document. Conditions that were inherited have
// none: what is wrong with them was said where they stand.
func (p policyPaths) find(path string) (string, bool) {
	inner := path
	if i, rest, ok := namedIndex(path); ok {
		names := slices.Sorted(maps.Keys(p.named))
		if i >= len(names) {
			return "", false
		}
		inner = namedPath(names[i], rest)
	} else if !strings.HasPrefix(path, "rules") && path != "namedConditions" {
		return path, true
	}
	if p.below == "" {
		return inner, true
	}
	return p.below + "." + inner, true
}

var namedForm = regexp.MustCompile(`^namedConditions\[([0-9]{1,9})\](.*)$`)

func namedIndex(path string) (index int, rest string, ok bool) {
	match := namedForm.FindStringSubmatch(path)
	if match == nil {
		return 0, "", false
	}
	index, err := strconv.Atoi(match[1])
	return index, match[2], err == nil
}

func namedPath(name, rest string) string {
	return "namedConditions." + yamldoc.PathName(name) + strings.TrimSuffix(rest, ".name")
}
