package policy

// member decides `in`: false is known only where an element has the type of
// the left side.
func (n *node) member(left *Value, e *env) (Truth, cause) {
	if !left.isScalar() {
		return Unknown, causeKind
	}
	kinds := n.right.set.kinds
	if n.right.kind == rightLiteral {
		if n.right.set.find(left) >= 0 {
			return True, causeNone
		}
	} else {
		list, why := n.right.list(e)
		if why != causeNone {
			return Unknown, why
		}
		for i := range list.Len() {
			v := list.At(i)
			if equalScalars(left, &v) {
				return True, causeNone
			}
			kinds = kinds.with(v.Kind)
		}
	}
	if !kinds.has(left.Kind) {
		return Unknown, causeKind
	}
	return False, causeNone
}

// list resolves a reference to a list that is not empty.
func (o *operand) list(e *env) (Elements, cause) {
	var room Value
	v, why := o.value(e, &room)
	switch {
	case why != causeNone:
		return nil, why
	case v.Kind != List:
		return nil, causeKind | ofReference
	case v.List.Len() > maxReferenced:
		return nil, causeLong | ofReference
	}
	return v.List, causeNone
}

// holds decides the operators whose left side is a list.
func (n *node) holds(left *Value, e *env) (Truth, cause) {
	switch {
	case left.Kind != List:
		return Unknown, causeKind
	case n.op == opContains:
		var room Value
		right, why := n.right.value(e, &room)
		if why != causeNone {
			return Unknown, why
		}
		return contains(left.List, right)
	case n.right.kind == rightLiteral && n.op == opContainsAny:
		return containsAnyOf(left.List, &n.right.set)
	case n.right.kind == rightLiteral:
		return containsAllOf(left.List, &n.right.set)
	}
	list, why := n.right.list(e)
	switch {
	case why != causeNone:
		return Unknown, why
	case left.List.Len() > maxCompared/list.Len():
		return Unknown, causeLong
	}
	return containsEach(n.op, left.List, list)
}

// contains looks for one scalar. An element of another type leaves a search
// without a match undecided, since the issuer may mean the same by it.
func contains(list Elements, want *Value) (Truth, cause) {
	if !want.isScalar() {
		return Unknown, causeKind | ofReference
	}
	var kinds kindSet
	for i := range list.Len() {
		v := list.At(i)
		if equalScalars(&v, want) {
			return True, causeNone
		}
		kinds = kinds.with(v.Kind)
	}
	if kinds.beyond(want.Kind) {
		return Unknown, causeElements
	}
	return False, causeNone
}

// containsAnyOf is the disjunction of contains over a literal list, in one
// pass over the other.
func containsAnyOf(list Elements, set *literalSet) (Truth, cause) {
	var kinds kindSet
	for i := range list.Len() {
		v := list.At(i)
		if set.find(&v) >= 0 {
			return True, causeNone
		}
		kinds = kinds.with(v.Kind)
	}
	for i := range set.elements {
		if kinds.beyond(set.elements[i].Kind) {
			return Unknown, causeElements
		}
	}
	return False, causeNone
}

// containsAllOf is the conjunction of contains over a literal list, in one
// pass over the other.
func containsAllOf(list Elements, set *literalSet) (Truth, cause) {
	var kinds kindSet
	var found [maxElements / 64]uint64
	for i := range list.Len() {
		v := list.At(i)
		kinds = kinds.with(v.Kind)
		if at := set.find(&v); at >= 0 {
			found[at>>6] |= 1 << (at & 63)
		}
	}
	truth, why := True, causeNone
	for i := range set.elements {
		switch {
		case found[i>>6]&(1<<(i&63)) != 0:
		case kinds.beyond(set.elements[i].Kind):
			truth, why = Unknown, causeElements
		default:
			return False, causeNone
		}
	}
	return truth, why
}

// containsEach decides containsAny and containsAll against a list of the
// request, element by element.
func containsEach(op opcode, list, wanted Elements) (Truth, cause) {
	decisive, truth, why := True, False, causeNone
	if op == opContainsAll {
		decisive, truth = False, True
	}
	for i := range wanted.Len() {
		want := wanted.At(i)
		switch t, c := contains(list, &want); t {
		case decisive:
			return decisive, causeNone
		case Unknown:
			truth, why = Unknown, c
		}
	}
	return truth, why
}
