package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/policy"
)

type conditionCase struct {
	name  string
	c     policy.Condition
	token object
	want  policy.Truth
	why   string // part of why it is unknown
}

func runConditions(t *testing.T, cases []conditionCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			in := request("/users/u-1", tc.token)
			in.Headers = headers{"x-one": {"u-1"}, "x-empty": {""}, "x-two": {"a", "a"}, "x-scope": {"read write"}}
			got := truthOf(t, tc.c, in, "/users/{id}")
			if got.Truth != tc.want || !strings.Contains(got.Why, tc.why) {
				t.Errorf("%s is %v (%s), want %v (%s)", got.Text, got.Truth, got.Why, tc.want, tc.why)
			}
			if (got.Truth == policy.Unknown) != (got.Why != "") {
				t.Errorf("%s is %v, and why it is unknown: %q", got.Text, got.Truth, got.Why)
			}
		})
	}
}

const (
	isTrue    = policy.True
	isFalse   = policy.False
	isUnknown = policy.Unknown
)

func TestEquals(t *testing.T) {
	sub := func(o *policy.Operand) policy.Condition {
		return policy.Condition{Claim: claim("sub"), Equals: o}
	}
	path, one := &policy.Operand{Path: "id"}, &policy.Operand{Header: "x-one"}
	runConditions(t, []conditionCase{
		{"string", sub(lit("u-1")), object{"sub": "u-1"}, isTrue, ""},
		{"other string", sub(lit("u-1")), object{"sub": "u-2"}, isFalse, ""},
		{"case", sub(lit("u-1")), object{"sub": "U-1"}, isFalse, ""},
		{"composed and decomposed", sub(lit("\u00e9")), object{"sub": "e\u0301"}, isFalse, ""},
		{"trailing NUL", sub(lit("u-1")), object{"sub": "u-1\x00"}, isFalse, ""},
		{"empty left", sub(lit("u-1")), object{"sub": ""}, isFalse, ""},
		{"number", sub(lit(number("5"))), object{"sub": number("5.0")}, isTrue, ""},
		{"number with exponent", sub(lit(number("5"))), object{"sub": number("50e-1")}, isTrue, ""},
		{"number beyond a double", sub(lit(number("9007199254740993"))), object{"sub": number("9007199254740992")}, isFalse, ""},
		{"minus zero", sub(lit(number("0"))), object{"sub": number("-0.0")}, isTrue, ""},
		{"number and string", sub(lit(number("5"))), object{"sub": "5"}, isUnknown, "type"},
		{"string and number", sub(lit("5")), object{"sub": number("5")}, isUnknown, "type"},
		{"boolean", sub(lit(true)), object{"sub": true}, isTrue, ""},
		{"other boolean", sub(lit(false)), object{"sub": true}, isFalse, ""},
		{"one of no booleans", policy.Condition{Claim: claim("sub"), In: lit([]any{false})}, object{"sub": true}, isFalse, ""},
		{"one of booleans", policy.Condition{Claim: claim("sub"), In: lit([]any{false})}, object{"sub": false}, isTrue, ""},
		{"boolean and string", sub(lit(true)), object{"sub": "true"}, isUnknown, "type"},
		{"missing", sub(lit("u-1")), object{}, isUnknown, "missing"},
		{"null", sub(lit("u-1")), object{"sub": nil}, isUnknown, "null"},
		{"withheld", sub(lit("u-1")), object{"sub": withheld}, isUnknown, "left out"},
		{"list", sub(lit("u-1")), object{"sub": []any{"u-1"}}, isUnknown, "type"},
		{"object", sub(lit("u-1")), object{"sub": object{"u-1": true}}, isUnknown, "type"},
		{"capture", sub(path), object{"sub": "u-1"}, isTrue, ""},
		{"other capture", sub(path), object{"sub": "u-2"}, isFalse, ""},
		{"capture and number", sub(path), object{"sub": number("1")}, isUnknown, "compare with"},
		{"header", sub(one), object{"sub": "u-1"}, isTrue, ""},
		{"missing header", sub(&policy.Operand{Header: "x-none"}), object{"sub": "u-1"}, isUnknown, "compare with is missing"},
		{"repeated header", sub(&policy.Operand{Header: "x-two"}), object{"sub": "a"}, isUnknown, "more than once"},
		{"two empties", sub(&policy.Operand{Header: "x-empty"}), object{"sub": ""}, isUnknown, "empty"},
		{"claim", sub(claimRef("act", "sub")), object{"sub": "u-1", "act": object{"sub": "u-1"}}, isTrue, ""},
		{"other claim", sub(claimRef("act", "sub")), object{"sub": "u-1", "act": object{"sub": "u-2"}}, isFalse, ""},
		{"missing claim", sub(claimRef("act", "sub")), object{"sub": "u-1"}, isUnknown, "compare with is missing"},
		{"null claim", sub(claimRef("act")), object{"sub": "u-1", "act": nil}, isUnknown, "compare with is null"},
		{"withheld claim", sub(claimRef("act")), object{"sub": "u-1", "act": withheld}, isUnknown, "left out"},
		{"claim that is a list", sub(claimRef("act")), object{"sub": "u-1", "act": []any{"u-1"}}, isUnknown, "compare with"},
		{"two nulls", sub(claimRef("act")), object{"sub": nil, "act": nil}, isUnknown, "null"},
		{"two lists", sub(claimRef("act")), object{"sub": []any{"a"}, "act": []any{"a"}}, isUnknown, "type"},
		{"two objects", sub(claimRef("act")), object{"sub": object{"a": "b"}, "act": object{"a": "b"}}, isUnknown, "type"},
		{"dots are no path", policy.Condition{Claim: claim("act.sub"), Equals: lit("a")}, object{"act": object{"sub": "a"}}, isUnknown, "missing"},
		{"dots are a name", policy.Condition{Claim: claim("act.sub"), Equals: lit("a")}, object{"act.sub": "a"}, isTrue, ""},
	})
}

