package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// dottedForm is how a path into claims is written elsewhere, and how hardly any
// claim is called: names with dots are URLs as a rule.
var dottedForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,31}(\.[A-Za-z_][A-Za-z0-9_-]{0,31}){1,7}$`)

// dotted warns of a claim that reads like a path and is a name. As a list of one
// name it is meant.
func (r *report) dotted(at place, claim claimPath) {
	if !hasDot(claim) || !dottedForm.MatchString(claim[0]) || r.written(at.at("[0]")) {
		return
	}
	r.warn(at, fmt.Sprintf("%q is the name of one claim with a dot in it", claim[0]),
		fmt.Sprintf("write it as a list: [%s] for the claim within another, or [%q] if the dot is meant", strings.ReplaceAll(claim[0], ".", ", "), claim[0]))
}

// hasDot tells the few that are worth a look, before their places are made.
func hasDot(claim claimPath) bool { return len(claim) == 1 && strings.IndexByte(claim[0], '.') > 0 }

// haveDots reports whether some condition of a list, at any depth, has such a
// claim.
func haveDots(list []conditionDoc) bool {
	return slices.ContainsFunc(list, func(doc conditionDoc) bool {
		return hasDot(doc.Claim) || haveDots(doc.All) || haveDots(doc.Any) || doc.Not != nil && haveDots([]conditionDoc{*doc.Not})
	})
}

// dottedRules warns of such claims in the conditions of rules.
func (r *report) dottedRules(at place, rules []ruleDoc) {
	for i := range rules {
		if haveDots(rules[i].When) {
			r.dottedConditions(at.item("rules", i).at("when"), rules[i].When)
		}
	}
}

func (r *report) dottedConditions(at place, list []conditionDoc) {
	for i := range list {
		r.dottedCondition(at.at(fmt.Sprintf("[%d]", i)), &list[i])
	}
}

func (r *report) dottedCondition(at place, doc *conditionDoc) {
	r.dotted(at.at("claim"), doc.Claim)
	r.dottedConditions(at.at("all"), doc.All)
	r.dottedConditions(at.at("any"), doc.Any)
	if doc.Not != nil {
		r.dottedCondition(at.at("not"), doc.Not)
	}
}
