package config

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

func TestNumbersAreExact(t *testing.T) {
	tests := []struct {
		text string
		want policy.Number
	}{
		{"0", policy.Number{}},
		{"-0", policy.Number{}},
		{"0.000", policy.Number{}},
		{"0e999999999999", policy.Number{}},
		{"5", policy.Number{Digits: "5"}},
		{"5.0", policy.Number{Digits: "5"}},
		{"5e0", policy.Number{Digits: "5"}},
		{"50", policy.Number{Digits: "5", Exp: 1}},
		{"-0.50", policy.Number{Neg: true, Digits: "5", Exp: -1}},
		{"1.25E+3", policy.Number{Digits: "125", Exp: 1}},
		{"9007199254740993", policy.Number{Digits: "9007199254740993"}},
		{"0.1000000000000000000000000000000000000001", policy.Number{Digits: "1000000000000000000000000000000000000001", Exp: -40}},
		{"1e400", policy.Number{Digits: "1", Exp: 400}},
	}
	for _, tt := range tests {
		got, ok := parseNumber(tt.text)
		if !ok || got != tt.want {
			t.Errorf("%s is %+v, %v; want %+v", tt.text, got, ok, tt.want)
		}
	}
	for _, text := range []string{"1e1001", "1e-1001", "1e99999999999", strings.Repeat("1", 65), "0." + strings.Repeat("1", 65)} {
		if got, ok := parseNumber(text); ok {
			t.Errorf("%s is %+v, want it refused", text, got)
		}
	}
}

// Whatever has one exact value has one form, and the form has that value.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"0", "-1", "1.50", "15e-1", "0.015E2", "9007199254740993", "1e400", "-0.0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 80 || strings.Trim(text, "0123456789+-.eE") != "" || !json.Valid([]byte(text)) {
			return
		}
		number, ok := parseNumber(text)
		if !ok {
			return
		}
		want, _ := new(big.Rat).SetString(text)
		if number == (policy.Number{}) {
			want = new(big.Rat) // whatever its exponent
		}
		sign := ""
		if number.Neg {
			sign = "-"
		}
		digits := number.Digits
		if digits == "" {
			digits = "0"
		}
		got, _ := new(big.Rat).SetString(sign + digits)
		scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(number.Exp, -number.Exp))), nil))
		if number.Exp < 0 {
			scale.Inv(scale)
		}
		if got.Mul(got, scale).Cmp(want) != 0 {
			t.Errorf("%s became %+v", text, number)
		}
		if strings.HasPrefix(number.Digits, "0") || strings.HasSuffix(number.Digits, "0") {
			t.Errorf("%+v is not canonical", number)
		}
	})
}
