package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

// A pattern without wildcards matches exactly itself; no pattern panics.
func FuzzPattern(f *testing.F) {
	for _, seed := range []struct{ pattern, path string }{
		{"/", "/"}, {"/x/**", "/x"}, {"/x/*", "/x/%2A"}, {"/users/{id}", "/users/a%20b"}, {"/Get*", "/GetX"},
		{"/a*b*c", "/a1b2c"}, {"/%61", "/a"}, {"/a%3ab", "/a:b"}, {"/x/", "/x"}, {"/x//y", "//"}, {"/é", "/%C3%A9"},
		{"/a%2", "/a%2"}, {"/..", "/../x"}, {"/" + strings.Repeat("a/", 40), "/" + strings.Repeat("a/", 40)},
	} {
		f.Add(seed.pattern, seed.path)
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		p, problems := policy.Compile(rules(anyone("r", pattern)))
		if problems != nil {
			return
		}
		d := compile(t, rules(anyone("all"), deny("d", pattern)))
		in := request(path, object{})
		allowed := p.Evaluate(in).Outcome == policy.Allowed
		if allowed && d.Evaluate(in).Outcome != policy.DeniedByRule {
			t.Errorf("%q allows %q, and does not deny it", pattern, path)
		}
		if strings.ContainsAny(pattern, "*{%") {
			return
		}
		if allowed != (path == pattern) {
			t.Errorf("%q allows %q: %v", pattern, path, allowed)
		}
		if got := p.Evaluate(request(pattern, object{})).Outcome; got != policy.Allowed {
			t.Errorf("%q does not allow itself: %v", pattern, got)
		}
	})
}

// source draws a document from bytes.
type source struct{ data []byte }

func (s *source) next(n int) int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % n
}

// text is mostly a word that has a meaning somewhere.
func (s *source) text() string {
	words := []string{
		"a", "b", "scope", "idp", "GET", "POST", "/**", "/x", "/x/{id}", "/x/*", "/a:b", "/a%3Ab", "/x/", "id",
		"10.0.0.0/8", "2026-01-31T00:00:00Z", "5", "a*", "websocket", "x-h",
	}
	if i := s.next(len(words) + 4); i < len(words) {
		return words[i]
	}
	n := min(s.next(12), len(s.data))
	text := string(s.data[:n])
	s.data = s.data[n:]
	return text
}

func (s *source) texts() []string {
	var out []string
	for range s.next(3) {
		out = append(out, s.text())
	}
	return out
}

func (s *source) literal(depth int) policy.Literal {
	l := policy.Literal{Kind: policy.Kind(s.next(9)), Bool: s.next(2) == 1, String: s.text()}
	if n, err := policy.ParseNumber(s.text()); err == nil {
		l.Num = n
	}
	if depth > 0 {
		for range s.next(4) {
			l.List = append(l.List, s.literal(depth-1))
		}
	}
	return l
}

func (s *source) operand() *policy.Operand {
	switch s.next(6) {
	case 0:
		return &policy.Operand{Path: s.text()}
	case 1:
		return &policy.Operand{Header: s.text()}
	case 2:
		return &policy.Operand{Claim: s.texts()}
	case 3:
		return &policy.Operand{}
	}
	l := s.literal(2)
	return &policy.Operand{Literal: &l}
}

// pick returns one of the words, or rarely any text at all.
func (s *source) pick(words ...string) string {
	if s.next(40) == 39 {
		return s.text()
	}
	return words[s.next(len(words))]
}

func (s *source) picks(most int, words ...string) []string {
	var out []string
	for range s.next(most + 1) {
		out = append(out, s.pick(words...))
	}
	return out
}

// right is mostly a right side that fits operator i of a claim.
func (s *source) right(i int) *policy.Operand {
	if s.next(24) == 23 {
		return s.operand()
	}
	if i < 8 && s.next(3) == 2 {
		return claimRef(s.pick("a", "b", "scope"))
	}
	switch {
	case i == 1 || i == 3 || i == 4:
		return lit([]any{"a", number("5"), s.pick("b", "a b")})
	case i >= 9 && i < 13:
		return lit(number([]string{"5", "-1", "0"}[s.next(3)]))
	case i == 13:
		return lit(s.pick("10.0.0.0/8", "192.0.2.0/24"))
	}
	return lit(s.pick("a", "b", "scope"))
}

func (s *source) condition(depth int) policy.Condition {
	if depth > 0 {
		switch s.next(8) {
		case 5:
			return policy.Condition{All: append(s.conditions(depth-1), s.condition(depth-1))}
		case 6:
			return policy.Condition{Any: append(s.conditions(depth-1), s.condition(depth-1))}
		case 7:
			return not(s.condition(depth - 1))
		}
	}
	c := policy.Condition{IfPresent: s.next(16) == 1}
	fields := []**policy.Operand{
		&c.Equals, &c.In, &c.Contains, &c.ContainsAny, &c.ContainsAll, &c.HasScope, &c.Prefix, &c.Suffix,
		&c.Matches, &c.LessThan, &c.LessOrEqual, &c.GreaterThan, &c.GreaterOrEqual, &c.Within,
	}
	i := s.next(len(fields) + 2)
	switch {
	case s.next(30) == 29:
		c.Header = s.text()
	case s.next(30) == 29:
		return policy.Condition{Use: s.pick("n0", "n1", "n2")}
	case s.next(30) == 29:
		return policy.Condition{CEL: s.pick(`claims.a == "a"`, `request.path != "/x"`, `has(claims.b)`, `path.id == claims.scope`)}
	case s.next(20) == 19:
		c.Mapped = s.pick("m", "none")
	case s.next(20) == 19:
		c.Tenant = s.pick("name", "labels.l", "labels.none")
	case s.next(20) == 19:
		c.Principal = "peer"
	case i == 13:
		c.RemoteIP = "peer"
	case i == 0 && s.next(4) == 3:
		c.Header = "h"
	default:
		c.Claim = claim(s.pick("a", "b", "scope"))
	}
	switch {
	case i < len(fields):
		*fields[i] = s.right(i)
	case i == len(fields):
		c.Exists = true
	default:
		c.Absent = true
	}
	return c
}

