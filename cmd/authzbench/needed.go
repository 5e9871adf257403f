package main

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// pattern is one of Envoy's `allowed_headers`: an exact name, the beginning of
// names, or oddNames. One of them is set.
type pattern struct{ Exact, Prefix, Regex string }

// oddNames are names that an upstream may take for another one, as x.user.id for
// x-user-id.
const oddNames = "[^:]*[^a-z0-9:-][^:]*"

var oddName = regexp.MustCompile("^(?:" + oddNames + ")$")

// neededHeaders are those that claimgate reads of a request whose token stands
// in Authorization, as the examples send them: a preflight, an overridden method,
// an upgrade, and what the next hop may drop or take for another name, have to be
// seen. The content type says whether a refusal is to be JSON.
func neededHeaders() []pattern {
	return []pattern{
		{Exact: "authorization"}, {Exact: ":path"}, {Exact: "origin"}, {Exact: "access-control-request-method"},
		{Prefix: "x-http-method"}, {Exact: "x-method-override"},
		{Exact: "upgrade"}, {Exact: "connection"}, {Exact: "content-type"}, {Regex: oddNames},
	}
}

// matches reports whether Envoy would send a header of that name.
func (p pattern) matches(name string) bool {
	switch {
	case p.Exact != "":
		return name == p.Exact
	case p.Prefix != "":
		return strings.HasPrefix(name, p.Prefix)
	}
	return oddName.MatchString(name)
}

// String names it in a report.
func (p pattern) String() string {
	switch {
	case p.Prefix != "":
		return p.Prefix + "*"
	case p.Regex != "":
		return "odd names"
	}
	return cmp.Or(p.Exact, "nothing")
}

func isNeeded(name string) bool {
	return slices.ContainsFunc(neededHeaders(), func(p pattern) bool { return p.matches(name) })
}

// neededNames lists them for a report.
func neededNames() string {
	all := neededHeaders()
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.String()
	}
	return strings.Join(names, ", ")
}
