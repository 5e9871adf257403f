package authz

import (
	"strings"
	"unicode/utf8"
)

// maxCookieBytes is the longest cookie header that an answer may set.
const maxCookieBytes = 16 << 10

// kept returns the one place whose content goes on to the upstream, nil for
// none. A token that is forwarded is the one that was verified. Where none was
// read and Authorization is forwarded all the same, that is a public route's
// own wish, and it speaks of this header alone.
func (j *judgement) kept(keepsToken bool) *CredentialSpec {
	switch {
	case !keepsToken:
		return nil
	case j.place != nil:
		return j.place
	}
	own := bearerPlace()
	return &own
}

// withhold takes every credential but the one that is kept out of what the
// upstream gets: other headers and their `_` variants by name, parameters by
// name, a cookie out of the line that it stands in. Authorization is seen to
// by the list of headers to remove. A refusal names the header that cannot be
// sent on.
func (j *judgement) withhold(kept *CredentialSpec) (refused string) {
	places := j.credentials()
	for i := range places.headers {
		places.headers[i].withhold(j, kept)
	}
	j.withholdParams(places.params, kept)
	if len(places.cookies) == 0 {
		return ""
	}
	return j.withholdCookies(kept)
}

func (j *judgement) withholdParams(params []*CredentialSpec, kept *CredentialSpec) {
	removed := j.room.params[:0]
	for _, place := range params {
		if (kept == nil || !place.same(kept)) && hasParam(j.req.Query, place.Param) {
			removed = append(removed, place.Param)
		}
	}
	j.room.params = removed
	if len(removed) > 0 {
		j.out.RemoveParams = removed
	}
}

// withhold removes a header besides Authorization.
func (h *credentialHeader) withhold(j *judgement, kept *CredentialSpec) {
	if h.name == authorizationHeader {
		return
	}
	if kept == nil || kept.Header != h.name {
		j.alsoRemove(h.name)
	}
	if j.hidesHeaders() && !j.snapshot.removal.rejects {
		for _, variant := range h.variants {
			j.alsoRemove(variant)
		}
	}
	for i := range j.req.Headers.Lines {
		if name := j.req.Headers.Lines[i].Name; name != h.name && foldsTo(name, h.name) {
			j.alsoRemove(name)
		}
	}
}

// foldsTo reports whether an upstream may take the name for the other one: see
// removal.isVariant.
func foldsTo(name, other string) bool {
	if len(name) != len(other) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c != '-' && !isAlphanumeric(c) {
			c = '-'
		}
		if c != other[i] {
			return false
		}
	}
	return true
}

func hasParam(query, name string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		if key, _, _ := strings.Cut(pair, "="); key == name {
			return true
		}
	}
	return false
}

// withholdCookies writes the cookies anew without those that hold credentials.
// Without any of them the lines stay as they are.
func (j *judgement) withholdCookies(kept *CredentialSpec) (refused string) {
	var left []string
	found, seen := false, false
	for i := range j.req.Headers.Lines {
		if j.req.Headers.Lines[i].Name != "cookie" {
			continue
		}
		seen = true
		for piece := range strings.SplitSeq(j.req.Headers.Lines[i].Value, ";") {
			if j.credentials().holdsCookie(piece, kept) {
				found = true
			} else if piece = strings.Trim(piece, " \t"); piece != "" {
				left = append(left, piece)
			}
		}
	}
	switch line := strings.Join(left, "; "); {
	case !seen && j.hidesHeaders():
		j.alsoRemove("cookie") // a token may stand there, out of our sight
	case !found:
	case line == "":
		j.alsoRemove("cookie")
	case !isSendable(line):
		return "cookie"
	default:
		j.room.set = append(j.room.set, Header{Name: "cookie", Value: line})
		j.out.Set = j.room.set
	}
	return ""
}

func (c *credentials) holdsCookie(piece string, kept *CredentialSpec) bool {
	for _, place := range c.cookies {
		if kept != nil && place.same(kept) {
			continue
		}
		if _, found := cookiePiece(piece, place.Cookie); found {
			return true
		}
	}
	return false
}

// isSendable reports whether an answer can hold the line: UTF-8 without control
// bytes, and not too long.
func isSendable(line string) bool {
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return len(line) <= maxCookieBytes && utf8.ValidString(line)
}
