package policy

import (
	"net/netip"
	"slices"
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
	if o.Tenant != "" {
		written++
		out.kind, out.name = rightTenantLabel, b.label(at+".tenant", o.Tenant)
		if out.name == "" {
			out.kind = rightTenantName
		}
	}
	switch {
	case written != 1:
		b.addf(at, "write exactly one of a value, path, header, claim and tenant", "has %s", count(written, "right side"))
	case out.kind != rightLiteral && (n.left == leftTime || len(t.refs) == 0):
		b.addf(at, "write the value itself", "cannot refer to something else")
	case out.kind != rightLiteral && !slices.Contains(t.refs, out.kind):
		b.addf(at, "refer to a claim, or write "+t.wants, "refers to a string, which %s cannot compare with", t.name)
	}
	return out
}

// captured checks that each path pattern of the rule captures name.
func (b *builder) captured(at, name string) {
	if b.named {
		b.facts.captures = union(b.facts.captures, name)
		return
	}
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
	case kinds.has(Num) && !n.left.isClaim():
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
	if wrong := b.specialise(at, n, out); wrong != nil {
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

// literalList compiles a list of scalars, or of CIDR blocks.
func (b *builder) literalList(at string, n *node, list []Literal, out *operand) {
	if len(list) == 0 {
		b.addf(at, "write the values to compare with", "is an empty list")
	}
	list = within(b.compilation, at, list, maxElements)
	onlyStrings := n.op == opWithin || !n.left.isClaim()
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
