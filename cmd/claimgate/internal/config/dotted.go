package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
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
// claim on either side.
func haveDots(list []conditionDoc) bool {
	return slices.ContainsFunc(list, func(doc conditionDoc) bool {
		return hasDot(doc.Claim) || haveDots(doc.All) || haveDots(doc.Any) || doc.Not != nil && haveDots([]conditionDoc{*doc.Not}) ||
			slices.ContainsFunc(doc.claimOperands(), func(o claimOperand) bool { return hasDot(o.claim) })
	})
}

// claimOperand is a claim on the right side of a condition.
type claimOperand struct {
	field string
	claim claimPath
}

func (doc *conditionDoc) claimOperands() (claims []claimOperand) {
	for _, right := range []struct {
		field string
		operand
	}{
		{"equals", doc.Equals}, {"in", doc.In}, {"contains", doc.Contains}, {"containsAny", doc.ContainsAny}, {"containsAll", doc.ContainsAll},
		{"hasScope", doc.HasScope}, {"prefix", doc.Prefix}, {"suffix", doc.Suffix}, {"matches", doc.Matches},
		{"lt", doc.Lt}, {"lte", doc.Lte}, {"gt", doc.Gt}, {"gte", doc.Gte}, {"within", doc.Within},
	} {
		if right.spec != nil && right.spec.Claim != nil {
			claims = append(claims, claimOperand{right.field, right.spec.Claim})
		}
	}
	return claims
}

// dottedPolicy warns of such claims in the conditions of rules and in those that
// have a name.
func (r *report) dottedPolicy(at place, rules []ruleDoc, named map[string]conditionDoc) {
	for i := range rules {
		if haveDots(rules[i].When) { // before its place is made
			r.dottedConditions(at.item("rules", i).at("when"), rules[i].When)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if doc := named[name]; haveDots([]conditionDoc{doc}) {
			r.dottedCondition(at.at("namedConditions."+yamldoc.PathName(name)), &doc)
		}
	}
}

// dottedConditions warns of such claims in a list of conditions.
func (r *report) dottedConditions(at place, list []conditionDoc) {
	if !haveDots(list) {
		return
	}
	for i := range list {
		r.dottedCondition(at.at(fmt.Sprintf("[%d]", i)), &list[i])
	}
}

func (r *report) dottedCondition(at place, doc *conditionDoc) {
	r.dotted(at.at("claim"), doc.Claim)
	for _, right := range doc.claimOperands() {
		r.dotted(at.at(right.field+".claim"), right.claim)
	}
	r.dottedConditions(at.at("all"), doc.All)
	r.dottedConditions(at.at("any"), doc.Any)
	if doc.Not != nil {
		r.dottedCondition(at.at("not"), doc.Not)
	}
}
