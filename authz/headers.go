package authz

import (
	"slices"
	"strconv"
)

// HeaderSpec is one request header to inject.
type HeaderSpec struct {
	Name         string
	Source       SourceSpec
	Join         string // separator of a list's elements; "" refuses lists
	Encoding     Encoding
	Required     bool // absent denies with HeaderValueRefused
	OmitOversize bool // `oversize: omit`: leave out instead of denying
}

const maxJoinBytes = 4

// header is a compiled HeaderSpec.
type header struct {
	name     string
	bit      uint64 // of the owned set
	fixed    int    // of the tenant's fixed texts; -1: the request tells
	required bool
	omit     bool
	encoder  *encoder // in common with headers that are encoded alike
	source   source
}

// headerPlan is the headers that a tenant injects. Those that may be left out come
// last, so that they never take the room of one that may not.
type headerPlan struct {
	headers []header
	all     uint64 // bits of all headers
	free    uint64 // bits of those that need no token
	fixed   int    // how many are the same for every request of a tenant
}

// apply computes the headers to set and their bits. It appends to set. A
// refusal names the header.
func (p *headerPlan) apply(j *judgement, set []Header) (_ []Header, bits uint64, refused string) {
	total := 0
	for i := range p.headers {
		h := &p.headers[i]
		text, ok := h.text(j)
		if ok && (len(text) > MaxHeaderValueBytes || total+len(text) > MaxHeaderTotalBytes) {
			text, ok = "", h.omit
		}
		if !ok || text == "" && h.required && j.issuer != nil {
			return set, 0, h.name
		}
		if text == "" {
			continue
		}
		total += len(text)
		bits |= h.bit
		set = append(set, Header{Name: h.name, Value: text})
	}
	return set, bits, ""
}

// text is the value for one request. It reports false for one that cannot be sent.
func (h *header) text(j *judgement) (string, bool) {
	if h.fixed >= 0 {
		f := &j.tenant.fixed[h.fixed]
		return f.text, f.ok
	}
	return h.encoder.encode(h.source.read(j), &j.room.scratch)
}

// fixedText is the value of a header that is the same for every request.
type fixedText struct {
	text string
	ok   bool // it can be sent
}

// fixTexts encodes what a plan sends of the tenant, in the order of the headers.
func (p *headerPlan) fixTexts(texts []string) []fixedText {
	fixed := make([]fixedText, p.fixed)
	for i := range p.headers {
		h := &p.headers[i]
		if h.fixed < 0 {
			continue
		}
		value := sourced{text: h.source.text}
		if h.source.kind == ofTenant {
			value.text = texts[h.source.index]
		}
		fixed[h.fixed].text, fixed[h.fixed].ok = h.encoder.encode(value, &scratch{})
	}
	return fixed
}

// compileHeaders checks and compiles the headers of a tenant.
func (p *plan) compileHeaders(spec *TenantSpec, found *problems) {
	plan := &p.headers
	for i := range spec.Headers {
		h := p.compileHeader(spec, i, found)
		if h.bit != 0 && plan.all&h.bit != 0 {
			found.add(at("headers", i)+".name", "header "+strconv.Quote(h.name)+" is set twice", "remove one")
		}
		plan.all |= h.bit
		if !h.source.needsToken() {
			plan.free |= h.bit
		}
		if h.fixed = -1; h.source.kind <= ofTenant {
			h.fixed = plan.fixed
			plan.fixed++
		}
		plan.headers = append(plan.headers, h)
	}
	slices.SortStableFunc(plan.headers, func(a, b header) int {
		switch {
		case a.omit == b.omit:
			return 0
		case b.omit:
			return -1
		}
		return 1
	})
}

func (p *plan) compileHeader(spec *TenantSpec, index int, found *problems) header {
	wanted := &spec.Headers[index]
	place := at("headers", index)
	h := header{
		name:     wanted.Name,
		bit:      spec.Owned.bit(wanted.Name),
		source:   p.compileSource(&wanted.Source, place, found),
		encoder:  p.headers.encoderFor(wanted.Encoding, wanted.Join),
		required: wanted.Required,
		omit:     wanted.OmitOversize,
	}
	if why := CheckHeaderName(h.name); why != "" {
		found.add(place+".name", "header "+strconv.Quote(h.name)+" cannot be set: "+why, "choose another name")
	} else if h.bit == 0 {
		found.add(place+".name", "header "+strconv.Quote(h.name)+" is not owned, so that a client could send it elsewhere",
			"add it to ownedHeaders in the main file")
	}
	if h.required && h.omit {
		found.add(place+".oversize", "a required header cannot be left out", "remove required or oversize: omit")
	}
	checkEncoder(&h, wanted, place, found)
	if h.source.kind == allClaims && h.encoder.encoding == Percent {
		h.encoder = p.headers.encoderFor(Base64URL, wanted.Join)
	}
	if h.encoder.plain && h.source.isSubject() {
		h.source = source{kind: subject}
	}
	if wanted.Source.Value != nil {
		checkLiteral(&h, place+".value", found)
	}
	return h
}

// encoderFor returns the encoder of a header before that is encoded so, or a new
// one.
func (p *headerPlan) encoderFor(encoding Encoding, join string) *encoder {
	for i := range p.headers {
		if known := p.headers[i].encoder; known.encoding == encoding && known.join == join {
			return known
		}
	}
	return newEncoder(encoding, join)
}

// checkEncoder checks that separator, encoding and source go together.
func checkEncoder(h *header, wanted *HeaderSpec, place string, found *problems) {
	switch wanted.Encoding {
	case Percent, Refuse:
		if wanted.Join != "" && h.source.kind != claim && h.source.kind != mapped {
			found.add(place+".join", "only the list of a claim is joined", "remove it")
		}
		if h.source.kind == allClaims && wanted.Encoding == Refuse {
			found.add(place+".encoding", "all claims together are an object", "write base64url or json")
		}
	case Base64URL, JSON:
		if wanted.Join != "" {
			found.add(place+".join", "this encoding carries a list as JSON", "remove join or encoding")
		}
	default:
		found.add(place+".encoding", "unknown encoding", "write percent, base64url, json or refuse")
	}
	if len(wanted.Join) > maxJoinBytes || !isSeparator(wanted.Join) {
		found.add(place+".join", "a separator is 1 to "+strconv.Itoa(maxJoinBytes)+
			" printable ASCII bytes without letters, digits and `%`", `write "," or ";" or "|"`)
	}
}

// isSeparator reports whether the text may stand between elements: none of its
// bytes occurs in an escape.
func isSeparator(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '%' || isAlphanumeric(c) {
			return false
		}
	}
	return true
}

// checkLiteral checks a value that the operator wrote: it is sent as it
// stands, or in the encoding that was asked for.
func checkLiteral(h *header, place string, found *problems) {
	value := sourced{text: h.source.text}
	plain := newEncoder(Refuse, "")
	encoded, ok := h.encoder.encode(value, &scratch{})
	switch {
	case value.text == "":
		found.add(place, "an empty value would only remove the header", "ownedHeaders alone does that: remove this header here")
	case h.encoder.encoding == Percent || h.encoder.encoding == Refuse:
		if _, ok = plain.encode(value, &scratch{}); !ok {
			found.add(place, "holds what a header cannot carry as it stands: `%`, a control or non-ASCII byte, or a space at an end",
				"write printable ASCII, or encoding: base64url or json")
		}
	}
	if ok && len(encoded) > MaxHeaderValueBytes {
		found.add(place, "is longer than "+strconv.Itoa(MaxHeaderValueBytes)+" bytes", "shorten it")
	}
}
