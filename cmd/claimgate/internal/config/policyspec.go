package config

import (
	"strings"

	"github.com/claimgate/claimgate/policy"
)

// policySpec turns the policy of a document into the spec that Compile reads.
func policySpec(doc *tenantDoc) policy.Spec {
	spec := policy.Spec{Require: conditions(doc.Require)}
	for i := range doc.Policy.Rules {
		spec.Rules = append(spec.Rules, ruleSpec(&doc.Policy.Rules[i]))
	}
	for i := range doc.Public {
		spec.Public = append(spec.Public, publicSpec(&doc.Public[i]))
	}
	return spec
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
		When:     conditions(doc.When),
	}
	if doc.Action == "allow" {
		spec.Action = policy.Allow
	}
	return spec
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
		Claim: doc.Claim, Header: strings.ToLower(doc.Header), Issuer: doc.Issuer, RemoteIP: doc.RemoteIP, Time: doc.Time,
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
