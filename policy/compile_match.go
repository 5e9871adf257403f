package policy

import (
	"slices"
	"strings"
)

// defaultMethods are those that an allow rule or public route without methods
// covers. Extension methods, TRACE and CONNECT must be asked for or cannot be.
func defaultMethods() []string {
	return []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
}

// methods compiles a list of methods. What it returns for none is nil on a
// deny rule, which means every method.
func (c *compilation) methods(at string, methods []string, allow bool) []string {
	if len(methods) == 0 {
		if methods != nil {
			c.addf(at, "name the methods, or remove the field", "is empty")
		}
		if allow {
			return defaultMethods()
		}
		return nil
	}
	methods = within(c, at, methods, maxMethods)
	for i, m := range methods {
		known := strings.ToUpper(m)
		switch {
		case !isToken(m):
			c.addf(element(at, i), "write one method, as in GET", "is not a method (RFC 9110 section 9.1): %s", quote(m))
		case m != known && isKnownMethod(known):
			c.addf(element(at, i), "write "+known, "is %s, and methods are case-sensitive", quote(m))
		case allow && m == "CONNECT":
			c.addf(element(at, i), "remove it; tunnels are always denied", "CONNECT cannot be allowed")
		}
	}
	c.distinct(at, methods)
	return slices.Clone(methods)
}

func isKnownMethod(m string) bool {
	return slices.Contains(defaultMethods(), m) || m == "CONNECT" || m == "TRACE" || m == "QUERY"
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= maxString
}

func isLowerToken(s string) bool { return isToken(s) && s == strings.ToLower(s) }

// distinct reports elements that repeat an earlier one.
func (c *compilation) distinct(at string, list []string) {
	for i := range list {
		if first := slices.Index(list, list[i]); first < i {
			c.addf(element(at, i), "remove it", "repeats %s", element(at, first))
		}
	}
}

func (c *compilation) upgrades(at string, s *RuleSpec) []string {
	if s.Action == Deny && len(s.Upgrades) > 0 {
		c.addf(at, "remove it; a deny rule covers upgrades as it covers other requests", "has no meaning on a deny rule")
		return nil
	}
	list := within(c, at, s.Upgrades, maxUpgrades)
	for i, u := range list {
		if !isLowerToken(u) {
			c.addf(element(at, i), "write a protocol in lower case, as in websocket", "is not a lower-case protocol name: %s", quote(u))
		}
	}
	c.distinct(at, list)
	return slices.Clone(list)
}

func (c *compilation) issuers(at string, list []string) []string {
	if list != nil && len(list) == 0 {
		c.addf(at, "name the issuers, or remove the field", "is empty")
	}
	list = within(c, at, list, maxIssuers)
	for i, name := range list {
		if name == "" || len(name) > maxString {
			c.addf(element(at, i), "write the configured name of an issuer", "is not the name of an issuer: %s", quote(name))
		}
	}
	c.distinct(at, list)
	return slices.Clone(list)
}

// patterns compiles the two lists of a rule. Where one widens what is denied
// or excluded, it is loosened: it ignores trailing slashes.
func (c *compilation) patterns(at string, paths, notPaths []string, allow bool) (in, out []pattern) {
	in = c.patternList(at+".paths", paths, !allow)
	out = c.patternList(at+".notPaths", notPaths, allow)
	for i := range out {
		if len(out[i].captures) > 0 {
			c.addf(element(at+".notPaths", i), "write `*`", "captures a segment, which only `paths` can")
		}
	}
	return in, out
}

func (c *compilation) patternList(at string, texts []string, loose bool) []pattern {
	if texts != nil && len(texts) == 0 {
		c.addf(at, "name the paths, or remove the field", "is empty")
	}
	texts = within(c, at, texts, maxPatterns)
	out := make([]pattern, 0, len(texts))
	for i, text := range texts {
		p, wrong := parsePattern(text)
		if wrong != nil {
			c.addFault(element(at, i), wrong)
		}
		if loose {
			p = p.loosened()
		}
		out = append(out, p)
	}
	return out
}
