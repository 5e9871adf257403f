package token

import "strings"

// Limits on numbers.
const (
	maxNumberBytes    = 128 // of the text
	maxExponentDigits = 4
)

// number reads a number by the grammar of RFC 8259 section 6, of at most 128
// bytes and with an exponent of at most four digits, and brings it into
// canonical form. Nothing is rounded.
func (p *parser) number() (cell, bool) {
	start := p.pos
	p.take('-') // the sign is read from what was written
	whole := p.digits()
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return cell{}, false
	}
	frac := ""
	if p.take('.') {
		if frac = p.digits(); frac == "" {
			return cell{}, false
		}
	}
	exp, ok := p.exponent()
	if !ok || p.pos-start > maxNumberBytes {
		return cell{}, false
	}
	if p.peeking {
		return cell{kind: Num}, true
	}
	digits, exp := canonical(whole, frac, exp)
	return p.putNumber(p.src[start:p.pos], digits, exp)
}

// putNumber adds a number as it was written and the digits of its canonical
// form. Those of a number without a fraction are a part of what was written.
func (p *parser) putNumber(written, digits string, exp int32) (cell, bool) {
	v := cell{kind: Num, digitsLen: uint8(len(digits)), exp: int16(exp)} // bounded by maxNumberBytes and maxExponentDigits
	at := strings.Index(written, digits)
	if at < 0 {
		at, written = len(written), written+digits
		v.text.n = uint16(at)
	}
	v.digitsAt = uint8(at)
	where, ok := p.put(written)
	if v.text.n == 0 {
		v.text.n = where.n
	}
	v.text.at = where.at
	return v, ok
}

// digits consumes decimal digits, perhaps none.
func (p *parser) digits() string {
	start := p.pos
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.src[start:p.pos]
}

// exponent consumes an exponent; without one it is 0.
func (p *parser) exponent() (int32, bool) {
	if !p.take('e') && !p.take('E') {
		return 0, true
	}
	neg := p.take('-')
	if !neg {
		p.take('+')
	}
	text := p.digits()
	if text == "" || len(text) > maxExponentDigits {
		return 0, false
	}
	var exp int32
	for _, c := range []byte(text) {
		exp = exp*10 + int32(c-'0')
	}
	if neg {
		exp = -exp
	}
	return exp, true
}

// canonical returns the Digits and Exp of the number whole.frac * 10^exp.
func canonical(whole, frac string, exp int32) (string, int32) {
	digits := whole
	if frac != "" {
		digits += frac
		exp -= int32(len(frac)) // at most maxNumberBytes
	}
	digits = strings.TrimLeft(digits, "0")
	short := strings.TrimRight(digits, "0")
	if short == "" {
		return "", 0
	}
	exp += int32(len(digits) - len(short)) // at most maxNumberBytes
	return short, exp
}

// Bounds of a NumericDate: 1970-01-01T00:00:01Z to 9999-12-31T23:59:59Z.
const (
	minDate       = 1
	maxDate       = 253402300799
	maxDateDigits = 12
)

// date is a NumericDate (RFC 7519 section 2) in whole seconds, rounded either
// way; the two differ only where the token has a fraction.
type date struct{ floor, ceil int64 }

// numericDate reads a NumericDate exactly. It is false for what is no number,
// not positive, or beyond the year 9999.
func numericDate(v *Value) (date, bool) {
	n := v.Num()
	places := len(n.Digits) + int(n.Exp) // before the decimal point
	if v.Kind() != Num || n.Neg || n.Digits == "" || places < 1 || places > maxDateDigits {
		return date{}, false
	}
	var d date
	for i := range places {
		d.floor *= 10
		if i < len(n.Digits) {
			d.floor += int64(n.Digits[i] - '0')
		}
	}
	d.ceil = d.floor
	if n.Exp < 0 {
		d.ceil++
	}
	return d, d.floor >= minDate && d.ceil <= maxDate
}
