package policy

func truthOf(b bool) Truth {
	if b {
		return True
	}
	return False
}

func (t Truth) not() Truth {
	switch t {
	case True:
		return False
	case False:
		return True
	}
	return Unknown
}

// eval returns the truth of a condition in the strong three-valued logic of
// Kleene: a part that is unknown decides nothing.
func (n *node) eval(e *env) Truth {
	switch n.op {
	case opAll:
		return evalAll(n.kids, e)
	case opAny:
		return evalAny(n.kids, e)
	case opNot:
		// More scopes in the token could turn what is negated either way.
		assume := e.assume
		e.assume = false
		truth := n.kids[0].eval(e).not()
		e.assume = assume
		return truth
	case opUse:
		return n.kids[0].eval(e)
	}
	if e.assume && n.assumable {
		return True
	}
	truth, _ := n.compare(e)
	return truth
}

// evalAll is true of no conditions at all: Compile lets only a rule that says
// so have none.
func evalAll(nodes []node, e *env) Truth {
	truth := True
	for i := range nodes {
		switch nodes[i].eval(e) {
		case False:
			return False
		case Unknown:
			truth = Unknown
		}
	}
	return truth
}

func evalAny(nodes []node, e *env) Truth {
	truth := False
	for i := range nodes {
		switch nodes[i].eval(e) {
		case True:
			return True
		case Unknown:
			truth = Unknown
		}
	}
	return truth
}

// compare evaluates a comparison and says why it is unknown.
func (n *node) compare(e *env) (Truth, cause) {
	switch n.op {
	case opExists, opAbsent:
		return n.presence(e)
	case opWithin:
		return n.within(e)
	case opCEL:
		return n.cel.eval(e)
	}
	if n.left == leftTime {
		return n.clock(e)
	}
	var left, room Value
	why := n.leftValue(e, &left)
	if why != causeNone {
		return n.unresolved(why)
	}
	switch n.op {
	case opIn:
		return n.member(&left, e)
	case opContains, opContainsAny, opContainsAll:
		return n.holds(&left, e)
	case opMatches:
		return n.matches(&left)
	}
	right, why := n.right.value(e, &room)
	if why != causeNone {
		return Unknown, why
	}
	switch n.op {
	case opEquals:
		return equals(&left, right)
	case opHasScope:
		return hasScope(&left, right)
	case opPrefix, opSuffix:
		return affix(n.op, &left, right)
	case opLess, opLessEqual, opGreater, opGreaterEqual:
		return order(n.op, &left, right)
	}
	return Unknown, causeKind
}

// unresolved is the truth of a comparison whose left side has no value.
func (n *node) unresolved(why cause) (Truth, cause) {
	if why == causeMissing && n.ifPresent {
		return False, causeNone
	}
	return Unknown, why
}

// presence knows missing and null; whatever else hides a value is unknown.
func (n *node) presence(e *env) (Truth, cause) {
	var left Value
	why := n.leftValue(e, &left)
	switch why {
	case causeNone:
		return truthOf(n.op == opExists), causeNone
	case causeMissing, causeNull:
		return truthOf(n.op == opAbsent), causeNone
	}
	return Unknown, why
}

func equals(left, right *Value) (Truth, cause) {
	switch {
	case !left.isScalar():
		return Unknown, causeKind
	case left.Kind != right.Kind:
		return Unknown, causeKind | ofReference
	}
	return truthOf(equalScalars(left, right)), causeNone
}
