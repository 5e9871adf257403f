package policy

import "strings"

// env is the state of one evaluation. It lives on the stack.
type env struct {
	in      *Input
	verb    verb // 0 for a method that is none of the usual
	sent    route
	lenient route
	plain   bool     // both forms are one, held in sent
	public  bool     // allow rules are not asked
	assume  bool     // take assumable conditions for true
	pattern *pattern // that the rule at hand matched by
}

func (e *env) init(in *Input, public bool) {
	e.in, e.public, e.verb = in, public, verbOf(in.Method)
	e.sent.split(in.Path, true)
	lenient := in.LenientPath
	if lenient == "" || lenient == in.Path {
		if strings.IndexByte(in.Path, '%') < 0 {
			e.plain = true
			return
		}
		lenient = decodeOnce(in.Path)
	}
	e.lenient.split(lenient, false)
}

func (e *env) lenientRoute() *route {
	if e.plain {
		return &e.sent
	}
	return &e.lenient
}

// odd reports whether the path is one that no allow may rest on.
func (e *env) odd() bool { return e.sent.odd || !e.plain && e.lenient.odd }

// tokenless reports whether there is no verified token.
func (e *env) tokenless() bool { return e.in.Claims == nil }

// claim reads into v, which is large enough that copies of it would count.
func (e *env) claim(path []string, v *Value) cause {
	if e.tokenless() {
		return causeNoToken
	}
	*v = e.in.Claims.Claim(path)
	if v.Kind == Missing {
		*v = Value{}
		return hiddenBy(e.in.Claims, path)
	}
	return v.known()
}

// known says why a value that is there cannot be used; such a one is emptied,
// save null.
func (v *Value) known() cause {
	why := causeKind
	switch v.Kind {
	case Null:
		return causeNull
	case Bool, Num, String, Object:
		return causeNone
	case List:
		if v.List != nil {
			return causeNone
		}
	case Missing:
		why = causeMissing
	case Withheld:
		why = causeWithheld
	}
	*v = Value{}
	return why
}

// hiddenBy says why a claim is missing. A member of what is withheld is not
// known to be absent, nor is one of what is no object at all.
func hiddenBy(claims Claims, path []string) cause {
	for i := 1; i < len(path); i++ {
		switch v := claims.Claim(path[:i]); v.Kind {
		case Object:
		case Missing, Null:
			return causeMissing
		case Withheld:
			return causeWithheld
		default:
			return causeParent
		}
	}
	return causeMissing
}

// mapped reads a claim by the name that its issuer's mappings give it.
func (e *env) mapped(name string, v *Value) cause {
	if e.tokenless() || e.in.Mapped == nil {
		return causeNoToken
	}
	*v = e.in.Mapped.MappedClaim(name)
	return v.known()
}

func (e *env) tenantName() (Value, cause) {
	if e.in.Tenant == nil {
		return Value{}, causeNoTenant
	}
	return Value{Kind: String, String: e.in.Tenant.TenantName()}, causeNone
}

func (e *env) label(name string) (Value, cause) {
	if e.in.Tenant == nil {
		return Value{}, causeNoTenant
	}
	text, ok := e.in.Tenant.Label(name)
	if !ok {
		return Value{}, causeMissing
	}
	return Value{Kind: String, String: text}, causeNone
}

func (e *env) principal() (Value, cause) {
	if e.in.Principal == "" {
		return Value{}, causeMissing
	}
	return Value{Kind: String, String: e.in.Principal}, causeNone
}

func (e *env) header(name string) (Value, cause) {
	if e.in.Headers == nil {
		return Value{}, causeNoHeaders
	}
	switch text, count := e.in.Headers.Header(name); count {
	case 0:
		return Value{}, causeMissing
	case 1:
		return Value{Kind: String, String: text}, causeNone
	default:
		return Value{}, causeRepeated
	}
}

func (e *env) issuer(text string) (Value, cause) {
	if text == "" {
		return Value{}, causeNoToken
	}
	return Value{Kind: String, String: text}, causeNone
}

// capture returns a captured segment decoded once. It is known only where the
// path as sent and its lenient reading agree on it.
func (e *env) capture(name string) (Value, cause) {
	if e.pattern == nil {
		return Value{}, causeMissing
	}
	i, ok := e.pattern.captureIndex(name)
	lenient := e.lenientRoute()
	if !ok || i >= e.sent.count || i >= lenient.count {
		return Value{}, causeMissing
	}
	text := lenient.segment(i)
	if !decodesTo(e.sent.segment(i), text) || !isPlainSegment(text) {
		return Value{}, causeSegment
	}
	return Value{Kind: String, String: text}, causeNone
}

// leftValue resolves the left side of a comparison of JSON values into v, which
// is empty.
func (n *node) leftValue(e *env, v *Value) (why cause) {
	switch n.left {
	case leftClaim:
		return e.claim(n.claim, v)
	case leftHeader:
		*v, why = e.header(n.name)
	case leftIssuerName:
		*v, why = e.issuer(e.in.IssuerName)
	case leftIssuerURL:
		*v, why = e.issuer(e.in.IssuerURL)
	case leftMapped:
		return e.mapped(n.name, v)
	case leftTenantName:
		*v, why = e.tenantName()
	case leftTenantLabel:
		*v, why = e.label(n.name)
	case leftPrincipal:
		*v, why = e.principal()
	default:
		why = causeKind
	}
	return why
}

// value resolves a right side: a literal to itself, which is read only, and
// whatever is referred to into room, which is empty. An empty string or list
// that is referred to proves nothing, as a literal one would be a mistake.
func (o *operand) value(e *env, room *Value) (*Value, cause) {
	var why cause
	switch o.kind {
	case rightLiteral:
		return &o.scalar, causeNone
	case rightCapture:
		*room, why = e.capture(o.name)
	case rightHeader:
		*room, why = e.header(o.name)
	case rightClaim:
		why = e.claim(o.claim, room)
	case rightTenantName:
		*room, why = e.tenantName()
	case rightTenantLabel:
		*room, why = e.label(o.name)
	default:
		why = causeKind
	}
	switch {
	case why != causeNone:
		return room, why | ofReference
	case room.Kind == String && room.String == "", room.Kind == List && room.List.Len() == 0:
		return room, causeEmpty | ofReference
	}
	return room, causeNone
}

// Lookup reads a claim and tells what is absent from what is hidden: where a
// member of something withheld, or of what is no object, is asked for, it
// returns Withheld in place of Missing. An implementation of Mapped answers
// with it, so that `mapped` and `claim` conclude the same.
func Lookup(claims Claims, path []string) Value {
	v := claims.Claim(path)
	if v.Kind == Missing && hiddenBy(claims, path) != causeMissing {
		return Value{Kind: Withheld}
	}
	return v
}
