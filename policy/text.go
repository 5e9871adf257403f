package policy

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what a trace quotes.
const (
	shownBytes    = 256
	shownElements = 16
)

// text writes a condition in the flow style of YAML, as in a document.
func (n *node) text() string {
	switch n.op {
	case opUse:
		return "{use: " + show(n.name) + "}"
	case opCEL:
		return "{cel: " + strconv.Quote(n.cel.source) + "}"
	case opNot:
		return "{not: " + n.kids[0].text() + "}"
	case opAll, opAny:
		return "{" + operatorName(n.op) + ": " + joined(len(n.kids), maxNodes, func(i int) string { return n.kids[i].text() }) + "}"
	}
	out := "{" + n.leftText() + ", " + operatorName(n.op) + ": "
	if n.right == nil {
		out += "true"
	} else {
		out += n.right.text()
	}
	if n.ifPresent {
		out += ", ifPresent: true"
	}
	return out + "}"
}

func (n *node) leftText() string {
	switch n.left {
	case leftClaim:
		return "claim: " + claimText(n.claim)
	case leftHeader:
		return "header: " + show(n.name)
	case leftIssuerName:
		return "issuer: name"
	case leftIssuerURL:
		return "issuer: url"
	case leftRemoteIP:
		return "remoteIp: peer"
	case leftTime:
		return "time: now"
	case leftMapped:
		return "mapped: " + show(n.name)
	case leftTenantName:
		return "tenant: name"
	case leftTenantLabel:
		return "tenant: " + show(labelPrefix+n.name)
	case leftPrincipal:
		return "principal: peer"
	}
	return ""
}

// text writes a right side.
func (o *operand) text() string {
	switch {
	case o.kind == rightCapture:
		return "{path: " + show(o.name) + "}"
	case o.kind == rightHeader:
		return "{header: " + show(o.name) + "}"
	case o.kind == rightClaim:
		return "{claim: " + claimText(o.claim) + "}"
	case o.kind == rightTenantName:
		return "{tenant: name}"
	case o.kind == rightTenantLabel:
		return "{tenant: " + show(labelPrefix+o.name) + "}"
	case o.written != "":
		return o.written
	case len(o.blocks) > 0:
		return joined(len(o.blocks), shownElements, func(i int) string { return o.blocks[i].String() })
	case len(o.set.elements) > 0:
		return joined(len(o.set.elements), shownElements, func(i int) string { return o.set.elements[i].text() })
	}
	return o.scalar.text()
}

func claimText(path []string) string {
	if len(path) == 1 {
		return show(path[0])
	}
	return joined(len(path), maxClaimPath, func(i int) string { return show(path[i]) })
}

// joined writes a list, cut after limit elements.
func joined(n, limit int, text func(int) string) string {
	parts := make([]string, 0, min(n, limit)+1)
	for i := range min(n, limit) {
		parts = append(parts, text(i))
	}
	if n > limit {
		parts = append(parts, "... "+strconv.Itoa(n-limit)+" more")
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// text writes a value. Objects and nested lists are named, not shown.
func (v *Value) text() string {
	switch v.Kind {
	case Bool:
		return strconv.FormatBool(v.Bool)
	case Num:
		if len(v.Num.Digits) > shownBytes {
			return "a number of " + strconv.Itoa(len(v.Num.Digits)) + " digits"
		}
		return v.Num.String()
	case String:
		return show(v.String)
	case List:
		return joined(v.List.Len(), shownElements, func(i int) string {
			if e := v.List.At(i); e.Kind != List {
				return e.text()
			}
			return "a list"
		})
	case Object:
		return "an object"
	}
	return v.Kind.String()
}

// show writes a string plain where that can be read as nothing else, and else
// quoted, with control bytes escaped.
func show(s string) string {
	if isPlainScalar(s) {
		return s
	}
	if len(s) <= shownBytes {
		return strconv.Quote(s)
	}
	cut := shownBytes
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "..."
}

func isPlainScalar(s string) bool {
	if s == "" || len(s) > shownBytes || s[len(s)-1] == ':' {
		return false
	}
	for i := 0; i < len(s); i++ {
		letter := s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z' || s[i] == '_'
		if !letter && (i == 0 && s[i] != '/' || i > 0 && !isAlnum(s[i]) && strings.IndexByte("-./:@", s[i]) < 0) {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off":
		return false
	}
	return true
}
