package policy

// cause says why a value or condition is unknown.
type cause uint8

const (
	causeNone cause = iota
	causeMissing
	causeNull
	causeWithheld
	causeNoToken
	causeNoHeaders
	causeRepeated
	causeNoAddress
	causeNoClock
	causeParent
	causeKind
	causeElements
	causeScopes
	causeScopeToken
	causeEmpty
	causeSegment
	causeLong
	causeNoTenant
	causeExpression
	causeCost
	causeNumber
	causeObject
	causeForms

	// ofReference marks a cause that lies in the right side.
	ofReference cause = 1 << 7
)

func (c cause) String() string {
	side := "the value"
	if c&ofReference != 0 {
		side = "the value to compare with"
	}
	switch c &^ ofReference {
	case causeMissing:
		return side + " is missing"
	case causeNull:
		return side + " is null"
	case causeWithheld:
		return side + " was left out of the token by the issuer, who says so"
	case causeNoToken:
		return side + " is of a token, and there is none"
	case causeNoHeaders:
		return side + " is of a header, and none were read"
	case causeRepeated:
		return side + " is of a header that occurs more than once"
	case causeNoAddress:
		return "the address of the connection is not known"
	case causeNoClock:
		return "the time is not known"
	case causeParent:
		return side + " is a member of something that is no object"
	case causeKind:
		return side + " is of a type that the operator does not compare"
	case causeElements:
		return "the list holds an element of another type, so that no match proves nothing"
	case causeScopes:
		return side + " is not a list of scopes separated by single spaces (RFC 6749 section 3.3)"
	case causeScopeToken:
		return side + " is not one scope (RFC 6749 section 3.3)"
	case causeEmpty:
		return side + " is empty"
	case causeSegment:
		return side + " is a path segment that can be read in more than one way"
	case causeLong:
		return side + " is too long to be compared"
	case causeNoTenant:
		return side + " is of a tenant, and none is known"
	case causeExpression:
		return "the expression failed"
	case causeCost:
		return "the expression costs more than it may"
	case causeNumber:
		return side + " is a number that fits no type of the expression exactly"
	case causeObject:
		return side + " is an object, of which only members can be read"
	case causeForms:
		return "the path can be read in two ways, and the expression differs on them"
	}
	return ""
}
