package telemetry

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
)

// The rules of redaction. They work on text, wherever it comes from, and err
// on the side of hiding too much:
//
//   - a compact JWS or JWE, whole or cut short;
//   - credentials behind an HTTP authentication scheme;
//   - PEM blocks, also when their end is missing;
//   - private members of a JWK (RFC 7518 section 6) in JSON text;
//   - values of form fields, headers and settings with a telling name;
//   - very long decimal numbers and lists of small ones, which is how Go
//     prints private keys and byte slices;
//   - any of these once more under base64, base64url or hexadecimal.
//
// An opaque secret without any of these marks cannot be told from other text.
// Fields that could hold one are hidden by their name (deniedName).

// redacted stands in for what was hidden.
const redacted = "[redacted]"

// A rule replaces every match of its pattern.
type rule struct {
	// marks are lower-case texts one of which every match holds: looking for
	// them is a hundred times cheaper than the pattern.
	marks       []string
	pattern     *regexp.Regexp
	replacement string
}

// rules are applied in order: whole tokens first, so that no later rule cuts
// one in half and leaves the rest.
var rules = []rule{
	{ // `eyJ` is base64url for `{"`.
		[]string{"eyj"},
		regexp.MustCompile(`eyJ[A-Za-z0-9_-]*(?:(?:\.|%2[eE])[A-Za-z0-9_-]*)+|eyJ[A-Za-z0-9_-]{8,}`), redacted,
	},
	{ // A header that begins with white space has another start.
		[]string{".", "%2e"},
		regexp.MustCompile(`[A-Za-z0-9_-]{16,}(?:(?:\.|%2[eE])[A-Za-z0-9_-]{16,}){2,}`), redacted,
	},
	{
		[]string{"-----begin"},
		regexp.MustCompile(`(?s)-----BEGIN [A-Za-z0-9 ]*-----.*?(?:-----END [A-Za-z0-9 ]*-----|\z)`), redacted,
	},
	{
		[]string{"authorization", "cookie"},
		regexp.MustCompile(`(?i)((?:authorization|cookie)\\*["']?\s*[:=]\s*\\*["']?)[^\r\n"\\]+`), "${1}" + redacted,
	},
	{ // Two credentials in a row are parted, else the scheme of the second goes with the first.
		schemes,
		regexp.MustCompile(`(?i)(\S)(bearer|basic|dpop|negotiate)([\s\pZ+:]|%20|\\[tnr])`), "${1} ${2}${3}",
	},
	{
		schemes,
		regexp.MustCompile(`(?i)(bearer|basic|dpop|negotiate)(?:[\s\pZ+:]|%20|\\[tnr])+[^\s"',;}\\]+`), "${1} " + redacted,
	},
	{
		[]string{`"`},
		regexp.MustCompile(`(\\*"(?:d|p|q|dp|dq|qi|k|oth|D|Primes)\\*"\s*:\s*)\\*"[^"]*(?:"|\z)`), `${1}"` + redacted + `"`,
	},
	{
		[]string{"secret", "passw", "passphrase", "api", "assertion", "token"},
		regexp.MustCompile(`(?i)((?:secret|passwd|password|passphrase|api[_-]?key|assertion|` +
			`(?:access|refresh|id|subject|actor|auth|session|csrf)_?token)\\*["']?\s*[:=]\s*\\*["']?)[^\s"'&,;}\\]+`),
		"${1}" + redacted,
	},
	{
		[]string{"token", "code"},
		regexp.MustCompile(`(?i)(\b(?:token|code)(?:=|%3D))[^\s"'&,;}\\]+`), "${1}" + redacted,
	},
}

var schemes = []string{"bearer", "basic", "dpop", "negotiate"}

// longNumber and byteList are how Go prints private keys and byte slices.
var (
	longNumber = regexp.MustCompile(`\d{50,}`)
	byteList   = regexp.MustCompile(`\[?\d{1,3}(?:(?:, ?| )\d{1,3}){15,}\]?`)
)

