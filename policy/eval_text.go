package policy

import "strings"

func affix(op opcode, left, right *Value) (Truth, cause) {
	switch {
	case left.Kind != String:
		return Unknown, causeKind
	case right.Kind != String:
		return Unknown, causeKind | ofReference
	case op == opPrefix:
		return truthOf(strings.HasPrefix(left.String, right.String)), causeNone
	}
	return truthOf(strings.HasSuffix(left.String, right.String)), causeNone
}

// matches runs an expression that was anchored when it was compiled.
func (n *node) matches(left *Value) (Truth, cause) {
	switch {
	case left.Kind != String:
		return Unknown, causeKind
	case len(left.String) > maxMatched:
		return Unknown, causeLong
	}
	return truthOf(n.right.expr.MatchString(left.String)), causeNone
}

// hasScope looks for one scope in a string of scopes separated by single
// spaces, or in a list of strings.
func hasScope(left, right *Value) (Truth, cause) {
	switch {
	case right.Kind != String:
		return Unknown, causeKind | ofReference
	case !isScopeToken(right.String):
		return Unknown, causeScopeToken | ofReference
	case left.Kind == String:
		return scopeInString(left.String, right.String)
	case left.Kind == List:
		return scopeInList(left.List, right.String)
	}
	return Unknown, causeKind
}

// scopeInString reads the whole string even after a match: one that breaks the
// grammar may mean anything to whoever issued it.
func scopeInString(scopes, want string) (Truth, cause) {
	found := false
	for scopes != "" {
		end := 0
		for end < len(scopes) && isScopeByte(scopes[end]) {
			end++
		}
		last := end == len(scopes)
		if end == 0 || !last && (scopes[end] != ' ' || end+1 == len(scopes)) {
			return Unknown, causeScopes
		}
		found = found || scopes[:end] == want
		if last {
			break
		}
		scopes = scopes[end+1:]
	}
	return truthOf(found), causeNone
}

func scopeInList(list Elements, want string) (Truth, cause) {
	sound := true
	for i := range list.Len() {
		v := list.At(i)
		if v.Kind == String && v.String == want {
			return True, causeNone
		}
		sound = sound && v.Kind == String && isScopeToken(v.String)
	}
	if !sound {
		return Unknown, causeScopes
	}
	return False, causeNone
}

// isScopeToken reports whether s is a scope-token of RFC 6749 section 3.3.
func isScopeToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isScopeByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isScopeByte(c byte) bool {
	if c >= 'a' && c <= 'z' { // nearly all are
		return true
	}
	return c > ' ' && c < 0x7f && c != '"' && c != '\\'
}
