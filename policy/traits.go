package policy

// traits says what an operator may stand between.
type traits struct {
	name     string
	lefts    []leftKind
	literals kindSet
	refs     []rightKind
	wants    string // the literal, in words
}

// operatorTraits describes the operators that take a right side.
func operatorTraits(op opcode) traits {
	texts := []leftKind{leftClaim, leftHeader, leftMapped, leftPrincipal, leftIssuerName, leftIssuerURL, leftTenantName, leftTenantLabel}
	anyRef := []rightKind{rightCapture, rightHeader, rightClaim, rightTenantName, rightTenantLabel}
	claimRef := []rightKind{rightClaim}
	str := kindSet(0).with(String)
	list := kindSet(0).with(List)
	num := kindSet(0).with(Num)
	scalar := str.with(Num).with(Bool)
	claim := []leftKind{leftClaim, leftMapped}
	name := operatorName(op)
	switch op {
	case opEquals:
		return traits{name, texts, scalar, anyRef, "a string, a number or a boolean"}
	case opIn:
		return traits{name, texts, list, claimRef, "a list of strings, numbers or booleans"}
	case opContains:
		return traits{name, claim, scalar, anyRef, "a string, a number or a boolean"}
	case opContainsAny, opContainsAll:
		return traits{name, claim, list, claimRef, "a list of strings, numbers or booleans"}
	case opHasScope:
		return traits{name, texts[:3], str, anyRef, "one scope"}
	case opPrefix, opSuffix:
		return traits{name, texts, str, anyRef, "a string"}
	case opMatches:
		return traits{name, texts, str, nil, "a regular expression"}
	case opLess, opLessEqual, opGreater, opGreaterEqual:
		return traits{name, []leftKind{leftClaim, leftMapped, leftTime}, num.with(String), claimRef, "a number"}
	case opWithin:
		return traits{name, []leftKind{leftRemoteIP}, list.with(String), nil, "a list of CIDR blocks"}
	case opExists, opAbsent:
		return traits{name: name, lefts: texts[:4]}
	}
	return traits{name: name}
}

func operatorName(op opcode) string {
	switch op {
	case opAll:
		return "all"
	case opAny:
		return "any"
	case opNot:
		return "not"
	case opEquals:
		return "equals"
	case opIn:
		return "in"
	case opContains:
		return "contains"
	case opContainsAny:
		return "containsAny"
	case opContainsAll:
		return "containsAll"
	case opHasScope:
		return "hasScope"
	case opPrefix:
		return "prefix"
	case opSuffix:
		return "suffix"
	case opMatches:
		return "matches"
	case opWithin:
		return "within"
	case opExists:
		return "exists"
	case opAbsent:
		return "absent"
	case opUse:
		return "use"
	case opCEL:
		return "cel"
	}
	return orderName(op)
}

func orderName(op opcode) string {
	switch op {
	case opLess:
		return "lt"
	case opLessEqual:
		return "lte"
	case opGreater:
		return "gt"
	case opGreaterEqual:
		return "gte"
	}
	return ""
}

// writtenOperator is an operator of a Condition that was written.
type writtenOperator struct {
	op      opcode
	operand *Operand // nil for exists and absent
}

func writtenOperators(c *Condition) []writtenOperator {
	all := [...]writtenOperator{
		{opEquals, c.Equals}, {opIn, c.In}, {opContains, c.Contains},
		{opContainsAny, c.ContainsAny}, {opContainsAll, c.ContainsAll},
		{opHasScope, c.HasScope}, {opPrefix, c.Prefix}, {opSuffix, c.Suffix},
		{opMatches, c.Matches}, {opLess, c.LessThan}, {opLessEqual, c.LessOrEqual},
		{opGreater, c.GreaterThan}, {opGreaterEqual, c.GreaterOrEqual}, {opWithin, c.Within},
	}
	var out []writtenOperator
	for _, w := range all {
		if w.operand != nil {
			out = append(out, w)
		}
	}
	if c.Exists {
		out = append(out, writtenOperator{op: opExists})
	}
	if c.Absent {
		out = append(out, writtenOperator{op: opAbsent})
	}
	return out
}

// writtenLefts returns the fields of the left sides that were written.
func writtenLefts(c *Condition) []string {
	var out []string
	if c.Claim != nil {
		out = append(out, "claim")
	}
	for _, f := range [...]struct{ name, value string }{
		{"mapped", c.Mapped}, {"header", c.Header}, {"tenant", c.Tenant}, {"issuer", c.Issuer},
		{"remoteIp", c.RemoteIP}, {"principal", c.Principal}, {"time", c.Time},
	} {
		if f.value != "" {
			out = append(out, f.name)
		}
	}
	return out
}

// writtenWholes returns what was written that is a condition without a left
// side: combinators, a use and an expression. A list that is there and empty
// counts.
func writtenWholes(c *Condition) []opcode {
	var out []opcode
	if c.All != nil {
		out = append(out, opAll)
	}
	if c.Any != nil {
		out = append(out, opAny)
	}
	if c.Not != nil {
		out = append(out, opNot)
	}
	if c.Use != "" {
		out = append(out, opUse)
	}
	if c.CEL != "" {
		out = append(out, opCEL)
	}
	return out
}
