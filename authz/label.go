package authz

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on the labels of a tenant.
const (
	MaxLabels          = 64
	maxLabelNameBytes  = 64
	maxLabelValueBytes = 1 << 10
)

// labelPrefix is how documents name a label as a property of a tenant.
const labelPrefix = "labels."

// tenantView shows what the configuration says about a tenant to a policy.
type tenantView Tenant

// TenantName implements policy.Tenant.
func (t *tenantView) TenantName() string { return t.name }

// Label implements policy.Tenant.
func (t *tenantView) Label(name string) (value string, ok bool) {
	value, ok = t.labels[name]
	return value, ok
}

// property returns what `name` or `labels.x` stands for.
func (s *TenantSpec) property(name string) (string, bool) {
	if name == "name" {
		return s.Name, true
	}
	label, ok := strings.CutPrefix(name, labelPrefix)
	if !ok {
		return "", false
	}
	value, ok := s.Labels[label]
	return value, ok
}

// checkLabels checks the labels of a tenant.
func checkLabels(labels map[string]string, found *problems) {
	if len(labels) > MaxLabels {
		found.add("labels", "more than "+strconv.Itoa(MaxLabels)+" labels", "remove some")
		return
	}
	for _, name := range sortedKeys(labels) {
		if !isLabelName(name) {
			found.add("labels", "label "+strconv.Quote(name)+" is not named by 1 to 64 of a-z, A-Z, 0-9, `.`, `_`, `-`", "rename it")
		}
		if !isLabelValue(labels[name]) {
			found.add(labelPrefix+name, "the value is longer than "+strconv.Itoa(maxLabelValueBytes)+" bytes or not printable", "shorten it to plain text")
		}
	}
}

// checkNeeds checks that the tenant has the labels that its policy reads. A
// name that no issuer of the tenant maps is no mistake: tenants with an issuer
// of their own may have a policy in common with others, and what is not mapped
// is missing.
func checkNeeds(spec *TenantSpec, found *problems) {
	for _, label := range spec.Policy.Needs().Labels {
		if _, ok := spec.Labels[label]; !ok {
			found.add("policy", "a rule reads "+strconv.Quote(labelPrefix+label)+", which the tenant does not have",
				"add it to the labels of the tenant or correct the name")
		}
	}
}

func isLabelName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isAlphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return name != "" && len(name) <= maxLabelNameBytes
}

func isLabelValue(value string) bool {
	if len(value) > maxLabelValueBytes || !utf8.ValidString(value) {
		return false
	}
	return strings.IndexFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
