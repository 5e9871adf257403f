package policy

import (
	"net/netip"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// operand compiles a right side for the operator and left side of n.
func (b *builder) operand(at string, n *node, o *Operand) *operand {
	t := operatorTraits(n.op)
	out := &operand{}
	written := 0
	if o.Literal != nil {
		written++
		out.kind = rightLiteral
		b.literal(at, n, o.Literal, out)
	}
	if o.Path != "" {
		written++
		out.kind, out.name = rightCapture, o.Path
		b.captured(at+".path", o.Path)
	}
	if o.Header != "" {
		written++
		out.kind, out.name = rightHeader, b.headerName(at+".header", o.Header)
	}
	if o.Claim != nil {
		written++
		out.kind, out.claim = rightClaim, b.claimPath(at+".claim", o.Claim)
	}
	switch {
	case written != 1:
		b.addf(at, "write exactly one of a value, path, header and claim", "has %s", count(written, "right side"))
	case out.kind != rightLiteral && (n.left == leftTime || len(t.refs) == 0):
		b.addf(at, "write the value itself", "cannot refer to something else")
	case out.kind != rightLiteral && !slices.Contains(t.refs, out.kind):
		b.addf(at, "refer to a claim, or write "+t.wants, "refers to a string, which %s cannot compare with", t.name)
	}
	return out
}

// captured checks that each path pattern of the rule captures name.
func (b *builder) captured(at, name string) {
	if len(b.paths) == 0 {
		b.addf(at, "add `paths` with {"+quoteless(name)+"} to the rule", "refers to a capture where there are no paths")
		return
	}
	for i := range b.paths {
		p := &b.paths[i]
		if _, ok := p.captureIndex(name); p.text != "" && !ok {
			b.addf(at, "capture it in every path of the rule, or correct the name", "refers to the capture %s, which path %s does not have", quote(name), p.text)
		}
	}
}

// quoteless returns a name for use in an example.
func quoteless(name string) string {
	if isIdentifier(name) {
		return name
	}
	return "name"
}

func (b *builder) literal(at string, n *node, l *Literal, out *operand) {
	t := operatorTraits(n.op)
	wants := t.wants
	kinds := t.literals
	switch {
	case n.left == leftTime:
		wants = "a time such as 2026-01-31T00:00:00Z, or Unix seconds"
	case isOrder(n.op):
		kinds = kindSet(0).with(Num)
	case kinds.has(Num) && n.left != leftClaim:
		wants, kinds = "a string", kindSet(0).with(String)
	}
	if !kinds.has(l.Kind) {
		b.addf(at, "write "+wants, "is a %s, and %s needs %s", l.Kind, t.name, wants)
		return
	}
	if l.Kind == List {
		b.literalList(at, n, l.List, out)
		return
	}
	if wrong := faultOfScalar(l); wrong != nil {
		b.addFault(at, wrong)
		return
	}
	out.scalar = Value{Kind: l.Kind, Bool: l.Bool, Num: l.Num, String: l.String}
	if wrong := specialise(n, out); wrong != nil {
		b.addFault(at, wrong)
	}
}

func isOrder(op opcode) bool { return orderName(op) != "" }

func faultOfScalar(l *Literal) *fault {
	switch {
	case l.Kind == Num && !l.Num.isCanonical():
		return faultf("write a number of fewer digits", "is not a number in canonical form, or out of bounds")
	case l.Kind != String:
		return nil
	case l.String == "":
		return faultf("write a value; `exists` and `absent` ask whether there is one", "is an empty string")
	case len(l.String) > maxString:
		return faultf("shorten it", "is %d bytes long, more than %d", len(l.String), maxString)
	case !utf8.ValidString(l.String):
		return faultf("write it in UTF-8", "is not UTF-8")
	}
	return nil
}

// specialise compiles a string or number further where the operator needs it.
func specialise(n *node, out *operand) *fault {
	text := out.scalar.String
	switch {
	case n.op == opHasScope && !isScopeToken(text):
		return faultf("write one scope; ask for several with one condition each", "is not one scope (RFC 6749 section 3.3): %s", quote(text))
	case n.op == opMatches:
		return compileExpression(text, out)
	case n.op == opWithin:
		block, wrong := parseBlock(text)
		out.blocks = []netip.Prefix{block}
		return wrong
	case n.left == leftTime && isOrder(n.op):
		return compileTime(out)
	}
	return nil
}

// compileExpression compiles the source alone first, so that no bracket of it
// can close the group that anchors it.
func compileExpression(source string, out *operand) *fault {
	const mend = "write a regular expression in the syntax of RE2"
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return faultf(mend, "is not a regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return faultf(mend, "is not a regular expression: %v", err)
	}
	if len(program.Inst) > maxRegexInsts {
		return faultf("use fewer or smaller repetitions", "compiles to %d instructions, more than %d", len(program.Inst), maxRegexInsts)
	}
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

// literalList compiles a list of scalars, or of CIDR blocks.
func (b *builder) literalList(at string, n *node, list []Literal, out *operand) {
	if len(list) == 0 {
		b.addf(at, "write the values to compare with", "is an empty list")
	}
	list = within(b.compiler, at, list, maxElements)
	onlyStrings := n.op == opWithin || n.left != leftClaim
	values := make([]Value, 0, len(list))
	for i := range list {
		l := &list[i]
		v := Value{Kind: l.Kind, Bool: l.Bool, Num: l.Num, String: l.String}
		wrong := faultOfScalar(l)
		switch {
		case !v.isScalar() || onlyStrings && l.Kind != String:
			wrong = faultf("write "+operatorTraits(n.op).wants, "is a %s, which cannot stand in this list", l.Kind)
		case wrong == nil && n.op == opWithin:
			var block netip.Prefix
			block, wrong = parseBlock(l.String)
			out.blocks = append(out.blocks, block)
		}
		if wrong != nil {
			b.addFault(element(at, i), wrong)
		}
		values = append(values, v)
	}
	if n.op != opWithin {
		out.set = newLiteralSet(values)
	}
}
