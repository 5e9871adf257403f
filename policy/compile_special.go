package policy

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
)

// specialise compiles a string or number further where the operator needs it.
func (b *builder) specialise(at string, n *node, out *operand) *fault {
	text := out.scalar.String
	switch {
	case n.op == opHasScope && !isScopeToken(text):
		return faultf("write one scope; ask for several with one condition each", "is not one scope (RFC 6749 section 3.3): %s", quote(text))
	case n.op == opMatches:
		return b.expression(at, text, out)
	case n.op == opWithin:
		block, wrong := parseBlock(text)
		out.blocks = []netip.Prefix{block}
		return wrong
	case n.left == leftTime && isOrder(n.op):
		return compileTime(out)
	}
	return nil
}

// expression compiles the source alone first, so that no bracket of it
// can close the group that anchors it.
func (b *builder) expression(at, source string, out *operand) *fault {
	const mend = "write a regular expression in the syntax of RE2"
	size, wrong := expressionSize(source)
	if wrong != nil {
		return wrong
	}
	b.facts.program += size
	b.weighProgram(at, size)
	var err error
	if out.expr, err = regexp.Compile(`\A(?:` + source + `)\z`); err != nil {
		return faultf(mend, "cannot be anchored: %v", err)
	}
	return nil
}

// parseBlock reads a CIDR block. An IPv4 block that is written as IPv6 becomes
// an IPv4 block, since addresses are compared in that form.
func parseBlock(text string) (netip.Prefix, *fault) {
	if addr, err := netip.ParseAddr(text); err == nil {
		block := netip.PrefixFrom(addr.WithZone(""), addr.BitLen())
		return netip.Prefix{}, faultf("write "+block.String(), "is an address, not a CIDR block: %s", quote(text))
	}
	block, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, faultf("write a block such as 10.0.0.0/8", "is not a CIDR block: %s", quote(text))
	}
	if block != block.Masked() {
		return netip.Prefix{}, faultf("write "+block.Masked().String(), "has bits beyond its length: %s", quote(text))
	}
	// Masked, such a block has 96 bits or more: ::ffff:0:0 ends in a one there.
	if addr := block.Addr(); addr.Is4In6() {
		block = netip.PrefixFrom(addr.Unmap(), block.Bits()-96)
	}
	return block, nil
}

// compileTime reads an RFC 3339 time or a number of Unix seconds.
func compileTime(out *operand) *fault {
	const mend = "write a time such as 2026-01-31T00:00:00Z, or Unix seconds"
	if out.scalar.Kind == Num {
		at, ok := unixTime(out.scalar.Num)
		if !ok {
			return faultf(mend, "is not a number of Unix seconds: %s", out.scalar.Num)
		}
		out.at, out.written = at, out.scalar.Num.String()
		return nil
	}
	out.written = out.scalar.String
	at, err := time.Parse(time.RFC3339, out.written)
	if err != nil || !isTimestamp(out.written) {
		return faultf(mend, "is not a time of RFC 3339: %s", quote(out.written))
	}
	out.at = at
	return nil
}

// isTimestamp checks the form that RFC 3339 section 5.6 asks for, where
// time.Parse is lenient: it takes one digit for an hour, and a comma.
func isTimestamp(s string) bool {
	const form = "0000-00-00T00:00:00"
	if len(s) <= len(form) || !hasForm(s[:len(form)], form) {
		return false
	}
	zone := s[len(form):]
	if fraction, ok := strings.CutPrefix(zone, "."); ok {
		_, zone = leadingDigits(fraction)
	}
	return zone == "Z" || hasForm(zone, "+00:00") || hasForm(zone, "-00:00")
}

// hasForm reports whether s is form with any digits for its zeros.
func hasForm(s, form string) bool {
	if len(s) != len(form) {
		return false
	}
	for i := range len(s) {
		digit := s[i] >= '0' && s[i] <= '9'
		if form[i] == '0' && !digit || form[i] != '0' && s[i] != form[i] {
			return false
		}
	}
	return true
}

// unixTime reads whole seconds between the years 1 and 9999.
func unixTime(n Number) (time.Time, bool) {
	const first, last = -62135596800, 253402300799
	if n.Exp < 0 || n.magnitude() > 12 {
		return time.Time{}, false
	}
	var seconds int64
	for _, c := range n.Digits + strings.Repeat("0", int(n.Exp)) {
		seconds = seconds*10 + int64(c-'0')
	}
	if n.Neg {
		seconds = -seconds
	}
	return time.Unix(seconds, 0), seconds >= first && seconds <= last
}