func (s *source) conditions(depth int) []policy.Condition {
	var out []policy.Condition
	for range s.next(3) {
		out = append(out, s.condition(depth))
	}
	return out
}

func (s *source) spec() policy.Spec {
	patterns := []string{"/**", "/x", "/x/", "/x/{id}", "/x/*", "/a:b", "/a%3Ab", "/a*"}
	var spec policy.Spec
	for i := range s.next(4) {
		spec.Named = append(spec.Named, name(fmt.Sprint("n", i), s.condition(2)))
	}
	for i := range s.next(5) {
		r := policy.RuleSpec{Name: s.pick(fmt.Sprint("r", i)), Action: policy.Action(s.next(2)), Shadow: s.next(8) == 7}
		r.Paths = s.picks(2, patterns...)
		r.NotPaths = s.picks(1, "/x/closed", "/x/*/closed", "/a:b")
		r.Issuers = s.picks(1, "idp", "other")
		if s.next(4) == 1 {
			r.Methods = s.picks(1, "GET", "POST")
		}
		if r.Action == policy.Allow {
			r.Upgrades = s.picks(1, "websocket")
		}
		r.When = s.conditions(2)
		r.AnyToken = (r.Action == policy.Allow && len(r.When) == 0) != (s.next(40) == 39)
		spec.Rules = append(spec.Rules, r)
	}
	if s.next(3) == 2 {
		spec.Require = s.conditions(1)
	}
	for i := range s.next(3) {
		spec.Public = append(spec.Public, policy.PublicSpec{Name: fmt.Sprint("p", i), Methods: s.picks(1, "GET"), Paths: []string{s.pick(patterns...)}, NotPaths: s.picks(1, "/x/closed")})
	}
	return spec
}

func (s *source) token() object {
	values := []any{nil, withheld, true, "", "a", "a b", number("1"), number("-2.5e3"), []any{}, []any{"a", number("1"), nil}, object{"a": "a"}}
	o := object{}
	for range s.next(5) {
		o[s.pick("a", "b", "scope")] = values[s.next(len(values))]
	}
	return o
}

// Whatever the document and the request: nothing panics, a document with
// problems yields no policy, and an allow has a rule that holds.
func FuzzCompileEvaluate(f *testing.F) {
	f.Add([]byte(nil), "GET", "/", "", "")
	for i := range 40 { // varied and reproducible
		data := make([]byte, 200)
		for j := range data {
			data[j] = byte(i*31 + j*j*(i+7) + j)
		}
		f.Add(data, "GET", []string{"/x/a", "/a%3Ab", "/x/../a"}[i%3], "", []string{"", "", "", "websocket"}[i%4])
	}
	f.Fuzz(func(t *testing.T, data []byte, method, path, lenient, upgrade string) {
		s := &source{data}
		spec := s.spec()
		in := request(path, s.token())
		in.Method, in.LenientPath, in.Upgrade = method, lenient, upgrade
		in.Tenant = &tenant{"a", map[string]string{"l": "b"}}
		in.Mapped = &mappings{in.Claims, map[string][]string{"m": {"a", "b"}}}
		p, problems := policy.Compile(spec)
		if (p == nil) != (len(problems) > 0) {
			t.Fatalf("policy %v with %d problems", p != nil, len(problems))
		}
		for _, public := range []bool{false, true} {
			checkTrace(t, p, in, public, spec)
		}
		p.MatchPublic(in)
	})
}

func checkTrace(t *testing.T, p *policy.Policy, in *policy.Input, public bool, spec policy.Spec) {
	trace := p.Explain(in, public)
	got := trace.Result
	if got.Shadow >= 0 && (!spec.Rules[got.Shadow].Shadow || spec.Rules[got.Shadow].Action != policy.Deny) {
		t.Errorf("rule %d is no deny rule in shadow mode", got.Shadow)
	}
	switch got.Outcome {
	case policy.NoRule, policy.ScopeMissing:
		if got.Rule != -1 || (got.Outcome == policy.ScopeMissing) != (got.Scopes != nil) {
			t.Errorf("%+v", got)
		}
	case policy.DeniedByRule:
		if r := trace.Rules[got.Rule]; r.Shadow || r.Action != policy.Deny || !r.Applies || r.Truth == policy.False {
			t.Errorf("denied by %+v", r)
		}
	case policy.RequireFailed:
		if got.Rule < 0 || got.Rule >= len(spec.Require) {
			t.Errorf("failed the condition %d", got.Rule)
		}
	case policy.Allowed:
		if public {
			return
		}
		if r := spec.Rules[got.Rule]; r.Shadow || r.Action != policy.Allow || !got.Matched.Has(got.Rule) || !strings.HasPrefix(in.Path, "/") {
			t.Errorf("allowed by %+v at %q", r, in.Path)
		}
	}
}
