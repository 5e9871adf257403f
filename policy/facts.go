package policy

import "slices"

// facts is what is known of some conditions, of those too that they use.
type facts struct {
	token, request bool     // they read the token; more of the request than method and path
	labels, mapped []string // of the tenant and of the mappings
	captures       []string // of a named condition, which has no paths of its own
	scopes         []string // literals of assumable conditions
	nodes          int      // a named condition counts at each use
	expressions    int      // of CEL, likewise
	units          int      // of cost that these have at most, likewise
	program        int      // instructions of regular expressions, likewise
	height         int      // levels
}

// take adds what a part knows. It says nothing of the height, nor of captures
// and scopes, which depend on where the part stands.
func (f *facts) take(part *facts) {
	f.token = f.token || part.token
	f.request = f.request || part.request
	f.labels = union(f.labels, part.labels...)
	f.mapped = union(f.mapped, part.mapped...)
	f.nodes += part.nodes
	f.expressions += part.expressions
	f.units += part.units
	f.program += part.program
}

// union adds the names that are new.
func union(names []string, more ...string) []string {
	for _, name := range more {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
