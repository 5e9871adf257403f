package config

import "github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"

// Words that other policy languages have for fields of these documents, where
// no spelling is near enough for a guess.

// UnknownField implements yamldoc.Hinter.
func (*conditionDoc) UnknownField(name string) string {
	switch name {
	case "eq", "is", "value":
		return "write equals"
	case "oneOf", "anyOf", "values":
		return "write in for one value out of a list, containsAny for a list that has one of several"
	case "includes", "has":
		return "write contains"
	case "intersects", "includesAny":
		return "write containsAny"
	case "startsWith":
		return "write prefix"
	case "endsWith":
		return "write suffix"
	case "regex", "regexp", "pattern":
		return "write matches"
	case "scope", "scopes":
		return "write {claim: scope, hasScope: ...}"
	case "and":
		return "write all"
	case "or":
		return "write any"
	case "ne", "notEquals":
		return "write {not: {claim: ..., equals: ...}}"
	}
	return ""
}

// UnknownField implements yamldoc.Hinter.
func (*ruleDoc) UnknownField(name string) string {
	switch name {
	case "conditions", "condition", "if", "where", "claims":
		return "write when"
	case "effect", "verdict", "decision":
		return "write action"
	case "verbs", "verb":
		return "write methods"
	}
	return ""
}

// UnknownField implements yamldoc.Hinter.
func (*issuerDoc) UnknownField(name string) string {
	switch name {
	case "aud":
		return "write audiences: [...]"
	case "alg", "algs":
		return "write algorithms: [...]"
	case "url", "iss", "uri":
		return "write issuer, exactly as tokens say it in iss"
	}
	return ""
}

var _ = []yamldoc.Hinter{(*conditionDoc)(nil), (*ruleDoc)(nil), (*issuerDoc)(nil)}
