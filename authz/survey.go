package authz

import "strings"

// survey is what one pass over the names of the headers tells, so that few
// others are needed. The zero survey tells nothing.
type survey struct {
	bare          bool   // no name is a variant of a guarded one
	drops         bool   // see removal.dropsGuarded
	lines         int    // of Authorization
	authorization string // the first of them
}

// endings are the names that a pass looks at, for the others to be told by few
// instructions: by length, the bit of each last byte as bitOfEnd has it.
type endings [maxHeaderNameBytes + 1]uint32

// bitOfEnd is the bit of a byte that ends a name: the same for both cases of a
// letter.
func bitOfEnd(c byte) uint32 { return 1 << (c & 31) }

// add adds a name with all its variants. They have the name's length and its
// letters and digits, so that only those of a name that ends with a dash have
// another end.
func (e *endings) add(name string) {
	end := name[len(name)-1]
	if isAlphanumeric(end) {
		e[len(name)] |= bitOfEnd(end)
	} else {
		e[len(name)] = ^uint32(0)
	}
}

// has reports true for every name that was added and for its variants, and false
// for most others.
func (e *endings) has(name string) bool {
	n := len(name)
	return n > 0 && n < len(e) && e[n]&bitOfEnd(name[n-1]) != 0
}

// survey looks at the name of each header once.
func (r *removal) survey(headers *Headers, found *survey) {
	*found = survey{}
	variants, lines := 0, headers.Lines
	for i := range lines {
		if line := &lines[i]; r.endings.has(line.Name) && r.notice(line, found) {
			variants++
		}
	}
	found.bare = variants == 0
}

// notice looks at a header whose name may be one that counts, and reports whether
// the name is a variant.
func (r *removal) notice(line *Header, found *survey) (variant bool) {
	switch line.Name {
	case authorizationHeader:
		if found.lines++; found.lines == 1 {
			found.authorization = line.Value
		}
		return false
	case "connection":
		found.drops = found.drops || r.dropsGuarded(line.Value)
		return false
	}
	return r.isVariant(line.Name)
}

// dropsGuarded reports whether a Connection header asks the next hop to drop a
// guarded header or the credential (RFC 9110 section 7.6.1). A proxy takes
// Connection out itself, save on an upgrade.
func (r *removal) dropsGuarded(connection string) bool {
	for option := range strings.SplitSeq(connection, ",") {
		name := strings.ToLower(strings.Trim(option, " \t"))
		if _, guarded := r.guarded[name]; guarded || name == authorizationHeader {
			return true
		}
	}
	return false
}