func TestIn(t *testing.T) {
	sub := func(o *policy.Operand) policy.Condition { return policy.Condition{Claim: claim("sub"), In: o} }
	many := make([]any, 0, 40)
	for i := range 40 {
		many = append(many, "u-"+strings.Repeat("x", i))
	}
	runConditions(t, []conditionCase{
		{"one of", sub(lit([]any{"a", "b"})), object{"sub": "b"}, isTrue, ""},
		{"none of", sub(lit([]any{"a", "b"})), object{"sub": "c"}, isFalse, ""},
		{"one of many", sub(lit(many)), object{"sub": "u-xxx"}, isTrue, ""},
		{"none of many", sub(lit(many)), object{"sub": "u-y"}, isFalse, ""},
		{"list among many", sub(lit(many)), object{"sub": []any{"u-"}}, isUnknown, "type"},
		{"number of mixed", sub(lit([]any{"a", number("7")})), object{"sub": number("7.0")}, isTrue, ""},
		{"no number of mixed", sub(lit([]any{"a", number("7")})), object{"sub": number("8")}, isFalse, ""},
		{"type that does not occur", sub(lit([]any{"7"})), object{"sub": number("7")}, isUnknown, "type"},
		{"list on the left", sub(lit([]any{"a"})), object{"sub": []any{"a"}}, isUnknown, "type"},
		{"missing", sub(lit([]any{"a"})), object{}, isUnknown, "missing"},
		{"null", sub(lit([]any{"a"})), object{"sub": nil}, isUnknown, "null"},
		{"claim", sub(claimRef("ids")), object{"sub": "a", "ids": []any{"b", "a"}}, isTrue, ""},
		{"not in claim", sub(claimRef("ids")), object{"sub": "a", "ids": []any{"b"}}, isFalse, ""},
		{"claim of other types", sub(claimRef("ids")), object{"sub": "a", "ids": []any{number("1"), nil}}, isUnknown, "type"},
		{"claim that is a string", sub(claimRef("ids")), object{"sub": "a", "ids": "a"}, isUnknown, "compare with"},
		{"empty claim", sub(claimRef("ids")), object{"sub": "a", "ids": []any{}}, isUnknown, "empty"},
		{"missing claim", sub(claimRef("ids")), object{"sub": "a"}, isUnknown, "missing"},
		{"null in null", sub(claimRef("ids")), object{"sub": nil, "ids": []any{nil}}, isUnknown, "null"},
		{"list in lists", sub(claimRef("ids")), object{"sub": []any{"a"}, "ids": []any{[]any{"b"}}}, isUnknown, "type"},
		{"object in objects", sub(claimRef("ids")), object{"sub": object{}, "ids": []any{object{}}}, isUnknown, "type"},
		{"list as long as may be", sub(claimRef("ids")), object{"sub": "a", "ids": append(repeat("b", 1023), "a")}, isTrue, ""},
		{"list too long", sub(claimRef("ids")), object{"sub": "a", "ids": repeat("a", 1025)}, isUnknown, "too long"},
	})
}

