package authz

import (
	"strconv"

	"github.com/claimgate/claimgate/authz/token"
)

// MetadataSpec is one field of the dynamic metadata.
type MetadataSpec struct {
	Name   string
	Source SourceSpec
}

// Limits on the dynamic metadata. What exceeds them is left out.
const (
	MaxMetadataFields = 64
	MaxMetadataBytes  = 4 << 10 // of all names and texts
	MaxMetadataDepth  = 4       // of one value: a scalar has depth 1
)

// Names of our own fields.
const (
	metadataDecisionID = "decision_id"
	metadataReason     = "reason"
)

const maxMetadataNameBytes = 64

type metadataField struct {
	name   string
	source source
}

type metadataPlan []metadataField

// apply computes the metadata of an allow. It never fails: a field that is
// absent, too deep or too large is left out. It appends to fields.
func (p metadataPlan) apply(j *judgement, fields []MetadataField) []MetadataField {
	fields = append(fields, MetadataField{Name: metadataDecisionID, Text: j.idText})
	left := MaxMetadataBytes - len(metadataDecisionID) - len(j.idText)
	for i := range p {
		value := p[i].source.read(j)
		if value == (sourced{}) {
			continue
		}
		size, ok := len(value.text), true
		if value.value != nil {
			size, ok = measure(value.value, MaxMetadataDepth, left)
		}
		if size += len(p[i].name); !ok || size > left {
			continue
		}
		left -= size
		fields = append(fields, MetadataField{Name: p[i].name, Text: value.text, Value: value.value})
	}
	return fields
}

// measure returns about how many bytes the value has as JSON, and false where
// it nests more than depth levels or has more than limit bytes.
func measure(v *token.Value, depth, limit int) (int, bool) {
	size := 2
	switch v.Kind() {
	case token.String:
		size += len(v.Str())
	case token.List, token.Object:
		if depth <= 0 {
			return 0, false
		}
		for i := range v.Len() {
			name, element := "", (*token.Value)(nil)
			if v.Kind() == token.List {
				element = v.At(i)
			} else {
				name, element = v.Member(i)
			}
			inner, ok := measure(element, depth-1, limit-size)
			if size += inner + len(name) + 1; !ok || size > limit {
				return 0, false
			}
		}
	case token.Num:
		size += 2 + len(v.Num().Digits)
	default:
		size += len("false")
	}
	return size, depth > 0 && size <= limit
}

// compileMetadata checks and compiles the metadata fields of a tenant.
func (p *plan) compileMetadata(spec *TenantSpec, found *problems) {
	if len(spec.Metadata) > MaxMetadataFields {
		found.add("dynamicMetadata", "more than "+strconv.Itoa(MaxMetadataFields)+" fields", "remove some")
		return
	}
	p.metadata = make(metadataPlan, 0, len(spec.Metadata))
	seen := map[string]bool{metadataDecisionID: true, metadataReason: true}
	for i := range spec.Metadata {
		wanted := &spec.Metadata[i]
		place := at("dynamicMetadata", i)
		switch {
		case !isMetadataName(wanted.Name):
			found.add(place+".name", "field name "+strconv.Quote(wanted.Name)+" is not 1 to 64 of a-z, A-Z, 0-9, `_`, `-`, `.`", "rename it")
		case seen[wanted.Name]:
			found.add(place+".name", "field name "+strconv.Quote(wanted.Name)+" is taken", "rename it")
		}
		seen[wanted.Name] = true
		p.metadata = append(p.metadata, metadataField{name: wanted.Name, source: p.compileSource(&wanted.Source, place, found)})
	}
}

func isMetadataName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isAlphanumeric(c) && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return name != "" && len(name) <= maxMetadataNameBytes
}
