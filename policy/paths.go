package policy

import "strings"

type segmentKind uint8

const (
	literalSegment segmentKind = iota
	anySegment                 // `*` or `{name}`: one character or more
	globSegment                // `*` beside other text
)

// segment is one compiled segment of a pattern.
type segment struct {
	kind  segmentKind
	text  string   // of a literal
	parts []string // of a glob: the texts between its stars, two or more
}

func (s *segment) match(text string) bool {
	switch s.kind {
	case literalSegment:
		return s.text == text
	case anySegment:
		return text != ""
	}
	return matchGlob(s.parts, text)
}

// matchGlob finds each part as far left as it can be, with one character or
// more between two parts. The leftmost find leaves the most for the rest, so
// nothing is tried twice.
func matchGlob(parts []string, text string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	for _, part := range parts[1 : len(parts)-1] {
		if text == "" {
			return false
		}
		at := strings.Index(text[1:], part)
		if at < 0 {
			return false
		}
		text = text[1+at+len(part):]
	}
	return len(text) > len(last) && strings.HasSuffix(text, last)
}

// capture is a `{name}` segment of a pattern.
type capture struct {
	name  string
	index int // of the segment
}

// pattern is a compiled path pattern. It has two forms, since a request path
// has: one as sent, and one with the escapes of its literal text decoded.
type pattern struct {
	text     string // canonical, for people
	sent     []segment
	lenient  []segment
	differs  bool // the two forms do
	tail     bool // ends in `/**`
	captures []capture
}

func (p *pattern) captureIndex(name string) (int, bool) {
	for i := range p.captures {
		if p.captures[i].name == name {
			return p.captures[i].index, true
		}
	}
	return 0, false
}

// loosened returns the pattern without a trailing slash, for use with a loose
// match. "/" stays what it is.
func (p pattern) loosened() pattern {
	n := len(p.sent)
	if !p.tail && n > 1 && p.sent[n-1].kind == literalSegment && p.sent[n-1].text == "" {
		p.sent, p.lenient = p.sent[:n-1], p.lenient[:n-1]
	}
	return p
}

// fits reports whether the segments cover the route. A loose match ignores one
// trailing slash of the route.
func fits(segments []segment, tail bool, r *route, loose bool) bool {
	n := len(segments)
	switch {
	case tail:
		if r.count < n {
			return false
		}
	case r.count == n:
	case loose && r.count == n+1 && r.endsInSlash():
	default:
		return false
	}
	for i := range segments {
		if !segments[i].match(r.segment(i)) {
			return false
		}
	}
	return true
}

// matchBoth reports whether the pattern covers both forms of the path.
func (p *pattern) matchBoth(e *env) bool {
	if !fits(p.sent, p.tail, &e.sent, false) {
		return false
	}
	// A pattern whose forms differ holds an escape, so that it cannot have
	// matched a plain path.
	return e.plain || fits(p.lenient, p.tail, e.lenientRoute(), false)
}

// matchEither reports whether the pattern covers one form of the path or the
// other, a trailing slash ignored. The pattern must be loosened.
func (p *pattern) matchEither(e *env) bool {
	if fits(p.sent, p.tail, &e.sent, true) {
		return true
	}
	return (!e.plain || p.differs) && fits(p.lenient, p.tail, e.lenientRoute(), true) || p.matchTwice(e)
}

// matchTwice reports whether the pattern covers what an upstream that decodes
// twice reads. Only what must be escaped in a pattern can hide in such a path:
// whoever builds requests refuses the rest.
func (p *pattern) matchTwice(e *env) bool {
	if e.plain || !p.differs || strings.IndexByte(e.lenient.path, '%') < 0 {
		return false
	}
	var twice route
	twice.split(decodeOnce(e.lenient.path), false)
	return fits(p.lenient, p.tail, &twice, true)
}

// firstBoth returns the first pattern that matches both forms, or nil.
func firstBoth(patterns []pattern, e *env) *pattern {
	for i := range patterns {
		if patterns[i].matchBoth(e) {
			return &patterns[i]
		}
	}
	return nil
}

// firstEither returns the first pattern that matches either form, or nil.
func firstEither(patterns []pattern, e *env) *pattern {
	for i := range patterns {
		if patterns[i].matchEither(e) {
			return &patterns[i]
		}
	}
	return nil
}
