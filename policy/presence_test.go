package policy_test

import (
	"net/netip"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

func TestPresence(t *testing.T) {
	exists := policy.Condition{Claim: claim("a"), Exists: true}
	absent := policy.Condition{Claim: claim("a"), Absent: true}
	nested := policy.Condition{Claim: claim("a", "b", "c"), Absent: true}
	runConditions(t, []conditionCase{
		{"exists", exists, object{"a": "x"}, isTrue, ""},
		{"exists: empty string", exists, object{"a": ""}, isTrue, ""},
		{"exists: false", exists, object{"a": false}, isTrue, ""},
		{"exists: list", exists, object{"a": []any{}}, isTrue, ""},
		{"exists: object", exists, object{"a": object{}}, isTrue, ""},
		{"exists: missing", exists, object{}, isFalse, ""},
		{"exists: null", exists, object{"a": nil}, isFalse, ""},
		{"exists: withheld", exists, object{"a": withheld}, isUnknown, "left out"},
		{"absent", absent, object{}, isTrue, ""},
		{"absent: null", absent, object{"a": nil}, isTrue, ""},
		{"absent: there", absent, object{"a": "x"}, isFalse, ""},
		{"absent: withheld", absent, object{"a": withheld}, isUnknown, "left out"},
		{"nested", nested, object{"a": object{"b": object{}}}, isTrue, ""},
		{"nested: outer missing", nested, object{}, isTrue, ""},
		{"nested: outer null", nested, object{"a": nil}, isTrue, ""},
		{"nested: middle null", nested, object{"a": object{"b": nil}}, isTrue, ""},
		{"nested: there", nested, object{"a": object{"b": object{"c": ""}}}, isFalse, ""},
		{"nested: outer withheld", nested, object{"a": withheld}, isUnknown, "left out"},
		{"nested: middle withheld", nested, object{"a": object{"b": withheld}}, isUnknown, "left out"},
		{"nested: outer is a string", nested, object{"a": "x"}, isUnknown, "no object"},
		{"nested: middle is a list", nested, object{"a": object{"b": []any{}}}, isUnknown, "no object"},
		{"header", policy.Condition{Header: "x-one", Exists: true}, object{}, isTrue, ""},
		{"no header", policy.Condition{Header: "x-none", Exists: true}, object{}, isFalse, ""},
		{"header absent", policy.Condition{Header: "x-none", Absent: true}, object{}, isTrue, ""},
		{"repeated header exists", policy.Condition{Header: "x-two", Exists: true}, object{}, isUnknown, "more than once"},
		{"repeated header absent", policy.Condition{Header: "x-two", Absent: true}, object{}, isUnknown, "more than once"},
	})
}

func TestIfPresent(t *testing.T) {
	sub := policy.Condition{Claim: claim("sub"), Equals: lit("a"), IfPresent: true}
	runConditions(t, []conditionCase{
		{"missing", sub, object{}, isFalse, ""},
		{"there", sub, object{"sub": "a"}, isTrue, ""},
		{"null", sub, object{"sub": nil}, isUnknown, "null"},
		{"withheld", sub, object{"sub": withheld}, isUnknown, "left out"},
		{"wrong type", sub, object{"sub": number("1")}, isUnknown, "type"},
		{"member of a string", policy.Condition{Claim: claim("sub", "x"), Equals: lit("a"), IfPresent: true}, object{"sub": "a"}, isUnknown, "no object"},
		{"missing reference", policy.Condition{Claim: claim("sub"), Equals: claimRef("x"), IfPresent: true}, object{"sub": "a"}, isUnknown, "missing"},
		{"both missing", policy.Condition{Claim: claim("sub"), Equals: claimRef("x"), IfPresent: true}, object{}, isFalse, ""},
		{"missing header", policy.Condition{Header: "x-none", Equals: lit("a"), IfPresent: true}, object{}, isFalse, ""},
		{"repeated header", policy.Condition{Header: "x-two", Equals: lit("a"), IfPresent: true}, object{}, isUnknown, "more than once"},
		{"matches", policy.Condition{Claim: claim("sub"), Matches: lit("a"), IfPresent: true}, object{}, isFalse, ""},
		{"contains", policy.Condition{Claim: claim("sub"), Contains: lit("a"), IfPresent: true}, object{}, isFalse, ""},
		{"in", policy.Condition{Claim: claim("sub"), In: lit([]any{"a"}), IfPresent: true}, object{}, isFalse, ""},
	})
}

func TestWithin(t *testing.T) {
	v4, v6 := lit([]any{"198.51.100.0/24", "10.0.0.0/8"}), lit("fe80::/10")
	for _, tc := range []struct {
		name, addr string
		blocks     *policy.Operand
		want       policy.Truth
	}{
		{"inside", "10.1.2.3", v4, isTrue},
		{"outside", "11.1.2.3", v4, isFalse},
		{"written as IPv6", "::ffff:10.1.2.3", v4, isTrue},
		{"IPv6", "2001:db8::1", v4, isFalse},
		{"zone", "fe80::1%eth0", v6, isTrue},
		{"block written as IPv6", "10.1.2.3", lit("::ffff:10.0.0.0/104"), isTrue},
		{"not known", "", v4, isUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := request("/", object{})
			in.RemoteIP = netip.Addr{}
			if tc.addr != "" {
				in.RemoteIP = netip.MustParseAddr(tc.addr)
			}
			if got := truthOf(t, policy.Condition{RemoteIP: "peer", Within: tc.blocks}, in); got.Truth != tc.want {
				t.Errorf("%s is %v, want %v", tc.addr, got.Truth, tc.want)
			}
			present := tc.want
			if tc.addr == "" {
				present = isFalse
			}
			if got := truthOf(t, policy.Condition{RemoteIP: "peer", Within: tc.blocks, IfPresent: true}, in); got.Truth != present {
				t.Errorf("%s, ifPresent, is %v, want %v", tc.addr, got.Truth, present)
			}
		})
	}
}

func TestCombinators(t *testing.T) {
	value := func(truth policy.Truth) policy.Condition {
		name := map[policy.Truth]string{isTrue: "yes", isFalse: "no", isUnknown: "none"}[truth]
		return policy.Condition{Claim: claim(name), Equals: lit("x")}
	}
	token := object{"yes": "x", "no": "y"}
	truths := []policy.Truth{isTrue, isFalse, isUnknown}
	for _, a := range truths {
		va := value(a)
		if got := truthOf(t, policy.Condition{Not: &va}, request("/", token)).Truth; got != negation(a) {
			t.Errorf("not %v is %v", a, got)
		}
		for _, b := range truths {
			pair := []policy.Condition{value(a), value(b)}
			if got := truthOf(t, policy.Condition{All: pair}, request("/", token)).Truth; got != conjunction(a, b) {
				t.Errorf("%v and %v is %v", a, b, got)
			}
			if got := truthOf(t, policy.Condition{Any: pair}, request("/", token)).Truth; got != negation(conjunction(negation(a), negation(b))) {
				t.Errorf("%v or %v is %v", a, b, got)
			}
		}
	}
}

func negation(a policy.Truth) policy.Truth {
	return map[policy.Truth]policy.Truth{isTrue: isFalse, isFalse: isTrue, isUnknown: isUnknown}[a]
}

func conjunction(a, b policy.Truth) policy.Truth {
	switch {
	case a == isFalse || b == isFalse:
		return isFalse
	case a == isTrue && b == isTrue:
		return isTrue
	}
	return isUnknown
}
