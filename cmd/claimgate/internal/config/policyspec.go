package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/claimgate/claimgate/policy"
)

const modeShadow = "shadow"

// namedConditions is a list of conditions that rules may use by name, in the
// order in which Compile reads them.
type namedConditions []policy.NamedCondition

// ownConditions returns named conditions in the order of their names.
func ownConditions(docs map[string]conditionDoc) namedConditions {
	specs := make(namedConditions, 0, len(docs))
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		doc := docs[name]
		specs = append(specs, policy.NamedCondition{Name: name, Condition: condition(&doc)})
	}
	return specs
}

// with returns own and, after them, those of the inherited conditions that the
// spec uses, by others of them too.
func (own namedConditions) with(inherited map[string]policy.Condition, spec *policy.Spec) namedConditions {
	if len(inherited) == 0 {
		return own
	}
	known := map[string]bool{}
	for i := range own {
		known[own[i].Name] = true
	}
	used := &uses{inherited: inherited, known: known}
	for i := range own {
		used.condition(&own[i].Condition)
	}
	for i := range spec.Rules {
		used.conditions(spec.Rules[i].When)
	}
	used.conditions(spec.Require)
	return append(own[:len(own):len(own)], used.found...)
}

// uses gathers the inherited conditions that others use.
type uses struct {
	inherited map[string]policy.Condition
	known     map[string]bool
	found     namedConditions
}

func (u *uses) conditions(list []policy.Condition) {
	for i := range list {
		u.condition(&list[i])
	}
}

func (u *uses) condition(c *policy.Condition) {
	if used, ok := u.inherited[c.Use]; ok && !u.known[c.Use] {
		u.known[c.Use] = true
		u.found = append(u.found, policy.NamedCondition{Name: c.Use, Condition: used})
		u.condition(&used)
	}
	u.conditions(c.All)
	u.conditions(c.Any)
	if c.Not != nil {
		u.condition(c.Not)
	}
}

func ruleSpecs(docs []ruleDoc) []policy.RuleSpec {
	specs := make([]policy.RuleSpec, 0, len(docs))
	for i := range docs {
		specs = append(specs, ruleSpec(&docs[i]))
	}
	return specs
}

func ruleSpec(doc *ruleDoc) policy.RuleSpec {
	spec := policy.RuleSpec{
		Name:     doc.Name,
		Methods:  doc.Methods,
		Paths:    doc.Paths,
		NotPaths: doc.NotPaths,
		Upgrades: doc.Upgrades,
		Issuers:  doc.Issuers,
		AnyToken: doc.AnyToken,
		Shadow:   doc.Mode == modeShadow,
		When:     conditions(doc.When),
	}
	if doc.Action == "allow" {
		spec.Action = policy.Allow
	}
	return spec
}

func publicSpecs(docs []publicDoc) []policy.PublicSpec {
	specs := make([]policy.PublicSpec, 0, len(docs))
	for i := range docs {
		specs = append(specs, publicSpec(&docs[i]))
	}
	return specs
}

func publicSpec(doc *publicDoc) policy.PublicSpec {
	spec := policy.PublicSpec{
		Name:                 doc.Name,
		Methods:              doc.Methods,
		Paths:                doc.Paths,
		NotPaths:             doc.NotPaths,
		ForwardAuthorization: doc.ForwardAuthorization,
	}
	if doc.Token == "optional" {
		spec.Token = policy.TokenOptional
	}
	return spec
}

func conditions(docs []conditionDoc) []policy.Condition {
	if docs == nil {
		return nil
	}
	specs := make([]policy.Condition, len(docs))
	for i := range docs {
		specs[i] = condition(&docs[i])
	}
	return specs
}

func condition(doc *conditionDoc) policy.Condition {
	spec := policy.Condition{
		Claim: doc.Claim, Mapped: doc.Mapped, Tenant: string(doc.Tenant), Principal: doc.Principal, CEL: doc.CEL, Use: doc.Use,
		Header: strings.ToLower(doc.Header), Issuer: doc.Issuer, RemoteIP: doc.RemoteIP, Time: doc.Time,
		Equals: doc.Equals.spec, In: doc.In.spec,
		Contains: doc.Contains.spec, ContainsAny: doc.ContainsAny.spec, ContainsAll: doc.ContainsAll.spec,
		HasScope: doc.HasScope.spec, Prefix: doc.Prefix.spec, Suffix: doc.Suffix.spec, Matches: doc.Matches.spec,
		LessThan: doc.Lt.spec, LessOrEqual: doc.Lte.spec, GreaterThan: doc.Gt.spec, GreaterOrEqual: doc.Gte.spec,
		Within: doc.Within.spec,
		Exists: bool(doc.Exists), Absent: bool(doc.Absent),
		All: conditions(doc.All), Any: conditions(doc.Any),
		IfPresent: doc.IfPresent,
	}
	if doc.Not != nil {
		inner := condition(doc.Not)
		spec.Not = &inner
	}
	return spec
}
