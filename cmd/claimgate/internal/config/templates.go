package config

import (
	"regexp"
	"slices"
	"strings"
)

// A template of an issuer holds names in braces. Those of the tenant are
// filled in at load; that of a claim is only ever compared.
var braces = regexp.MustCompile(`\{[^{}]*\}`)

// templateText is what may be filled in: no part of it is a separator of URLs,
// so that a value stays within its segment or label.
var templateText = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

var claimName = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)

// isTenantTemplate reports whether a text holds a property of the tenant.
func isTenantTemplate(text string) bool { return strings.Contains(text, "{tenant.") }

// isClaimTemplate reports whether an issuer holds a claim in braces.
func isClaimTemplate(text string) bool {
	return slices.ContainsFunc(braces.FindAllString(text, -1), func(name string) bool { return !isTenantTemplate(name) })
}

// expand fills the properties of a tenant in. It returns what is wrong, or "",
// and how to mend it.
func expand(text, tenant string, labels map[string]string) (expanded, wrong, mend string) {
	expanded = braces.ReplaceAllStringFunc(text, func(match string) string {
		name, isTenant := strings.CutPrefix(strings.Trim(match, "{}"), "tenant.")
		if !isTenant {
			return match
		}
		value := tenant
		if label, isLabel := strings.CutPrefix(name, "labels."); isLabel {
			var ok bool
			if value, ok = labels[label]; !ok {
				wrong, mend = "the issuer needs the label "+label+", which this tenant does not have", "write labels: {"+label+": ...}"
				return match
			}
		}
		if !templateText.MatchString(value) || strings.Trim(value, ".") == "" {
			wrong, mend = "the value of "+name+" cannot stand in an issuer", "use 1 to 64 of the characters A-Z a-z 0-9 . _ - and not dots alone"
			return match
		}
		return value
	})
	return expanded, wrong, mend
}

// covers returns what matches everything that a template can become: for every
// tenant, and for every value of its claim.
func covers(template string) *regexp.Regexp {
	var pattern strings.Builder
	rest := template
	for _, part := range braces.FindAllString(template, -1) {
		before, after, _ := strings.Cut(rest, part)
		pattern.WriteString(regexp.QuoteMeta(before) + `[A-Za-z0-9._-]{1,64}`)
		rest = after
	}
	return regexp.MustCompile("^" + pattern.String() + regexp.QuoteMeta(rest) + "$")
}

// checkTemplate reports what is wrong with the braces of an issuer or key URL.
func (r *report) checkTemplate(at place, text string, claims bool) {
	names := braces.FindAllString(text, -1)
	if strings.ContainsAny(braces.ReplaceAllString(text, ""), "{}") {
		r.problem(at, "the braces do not match", "write {tenant.labels.x}, or remove them")
		return
	}
	count := 0
	for _, name := range names {
		name = strings.Trim(name, "{}")
		property, isTenant := strings.CutPrefix(name, "tenant.")
		switch {
		case isTenant && !tenantRefForm.MatchString(property):
			r.problem(at, "a tenant has no such property", "write {tenant.name} or {tenant.labels.x}")
		case isTenant:
		case !claims:
			r.problem(at, "keys are never looked for by what a token says", "write {tenant.name} or {tenant.labels.x}, or a fixed URL")
		case !claimName.MatchString(name):
			r.problem(at, "this is no name of a claim", "use 1 to 64 of the characters A-Z a-z 0-9 _")
		default:
			count++
		}
	}
	if count > 1 {
		r.problem(at, "an issuer holds at most one claim", "keep one of them")
	}
}
