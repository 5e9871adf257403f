package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]policy.Number{
		"0": {}, "-0": {}, "0.000": {}, "0e5": {},
		"5": {Digits: "5"}, "5.0": {Digits: "5"}, "50e-1": {Digits: "5"}, "0.5E+1": {Digits: "5"},
		"-120": {Neg: true, Digits: "12", Exp: 1}, "1.25": {Digits: "125", Exp: -2}, "1e1000000": {Digits: "1", Exp: 1000000},
		"1e1048576": {Digits: "1", Exp: 1 << 20}, "1e-1048576": {Digits: "1", Exp: -(1 << 20)},
		strings.Repeat("1", 256): {Digits: strings.Repeat("1", 256)}, "1." + strings.Repeat("1", 255): {Digits: strings.Repeat("1", 256), Exp: -255},
	} {
		if got, err := policy.ParseNumber(text); err != nil || got != want {
			t.Errorf("%s is %+v (%v), want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "-", "+5", "05", "-05", ".5", "5.", "5e", "5e+", "5 ", " 5", "0x5", "1_000", "NaN", "Inf", "٥",
		"1e9999999", "1e99999999999999999999", strings.Repeat("1", 257),
		"1." + strings.Repeat("1", 256), "1e1048577", "1e-1048577", "1/", "1:", "1./", "1.:", "1e/", "1e:", "1e+-1", "1e++1", "1ee1", "1f1", "1.5.5", "--1", "1-1",
	} {
		if got, err := policy.ParseNumber(text); !errors.Is(err, policy.ErrNumber) {
			t.Errorf("%q is %+v (%v)", text, got, err)
		}
	}
}

// The order of numbers is that of their values, whatever their spelling.
func TestNumbersAreOrdered(t *testing.T) {
	ascending := []string{"-1e400", "-10", "-9.5", "-9", "-0.1", "-0.01", "0", "1e-400", "0.01", "0.012", "0.1", "1", "1.000000000000000000001", "9", "10", "11", "100", "9007199254740992", "9007199254740993", "1e400"}
	for i, left := range ascending {
		for j, right := range ascending {
			c := policy.Condition{Claim: claim("n"), LessThan: lit(number(right))}
			want := isFalse
			if i < j {
				want = isTrue
			}
			if got := truthOf(t, c, request("/", object{"n": number(left)})).Truth; got != want {
				t.Errorf("%s < %s is %v", left, right, got)
			}
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, seed := range []string{"0", "-1.50e3", "1e-7", "123456789012345678901234567890", "5.", "1e2147483648"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := policy.ParseNumber(text)
		if err != nil {
			return
		}
		again, err := policy.ParseNumber(n.String())
		if err != nil || again != n {
			t.Errorf("%s is %+v, its text %s is %+v (%v)", text, n, n, again, err)
		}
	})
}

// A number of a document is compared as it stands, so that one in another form
// than ParseNumber's is a mistake of whoever made it.
func TestNumbersOfDocumentsAreCanonical(t *testing.T) {
	for name, row := range map[string]struct {
		number policy.Number
		good   bool
	}{
		"zero": {policy.Number{}, true}, "parsed": {num("-12.50e3"), true}, "longest": {policy.Number{Digits: strings.Repeat("1", 256)}, true},
		"greatest": {policy.Number{Digits: "1", Exp: 1 << 21}, true}, "least": {policy.Number{Digits: "1", Exp: -(1 << 21)}, true},
		"minus zero": {policy.Number{Neg: true}, false}, "zero with exponent": {policy.Number{Exp: 1}, false}, "zero in digits": {policy.Number{Digits: "0"}, false},
		"zero before": {policy.Number{Digits: "05"}, false}, "zero behind": {policy.Number{Digits: "50"}, false}, "no digits": {policy.Number{Digits: "5x"}, false},
		"sign in digits": {policy.Number{Digits: "-5"}, false}, "longer": {policy.Number{Digits: strings.Repeat("1", 257)}, false},
		"greater": {policy.Number{Digits: "1", Exp: 1<<21 + 1}, false}, "less": {policy.Number{Digits: "1", Exp: -(1 << 21) - 1}, false},
	} {
		literal := &policy.Literal{Kind: policy.Num, Num: row.number}
		_, problems := policy.Compile(rules(allowWhen("r", policy.Condition{Claim: claim("n"), Equals: &policy.Operand{Literal: literal}})))
		if (len(problems) == 0) != row.good {
			t.Errorf("%s: %v", name, problems)
		}
	}
}
