package authz

import (
	"strconv"

	"github.com/claimgate/claimgate/authz/token"
)

// SourceSpec is where the value of a header or metadata field comes from:
// exactly one of its fields is set.
type SourceSpec struct {
	Claim      []string
	Value      *string
	Issuer     string // "name" or "url"
	Tenant     string // "name" or "labels.x"
	Mapped     string // name of a claim mapping of the token's issuer
	DecisionID bool
	Claims     bool // all claims as JSON; in a header base64url
}

type sourceKind uint8

const (
	constant sourceKind = iota // a literal
	ofTenant                   // the tenant's name or a label of it
	decisionID
	claim
	mapped
	allClaims
	issuerName
	issuerURL
	subject // the claim `sub`, as a text
)

// source is a compiled SourceSpec.
type source struct {
	kind  sourceKind
	text  string   // constant, or the name of a claim mapping
	path  []string // claim
	index int      // ofTenant: of the tenant's texts
}

// isSubject reports whether the source is the claim `sub`, which verification has
// read and wants to be a text where it is there.
func (s *source) isSubject() bool { return s.kind == claim && len(s.path) == 1 && s.path[0] == "sub" }

// needsToken reports whether only a verified token yields the value.
func (s *source) needsToken() bool { return s.kind >= claim }

// sourced is the value of a source for one request: a text, or a JSON value.
// The zero value is absent.
type sourced struct {
	text  string
	value *token.Value
}

// read yields the value. A null is absent, and so is everything that needs a
// token where there is none.
func (s *source) read(j *judgement) sourced {
	switch s.kind {
	case constant:
		return sourced{text: s.text}
	case ofTenant:
		return sourced{text: j.tenant.texts[s.index]}
	case decisionID:
		return sourced{text: j.idText}
	}
	if j.issuer == nil {
		return sourced{}
	}
	switch s.kind {
	case issuerName:
		return sourced{text: j.issuer.Name()}
	case issuerURL:
		return sourced{text: j.verified.IssuerURL}
	case subject:
		return sourced{text: j.verified.Subject}
	case allClaims:
		return sourced{value: j.claims.root}
	}
	var value *token.Value
	if s.kind == mapped {
		value = j.mapped.at(j.grant.issuer.mapping(s.text)) // nil where this token's issuer does not know the name
	} else {
		value = j.claims.root.Lookup(s.path)
	}
	if value == nil || value.Kind() == token.Null {
		return sourced{}
	}
	return sourced{value: value}
}

// compileSource checks that the spec names exactly one source. Whether the
// tenant has what is read of it is another question.
func (p *plan) compileSource(spec *SourceSpec, place string, found *problems) source {
	named := make([]source, 0, 1)
	if spec.Claim != nil {
		found.checkClaimPath(place+".claim", spec.Claim)
		named = append(named, source{kind: claim, path: spec.Claim})
	}
	if spec.Value != nil {
		named = append(named, source{kind: constant, text: *spec.Value})
	}
	if spec.Tenant != "" {
		named = append(named, source{kind: ofTenant, index: p.property(spec.Tenant, place)})
	}
	if spec.Mapped != "" {
		named = append(named, source{kind: mapped, text: spec.Mapped})
	}
	if spec.Issuer != "" {
		kind := issuerName
		switch spec.Issuer {
		case "name":
		case "url":
			kind = issuerURL
		default:
			found.add(place+".issuer", "unknown property "+strconv.Quote(spec.Issuer)+" of an issuer", "write name or url")
		}
		named = append(named, source{kind: kind})
	}
	if spec.DecisionID {
		named = append(named, source{kind: decisionID})
	}
	if spec.Claims {
		named = append(named, source{kind: allClaims})
	}
	const choice = "write exactly one of claim, mapped, value, tenant, issuer, decisionId, claims"
	switch len(named) {
	case 1:
		return named[0]
	case 0:
		found.add(place, "names no source", choice)
	default:
		found.add(place, "names more than one source", choice)
	}
	return source{}
}

// problems gathers the mistakes of one document.
type problems struct{ list []Problem }

func (p *problems) add(path, message, mend string) {
	p.list = append(p.list, Problem{Path: path, Message: message, Mend: mend})
}

// addBelow adds problems of a part of the document.
func (p *problems) addBelow(base string, list []Problem) {
	for _, problem := range list {
		problem.Path = base + "." + problem.Path
		p.list = append(p.list, problem)
	}
}

func (p *problems) addAll(list []Problem) { p.list = append(p.list, list...) }

func (p *problems) checkClaimPath(place string, path []string) {
	if len(path) == 0 || len(path) > token.MaxDepth {
		p.add(place, "a claim path has 1 to "+strconv.Itoa(token.MaxDepth)+" names", "")
	}
	for _, name := range path {
		if name == "" {
			p.add(place, "a claim path holds an empty name", "name the claim, or each member on the way to it")
			return
		}
	}
}

// at renders a field path, as in `headers[1]`.
func at(field string, index int) string { return field + "[" + strconv.Itoa(index) + "]" }
