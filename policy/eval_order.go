package policy

func order(op opcode, left, right *Value) (Truth, cause) {
	switch {
	case left.Kind != Num:
		return Unknown, causeKind
	case right.Kind != Num:
		return Unknown, causeKind | ofReference
	}
	return ordered(op, left.Num.compare(right.Num)), causeNone
}

// ordered reads the outcome of a comparison: negative, zero or positive.
func ordered(op opcode, c int) Truth {
	switch op {
	case opLess:
		return truthOf(c < 0)
	case opLessEqual:
		return truthOf(c <= 0)
	case opGreater:
		return truthOf(c > 0)
	case opGreaterEqual:
		return truthOf(c >= 0)
	}
	return Unknown
}

// clock compares the time of the request with a literal time.
func (n *node) clock(e *env) (Truth, cause) {
	if e.in.Now.IsZero() {
		return Unknown, causeNoClock
	}
	return ordered(n.op, e.in.Now.Compare(n.right.at)), causeNone
}

// within looks the address up in the blocks. An IPv4 address that is written
// as IPv6 is an IPv4 address; a zone names no block, and netip would let it
// match none.
func (n *node) within(e *env) (Truth, cause) {
	addr := e.in.RemoteIP
	if !addr.IsValid() {
		if n.ifPresent {
			return False, causeNone
		}
		return Unknown, causeNoAddress
	}
	addr = addr.Unmap().WithZone("")
	for i := range n.right.blocks {
		if n.right.blocks[i].Contains(addr) {
			return True, causeNone
		}
	}
	return False, causeNone
}
