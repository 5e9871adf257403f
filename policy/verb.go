package policy

// verb is a usual method of HTTP as a bit, or a set of them. Which rules name
// the method of a request is then told without reading their texts.
type verb uint16

// verbOf returns the bit of a method of RFC 9110 section 9.3 or RFC 5789, or 0
// for any other.
func verbOf(method string) verb {
	switch method {
	case "GET":
		return 1 << 0
	case "HEAD":
		return 1 << 1
	case "POST":
		return 1 << 2
	case "PUT":
		return 1 << 3
	case "PATCH":
		return 1 << 4
	case "DELETE":
		return 1 << 5
	case "OPTIONS":
		return 1 << 6
	case "TRACE":
		return 1 << 7
	}
	return 0
}

// verbsOf returns the usual ones among methods.
func verbsOf(methods []string) (set verb) {
	for _, m := range methods {
		set |= verbOf(m)
	}
	return set
}

// asks reports whether the method of the request is one of methods, whose usual
// ones are verbs.
func (e *env) asks(verbs verb, methods []string) bool {
	if e.verb != 0 {
		return e.verb&verbs != 0
	}
	return oneOf(methods, e.in.Method)
}
