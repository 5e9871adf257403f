package policy

// String returns "deny" or "allow"; an undefined action reads "deny".
func (a Action) String() string {
	if a == Allow {
		return "allow"
	}
	return "deny"
}

// String returns the name of the outcome, as in "denied_by_rule".
func (o Outcome) String() string {
	switch o {
	case NoRule:
		return "no_rule"
	case DeniedByRule:
		return "denied_by_rule"
	case RequireFailed:
		return "require_failed"
	case ScopeMissing:
		return "scope_missing"
	case Allowed:
		return "allowed"
	}
	return "undefined"
}

// String returns "true", "false" or "unknown".
func (t Truth) String() string {
	switch t {
	case True:
		return "true"
	case False:
		return "false"
	}
	return "unknown"
}

// String returns the name of the kind, as in "number".
func (k Kind) String() string {
	switch k {
	case Missing:
		return "missing"
	case Withheld:
		return "withheld"
	case Null:
		return "null"
	case Bool:
		return "boolean"
	case Num:
		return "number"
	case String:
		return "string"
	case List:
		return "list"
	case Object:
		return "object"
	}
	return "undefined"
}