func (r *rule) apply(text, lower string) string {
	for _, mark := range r.marks {
		if strings.Contains(lower, mark) {
			return r.pattern.ReplaceAllString(text, r.replacement)
		}
	}
	return text
}

// encodedRun is text that may be an encoding of other text.
var encodedRun = regexp.MustCompile(`[A-Za-z0-9+/_-]{16,}={0,2}`)

// maxNesting bounds how many encodings of encodings are looked into.
const maxNesting = 3

// minEncoded is the length from which text may be an encoding of other text.
const minEncoded = 16

// maxText bounds one text in the log, in bytes.
const maxText = 16 << 10

// scrub returns s without anything that the rules hide, cut at maxText bytes.
// The cut comes first, so that long text costs no more than short text; every
// rule knows its match by how it begins, and so hides what the cut left.
func scrub(s string) string {
	return shorten(scrubNested(shorten(s, maxText), maxNesting), maxText)
}

func scrubNested(s string, nesting int) string {
	s = scrubPlain(s)
	if nesting == 0 || len(s) < minEncoded {
		return s
	}
	return encodedRun.ReplaceAllStringFunc(s, func(run string) string {
		if hides(run, nesting-1) {
			return redacted
		}
		return run
	})
}

// scrubPlain applies the rules to text that is not encoded. What the rules put
// in holds none of their marks, so the marks are looked for only once.
func scrubPlain(s string) string {
	lower := strings.ToLower(s)
	for i := range rules {
		s = rules[i].apply(s, lower)
	}
	if len(s) >= 50 {
		s = longNumber.ReplaceAllString(s, redacted)
	}
	if strings.Count(s, ",")+strings.Count(s, " ") >= 15 {
		s = byteList.ReplaceAllString(s, redacted)
	}
	return s
}

// hides reports whether the run decodes to something that the rules hide.
func hides(run string, nesting int) bool {
	for _, text := range decodings(run) {
		if scrubNested(text, nesting) != text {
			return true
		}
	}
	return false
}

// decodings returns what the run may stand for. A run can begin before the
// encoded text, so base64 is tried at each of its four alignments.
func decodings(run string) []string {
	var texts []string
	run = strings.TrimRight(run, "=")
	if raw, err := hex.DecodeString(run[:len(run)&^1]); err == nil {
		texts = append(texts, string(raw))
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(run, "-_") {
		encoding = base64.RawURLEncoding
	}
	for offset := range 4 {
		part := run[offset:]
		if len(part)%4 == 1 {
			part = part[:len(part)-1]
		}
		if raw, err := encoding.DecodeString(part); err == nil {
			texts = append(texts, string(raw))
		}
	}
	return texts
}

// shorten cuts s to at most limit bytes, the mark of the cut included, and at
// no place within a UTF-8 sequence.
func shorten(s string, limit int) string {
	const mark = "..."
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit-len(mark)], "") + mark
}

// deniedParts hide a field whatever its value, wherever its name holds one.
var deniedParts = []string{
	"authorization", "token", "secret", "password", "passwd", "passphrase", "cookie", "credential",
	"privatekey", "signingkey", "hashkey", "statekey", "apikey", "keymaterial", "assertion", "jwt", "jws", "bearer",
}

// deniedNames hide a field whose name is exactly this. The short ones are the
// private members of a JWK and of Go's own private keys.
var deniedNames = map[string]bool{
	"d": true, "p": true, "q": true, "dp": true, "dq": true, "qi": true, "k": true, "oth": true,
	"primes": true, "precomputed": true, "key": true, "pem": true, "jwk": true, "seed": true,
}

// deniedName reports whether a field of this name is hidden. Case and
// punctuation do not count: Client-Secret is clientsecret.
func deniedName(name string) bool {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
	if deniedNames[plain] {
		return true
	}
	for _, part := range deniedParts {
		if strings.Contains(plain, part) {
			return true
		}
	}
	return false
}
