package policy

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
)

// ErrNumber is returned by ParseNumber.
var ErrNumber = errors.New("not a JSON number, or out of bounds")

// Bounds of a number, so that no comparison costs much.
const (
	maxDigits   = 256
	maxExponent = 1 << 20
)

// ParseNumber reads a number in the grammar of RFC 8259 section 6 and returns
// its canonical form. Nothing is rounded. It refuses more than 256 digits and
// exponents beyond 2^20 with ErrNumber.
func ParseNumber(text string) (Number, error) {
	rest, neg := strings.CutPrefix(text, "-")
	whole, rest := leadingDigits(rest)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return Number{}, ErrNumber
	}
	fraction := ""
	if after, ok := strings.CutPrefix(rest, "."); ok {
		if fraction, rest = leadingDigits(after); fraction == "" {
			return Number{}, ErrNumber
		}
	}
	exp, err := exponent(rest)
	if err != nil || len(whole)+len(fraction) > maxDigits {
		return Number{}, ErrNumber
	}
	return canonical(neg, whole+fraction, exp-len(fraction)), nil
}

func leadingDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

func exponent(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, ErrNumber
	}
	s = s[1:]
	sign := 1
	if strings.HasPrefix(s, "-") {
		sign = -1
	}
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	if digits, rest := leadingDigits(s); digits == "" || rest != "" {
		return 0, ErrNumber
	}
	exp, err := strconv.Atoi(s)
	if err != nil || exp > maxExponent {
		return 0, ErrNumber
	}
	return sign * exp, nil
}

// canonical strips the zeros at both ends. exp stays far inside an int32.
func canonical(neg bool, digits string, exp int) Number {
	digits = strings.TrimLeft(digits, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return Number{}
	}
	return Number{Neg: neg, Digits: trimmed, Exp: int32(exp + len(digits) - len(trimmed))}
}

// isCanonical reports whether n is in the form that Number documents.
func (n Number) isCanonical() bool {
	if n.Digits == "" {
		return n == Number{}
	}
	digits, rest := leadingDigits(n.Digits)
	return rest == "" && len(digits) <= maxDigits && digits[0] != '0' && digits[len(digits)-1] != '0' &&
		n.Exp <= 2*maxExponent && n.Exp >= -2*maxExponent
}

// compare returns -1, 0 or 1 as n is less than, equal to or greater than m.
func (n Number) compare(m Number) int {
	if s, t := n.sign(), m.sign(); s != t || s == 0 {
		return cmp.Compare(s, t)
	}
	c := cmp.Compare(n.magnitude(), m.magnitude())
	if c == 0 {
		// Without leading zeros and of one magnitude, digits order as text.
		c = strings.Compare(n.Digits, m.Digits)
	}
	if n.Neg {
		return -c
	}
	return c
}

func (n Number) sign() int {
	switch {
	case n.Digits == "":
		return 0
	case n.Neg:
		return -1
	}
	return 1
}

func (n Number) magnitude() int64 { return int64(len(n.Digits)) + int64(n.Exp) }

// String writes the number in full where that is short, else with an exponent.
func (n Number) String() string {
	sign := ""
	if n.Neg {
		sign = "-"
	}
	switch point := n.magnitude(); {
	case n.Digits == "":
		return "0"
	case n.Exp >= 0 && point <= 21:
		return sign + n.Digits + strings.Repeat("0", int(n.Exp))
	case n.Exp < 0 && point > 0:
		return sign + n.Digits[:point] + "." + n.Digits[point:]
	case n.Exp < 0 && point > -6:
		return sign + "0." + strings.Repeat("0", int(-point)) + n.Digits
	}
	return sign + n.Digits + "e" + strconv.Itoa(int(n.Exp))
}