func repeat(v any, n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func TestContains(t *testing.T) {
	roles := func(o *policy.Operand) policy.Condition {
		return policy.Condition{Claim: claim("roles"), Contains: o}
	}
	runConditions(t, []conditionCase{
		{"there", roles(lit("admin")), object{"roles": []any{"reader", "admin"}}, isTrue, ""},
		{"not there", roles(lit("admin")), object{"roles": []any{"reader"}}, isFalse, ""},
		{"empty list", roles(lit("admin")), object{"roles": []any{}}, isFalse, ""},
		{"substring", roles(lit("admin")), object{"roles": []any{"administrator"}}, isFalse, ""},
		{"string", roles(lit("admin")), object{"roles": "admin"}, isUnknown, "type"},
		{"object", roles(lit("admin")), object{"roles": object{"admin": true}}, isUnknown, "type"},
		{"foreign element, match", roles(lit("admin")), object{"roles": []any{number("1"), "admin"}}, isTrue, ""},
		{"foreign element, no match", roles(lit("admin")), object{"roles": []any{number("1"), "reader"}}, isUnknown, "another type"},
		{"nested list", roles(lit("admin")), object{"roles": []any{[]any{"admin"}}}, isUnknown, "another type"},
		{"null element", roles(lit("admin")), object{"roles": []any{nil}}, isUnknown, "another type"},
		{"missing", roles(lit("admin")), object{}, isUnknown, "missing"},
		{"null", roles(lit("admin")), object{"roles": nil}, isUnknown, "null"},
		{"withheld", roles(lit("admin")), object{"roles": withheld}, isUnknown, "left out"},
		{"capture", roles(&policy.Operand{Path: "id"}), object{"roles": []any{"u-1"}}, isTrue, ""},
		{"claim", roles(claimRef("sub")), object{"roles": []any{"u-1"}, "sub": "u-1"}, isTrue, ""},
		{"claim that is a list", roles(claimRef("sub")), object{"roles": []any{"u-1"}, "sub": []any{"u-1"}}, isUnknown, "compare with"},
		{"missing claim", roles(claimRef("sub")), object{"roles": []any{"u-1"}}, isUnknown, "missing"},
	})
}

func TestContainsAnyAndAll(t *testing.T) {
	anyOf := func(o *policy.Operand) policy.Condition {
		return policy.Condition{Claim: claim("r"), ContainsAny: o}
	}
	all := func(o *policy.Operand) policy.Condition {
		return policy.Condition{Claim: claim("r"), ContainsAll: o}
	}
	ab, mixed, ref := lit([]any{"a", "b"}), lit([]any{"a", number("1")}), claimRef("want")
	long := lit([]any{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"})
	runConditions(t, []conditionCase{
		{"any: one", anyOf(ab), object{"r": []any{"x", "b"}}, isTrue, ""},
		{"any: none", anyOf(ab), object{"r": []any{"x"}}, isFalse, ""},
		{"any: empty left", anyOf(mixed), object{"r": []any{}}, isFalse, ""},
		{"any: foreign left", anyOf(ab), object{"r": []any{"x", number("1")}}, isUnknown, "another type"},
		{"any: foreign right", anyOf(mixed), object{"r": []any{"x"}}, isUnknown, "another type"},
		{"any: foreign but found", anyOf(mixed), object{"r": []any{"x", number("1")}}, isTrue, ""},
		{"any: string", anyOf(ab), object{"r": "a"}, isUnknown, "type"},
		{"any: missing", anyOf(ab), object{}, isUnknown, "missing"},
		{"any: long", anyOf(long), object{"r": []any{"x", "j"}}, isTrue, ""},
		{"any: none of long", anyOf(long), object{"r": []any{"x"}}, isFalse, ""},
		{"any: null is nothing", anyOf(long), object{"r": []any{nil}}, isUnknown, "another type"},
		{"any: claim", anyOf(ref), object{"r": []any{"x", "b"}, "want": []any{"a", "b"}}, isTrue, ""},
		{"any: none of claim", anyOf(ref), object{"r": []any{"x"}, "want": []any{"a", "b"}}, isFalse, ""},
		{"any: empty claim", anyOf(ref), object{"r": []any{"x"}, "want": []any{}}, isUnknown, "empty"},
		{"any: claim that is a string", anyOf(ref), object{"r": []any{"x"}, "want": "x"}, isUnknown, "compare with"},
		{"any: nulls", anyOf(ref), object{"r": []any{nil}, "want": []any{nil}}, isUnknown, "compare with"},
		{"any: as long together as may be", anyOf(ref), object{"r": append(repeat("x", 1023), "y"), "want": append(repeat("z", 15), "y")}, isTrue, ""},
		{"any: one more", anyOf(ref), object{"r": append(repeat("x", 1024), "y"), "want": append(repeat("z", 15), "y")}, isUnknown, "too long"},
		{"any: too long together", anyOf(ref), object{"r": repeat("x", 1024), "want": repeat("x", 100)}, isUnknown, "too long"},
		{"all: all", all(ab), object{"r": []any{"b", "x", "a"}}, isTrue, ""},
		{"all: some", all(ab), object{"r": []any{"b"}}, isFalse, ""},
		{"all: twice the same", all(ab), object{"r": []any{"a", "a"}}, isFalse, ""},
		{"all: empty left", all(ab), object{"r": []any{}}, isFalse, ""},
		{"all: foreign left, all there", all(ab), object{"r": []any{"a", "b", nil}}, isTrue, ""},
		{"all: foreign left, one lacks", all(ab), object{"r": []any{"a", nil}}, isUnknown, "another type"},
		{"all: false beats unknown", all(mixed), object{"r": []any{"x"}}, isFalse, ""},
		{"all: of long", all(long), object{"r": []any{"j", "i", "h", "g", "f", "e", "d", "c", "b", "a"}}, isTrue, ""},
		{"all: one lacks of long", all(long), object{"r": []any{"j", "i", "h", "g", "f", "e", "d", "c", "b"}}, isFalse, ""},
		{"all: claim", all(ref), object{"r": []any{"a", "b"}, "want": []any{"a", "b"}}, isTrue, ""},
		{"all: claim lacks", all(ref), object{"r": []any{"a"}, "want": []any{"a", "b"}}, isFalse, ""},
		{"all: empty claim", all(ref), object{"r": []any{"a"}, "want": []any{}}, isUnknown, "empty"},
		{"all: missing claim", all(ref), object{"r": []any{"a"}}, isUnknown, "missing"},
		{"all: claim with foreign element", all(ref), object{"r": []any{"a"}, "want": []any{"a", number("1")}}, isUnknown, "another type"},
	})
}

func TestHasScope(t *testing.T) {
	has := func(o *policy.Operand) policy.Condition {
		return policy.Condition{Claim: claim("scope"), HasScope: o}
	}
	read := has(lit("read"))
	runConditions(t, []conditionCase{
		{"alone", read, object{"scope": "read"}, isTrue, ""},
		{"first", read, object{"scope": "read write"}, isTrue, ""},
		{"last", read, object{"scope": "write read"}, isTrue, ""},
		{"not there", read, object{"scope": "write"}, isFalse, ""},
		{"empty", read, object{"scope": ""}, isFalse, ""},
		{"prefix of another", read, object{"scope": "readall"}, isFalse, ""},
		{"suffix of another", read, object{"scope": "no-read"}, isFalse, ""},
		{"case", read, object{"scope": "READ"}, isFalse, ""},
		{"tab", read, object{"scope": "write\tread"}, isUnknown, "RFC 6749"},
		{"tab elsewhere", read, object{"scope": "read write\tx"}, isUnknown, "RFC 6749"},
		{"newline", read, object{"scope": "write\nread"}, isUnknown, "RFC 6749"},
		{"double space", read, object{"scope": "write  read"}, isUnknown, "RFC 6749"},
		{"leading space", read, object{"scope": " read"}, isUnknown, "RFC 6749"},
		{"trailing space", read, object{"scope": "read "}, isUnknown, "RFC 6749"},
		{"only a space", read, object{"scope": " "}, isUnknown, "RFC 6749"},
		{"quote", read, object{"scope": `"read" read`}, isUnknown, "RFC 6749"},
		{"no-break space", read, object{"scope": "write\u00a0read"}, isUnknown, "RFC 6749"},
		{"comma", read, object{"scope": "write,read"}, isFalse, ""},
		{"list", read, object{"scope": []any{"write", "read"}}, isTrue, ""},
		{"not in list", read, object{"scope": []any{"write"}}, isFalse, ""},
		{"empty list", read, object{"scope": []any{}}, isFalse, ""},
		{"joined element", read, object{"scope": []any{"read write"}}, isUnknown, "RFC 6749"},
		{"foreign element", read, object{"scope": []any{"write", number("1")}}, isUnknown, "RFC 6749"},
		{"foreign element, match", read, object{"scope": []any{number("1"), "read"}}, isTrue, ""},
		{"number", read, object{"scope": number("1")}, isUnknown, "type"},
		{"missing", read, object{}, isUnknown, "missing"},
		{"null", read, object{"scope": nil}, isUnknown, "null"},
		{"capture", has(&policy.Operand{Path: "id"}), object{"scope": "u-1 x"}, isTrue, ""},
		{"two scopes wanted", has(&policy.Operand{Header: "x-scope"}), object{"scope": "read write"}, isUnknown, "one scope"},
		{"empty wanted", has(&policy.Operand{Header: "x-empty"}), object{"scope": "read"}, isUnknown, "empty"},
		{"number wanted", has(claimRef("n")), object{"scope": "1", "n": number("1")}, isUnknown, "compare with"},
		{"header", policy.Condition{Header: "x-scope", HasScope: lit("write")}, object{}, isTrue, ""},
	})
}

func TestTexts(t *testing.T) {
	sub := claim("sub")
	re := func(source string) policy.Condition { return policy.Condition{Claim: sub, Matches: lit(source)} }
	runConditions(t, []conditionCase{
		{"prefix", policy.Condition{Claim: sub, Prefix: lit("svc-")}, object{"sub": "svc-a"}, isTrue, ""},
		{"no prefix", policy.Condition{Claim: sub, Prefix: lit("svc-")}, object{"sub": "xsvc-a"}, isFalse, ""},
		{"prefix of a number", policy.Condition{Claim: sub, Prefix: lit("1")}, object{"sub": number("12")}, isUnknown, "type"},
		{"prefix by empty reference", policy.Condition{Claim: sub, Prefix: &policy.Operand{Header: "x-empty"}}, object{"sub": "a"}, isUnknown, "empty"},
		{"prefix by claim of other type", policy.Condition{Claim: sub, Prefix: claimRef("n")}, object{"sub": "a", "n": true}, isUnknown, "compare with"},
		{"prefix missing", policy.Condition{Claim: sub, Prefix: lit("a")}, object{}, isUnknown, "missing"},
		{"suffix", policy.Condition{Claim: sub, Suffix: lit("@example.com")}, object{"sub": "a@example.com"}, isTrue, ""},
		{"no suffix", policy.Condition{Claim: sub, Suffix: lit("@example.com")}, object{"sub": "a@example.com.evil.test"}, isFalse, ""},
		{"suffix null", policy.Condition{Claim: sub, Suffix: lit("a")}, object{"sub": nil}, isUnknown, "null"},
		{"matches", re("u-[0-9]+"), object{"sub": "u-12"}, isTrue, ""},
		{"matches only part", re("u-[0-9]+"), object{"sub": "xu-12"}, isFalse, ""},
		{"matches before newline", re("u-[0-9]+"), object{"sub": "u-12\n"}, isFalse, ""},
		{"alternation stays anchored", re("a|b"), object{"sub": "ax"}, isFalse, ""},
		{"multi-line flag stays inside", re("(?m)^a$"), object{"sub": "x\na"}, isFalse, ""},
		{"matches a number", re("1"), object{"sub": number("1")}, isUnknown, "type"},
		{"matches too much", re("a*"), object{"sub": strings.Repeat("a", 2<<10+1)}, isUnknown, "too long"},
		{"matches at the limit", re("a*"), object{"sub": strings.Repeat("a", 2<<10)}, isTrue, ""},
		{"matches missing", re("a"), object{}, isUnknown, "missing"},
		{"issuer name", policy.Condition{Issuer: "name", Equals: lit("idp")}, object{}, isTrue, ""},
		{"issuer url", policy.Condition{Issuer: "url", Prefix: lit("https://id.example.com/")}, object{}, isTrue, ""},
		{"issuer url is exact", policy.Condition{Issuer: "url", Equals: lit("https://id.example.com")}, object{}, isFalse, ""},
	})
}

func TestOrder(t *testing.T) {
	n := claim("n")
	five := lit(number("5"))
	runConditions(t, []conditionCase{
		{"lt", policy.Condition{Claim: n, LessThan: five}, object{"n": number("4.999999999999999999999")}, isTrue, ""},
		{"lt equal", policy.Condition{Claim: n, LessThan: five}, object{"n": number("5.0")}, isFalse, ""},
		{"lte equal", policy.Condition{Claim: n, LessOrEqual: five}, object{"n": number("5.0")}, isTrue, ""},
		{"gt", policy.Condition{Claim: n, GreaterThan: five}, object{"n": number("10")}, isTrue, ""},
		{"gt negative", policy.Condition{Claim: n, GreaterThan: five}, object{"n": number("-10")}, isFalse, ""},
		{"gte equal", policy.Condition{Claim: n, GreaterOrEqual: five}, object{"n": number("5")}, isTrue, ""},
		{"gte equal with exponent", policy.Condition{Claim: n, GreaterOrEqual: five}, object{"n": number("0.5e1")}, isTrue, ""},
		{"huge exponent", policy.Condition{Claim: n, GreaterThan: five}, object{"n": number("1e999999")}, isTrue, ""},
		{"string", policy.Condition{Claim: n, GreaterThan: five}, object{"n": "10"}, isUnknown, "type"},
		{"missing", policy.Condition{Claim: n, GreaterThan: five}, object{}, isUnknown, "missing"},
		{"null", policy.Condition{Claim: n, LessThan: five}, object{"n": nil}, isUnknown, "null"},
		{"claim", policy.Condition{Claim: n, LessThan: claimRef("max")}, object{"n": number("1"), "max": number("2")}, isTrue, ""},
		{"claim of other type", policy.Condition{Claim: n, LessThan: claimRef("max")}, object{"n": number("1"), "max": "2"}, isUnknown, "compare with"},
		{"after", policy.Condition{Time: "now", GreaterOrEqual: lit("2026-03-01T12:00:00Z")}, object{}, isTrue, ""},
		{"not after", policy.Condition{Time: "now", GreaterThan: lit("2026-03-01T12:00:00Z")}, object{}, isFalse, ""},
		{"with offset", policy.Condition{Time: "now", LessThan: lit("2026-03-01T13:00:01+01:00")}, object{}, isTrue, ""},
		{"seconds", policy.Condition{Time: "now", LessThan: lit(number("1772366401"))}, object{}, isTrue, ""},
		{"seconds reached", policy.Condition{Time: "now", LessThan: lit(number("1772366400"))}, object{}, isFalse, ""},
	})
}

// TestP1ListsOfEachKind holds that a value is found in a list, short or long, if
// its kind and its value are there, and never by one of the two alone.
func TestP1ListsOfEachKind(t *testing.T) {
	short := []any{"a", number("7"), true}
	long := []any{"a", number("7"), true}
	for i := range 20 {
		long = append(long, "s"+strings.Repeat("x", i), number("1"+strings.Repeat("0", i)))
	}
	for size, wanted := range map[string][]any{"short": short, "long": long, "long, twice": append(long[:len(long):len(long)], long...)} {
		less := long[1:]
		if size == "short" {
			less = short[1:]
		}
		for _, row := range []struct {
			value any
			want  policy.Truth
		}{
			{"a", isTrue}, {number("7.0"), isTrue}, {true, isTrue}, {"b", isFalse}, {number("8"), isFalse}, {number("0"), isFalse}, {number("-7"), isFalse},
			{number("70"), isFalse}, {false, isFalse}, {"", isFalse}, {"7", isFalse}, {"true", isFalse}, {[]any{"a"}, isUnknown}, {object{}, isUnknown},
		} {
			if got := truthOf(t, policy.Condition{Claim: claim("v"), In: lit(wanted)}, request("/", object{"v": row.value})); got.Truth != row.want {
				t.Errorf("%v in a %s list: %v, want %v", row.value, size, got.Truth, row.want)
			}
		}
		for _, row := range []struct {
			list     []any
			any, all policy.Truth
		}{
			{wanted, isTrue, isTrue}, {less, isTrue, isUnknown}, {[]any{number("0"), number("8")}, isUnknown, isFalse}, {[]any{false}, isUnknown, isFalse},
			{[]any{false, "b"}, isUnknown, isUnknown}, {[]any{number("70"), true}, isTrue, isUnknown},
		} {
			in := request("/", object{"v": row.list})
			if got := truthOf(t, policy.Condition{Claim: claim("v"), ContainsAny: lit(wanted)}, in); got.Truth != row.any {
				t.Errorf("any of a %s list in %.60v: %v, want %v", size, row.list, got.Truth, row.any)
			}
			if got := truthOf(t, policy.Condition{Claim: claim("v"), ContainsAll: lit(wanted)}, in); got.Truth != row.all {
				t.Errorf("all of a %s list in %.60v: %v, want %v", size, row.list, got.Truth, row.all)
			}
		}
	}
	for name, row := range map[string]struct{ value, list any }{
		"zero among texts": {number("0"), []any{"a", "b"}}, "false among texts": {false, []any{"a", "b"}}, "empty text among numbers": {"", []any{number("0"), number("1")}},
		"false among numbers": {false, []any{number("0"), number("1")}}, "zero among booleans": {number("0"), []any{false, true}}, "empty text among booleans": {"", []any{false}},
	} {
		in := request("/", object{"v": row.value, "l": row.list})
		for kind, c := range map[string]policy.Condition{
			"literal": {Claim: claim("v"), In: lit(row.list)}, "claim": {Claim: claim("v"), In: claimRef("l")},
		} {
			if got := truthOf(t, c, in); got.Truth != isUnknown {
				t.Errorf("%s, %s: %v", name, kind, got.Truth)
			}
		}
	}
}

// TestP1EveryByteOfAScope holds which bytes a scope may hold (RFC 6749 section
// 3.3): with any other nothing is known of the scopes.
func TestP1EveryByteOfAScope(t *testing.T) {
	has := policy.Condition{Claim: claim("scope"), HasScope: claimRef("want")}
	for i := range 256 {
		c := string([]byte{byte(i)})
		want, other := isUnknown, isUnknown
		if i > ' ' && i < 0x7f && c != `"` && c != `\` {
			want, other = isTrue, isFalse
		}
		for _, scope := range []any{"x a" + c + "b", []any{"x", "a" + c + "b"}} {
			if got := truthOf(t, has, request("/", object{"scope": scope, "want": "a" + c + "b"})); got.Truth != want {
				t.Errorf("%q in %T: %v", c, scope, got.Truth)
			}
			if got := truthOf(t, has, request("/", object{"scope": scope, "want": "other"})); got.Truth != other && c != " " {
				t.Errorf("another than %q in %T: %v", c, scope, got.Truth)
			}
		}
	}
	for name, scopes := range map[string][]any{"number": {number("1"), "b"}, "null": {nil, "b"}, "two in one": {"b c", "d"}, "at the end": {"b", true}, "between": {"b", "", "d"}} {
		if got := truthOf(t, has, request("/", object{"scope": scopes, "want": "a"})); got.Truth != isUnknown {
			t.Errorf("a list with a %s: %v", name, got.Truth)
		}
	}
}

// TestOrderOnEachSide holds each comparison below, at and above its bound, of
// numbers and of the time, and what its negation makes of it.
func TestOrderOnEachSide(t *testing.T) {
	type at = [3]policy.Truth // below, equal, above
	for name, row := range map[string]struct {
		of   func(o *policy.Operand) policy.Condition
		want at
	}{
		"lt":  {func(o *policy.Operand) policy.Condition { return policy.Condition{LessThan: o} }, at{isTrue, isFalse, isFalse}},
		"lte": {func(o *policy.Operand) policy.Condition { return policy.Condition{LessOrEqual: o} }, at{isTrue, isTrue, isFalse}},
		"gt":  {func(o *policy.Operand) policy.Condition { return policy.Condition{GreaterThan: o} }, at{isFalse, isFalse, isTrue}},
		"gte": {func(o *policy.Operand) policy.Condition { return policy.Condition{GreaterOrEqual: o} }, at{isFalse, isTrue, isTrue}},
	} {
		for i, value := range []string{"-7", "5", "12.5"} {
			amount, clock := row.of(lit(number("5"))), row.of(lit([]string{"2026-03-01T12:00:01Z", "2026-03-01T12:00:00Z", "2026-03-01T11:59:59Z"}[i]))
			amount.Claim, clock.Time = claim("n"), "now"
			for kind, c := range map[string]policy.Condition{"number": amount, "time": clock} {
				in := request("/", object{"n": number(value)})
				if got, turned := truthOf(t, c, in), truthOf(t, not(c), in); got.Truth != row.want[i] || turned.Truth != negation(row.want[i]) {
					t.Errorf("%s of a %s, case %d: %v, turned %v, want %v", name, kind, i, got.Truth, turned.Truth, row.want[i])
				}
			}
		}
	}
}

func TestClockIsUnknownWithoutOne(t *testing.T) {
	in := request("/", object{})
	in.Now = time.Time{}
	got := truthOf(t, policy.Condition{Time: "now", GreaterThan: lit(number("0"))}, in)
	if got.Truth != policy.Unknown {
		t.Errorf("without a clock: %v", got.Truth)
	}
}
