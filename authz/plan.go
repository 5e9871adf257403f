package authz

import (
	"runtime"
	"strconv"
	"sync"
	"weak"
)

// Plans lets tenants that inject the same headers and metadata share what these
// are compiled to. It keeps nothing that no tenant has any more. Safe for
// concurrent use; nil shares nothing.
type Plans struct {
	mu    sync.Mutex
	known map[string]weak.Pointer[plan]
}

// NewPlans returns an empty Plans.
func NewPlans() *Plans { return &Plans{known: map[string]weak.Pointer[plan]{}} }

// plan is what a tenant injects, but for what is the tenant's own. Immutable.
type plan struct {
	headers    headerPlan
	metadata   metadataPlan
	properties []property
	owned      *OwnedHeaders // of which the headers have their bits
}

// property is a property of the tenant, `name` or `labels.x`, that a plan reads.
type property struct {
	name   string
	places []string // of the fields that read it
}

// compilePlan checks and compiles what the tenant injects, and looks up what
// that reads of the tenant.
func compilePlan(spec *TenantSpec, found *problems) (p *plan, texts []string) {
	p = spec.Plans.plan(spec, found)
	texts = make([]string, len(p.properties))
	for i := range p.properties {
		wanted, ok := &p.properties[i], false
		if texts[i], ok = spec.property(wanted.name); ok {
			continue
		}
		for _, place := range wanted.places {
			found.add(place+".tenant", "the tenant has no property "+strconv.Quote(wanted.name), "write name, or labels.x for one of its labels")
		}
	}
	return p, texts
}

// plan compiles what the spec injects, or returns what an equal spec made.
func (s *Plans) plan(spec *TenantSpec, found *problems) *plan {
	if s == nil {
		return newPlan(spec, found)
	}
	key := planKey(spec)
	if known := s.find(key); known != nil && known.owned == spec.Owned {
		return known
	}
	before := len(found.list)
	made := newPlan(spec, found)
	if len(found.list) > before {
		return made
	}
	return s.keep(key, made)
}

func newPlan(spec *TenantSpec, found *problems) *plan {
	p := &plan{owned: spec.Owned}
	p.compileHeaders(spec, found)
	p.compileMetadata(spec, found)
	return p
}

// property returns the index of a property.
func (p *plan) property(name, place string) int {
	for i := range p.properties {
		if p.properties[i].name == name {
			p.properties[i].places = append(p.properties[i].places, place)
			return i
		}
	}
	p.properties = append(p.properties, property{name, []string{place}})
	return len(p.properties) - 1
}

func (s *Plans) find(key string) *plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[key].Value()
}

// keep remembers a plan, and returns the one that another goroutine was faster
// to make.
func (s *Plans) keep(key string, made *plan) *plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.known[key].Value(); first != nil && first.owned == made.owned {
		return first
	}
	s.known[key] = weak.Make(made)
	runtime.AddCleanup(made, s.forget, key)
	return made
}

func (s *Plans) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[key].Value() == nil {
		delete(s.known, key)
	}
}

// planKey is a text that is equal for equal headers and metadata alone. Owned
// headers are compared apart.
func planKey(spec *TenantSpec) string {
	key := strconv.AppendInt(nil, int64(len(spec.Headers)), 10)
	for i := range spec.Headers {
		h := &spec.Headers[i]
		key = h.Source.appendKey(strconv.AppendQuote(key, h.Name))
		key = strconv.AppendUint(strconv.AppendQuote(key, h.Join), uint64(h.Encoding), 10)
		key = strconv.AppendBool(strconv.AppendBool(key, h.Required), h.OmitOversize)
	}
	for i := range spec.Metadata {
		key = spec.Metadata[i].Source.appendKey(strconv.AppendQuote(key, spec.Metadata[i].Name))
	}
	return string(key)
}

func (s *SourceSpec) appendKey(key []byte) []byte {
	if s.Claim != nil {
		key = strconv.AppendInt(append(key, 'c'), int64(len(s.Claim)), 10)
	}
	for _, name := range s.Claim {
		key = strconv.AppendQuote(key, name)
	}
	if s.Value != nil {
		key = strconv.AppendQuote(append(key, 'v'), *s.Value)
	}
	for _, text := range []string{s.Issuer, s.Tenant, s.Mapped} {
		key = strconv.AppendQuote(key, text)
	}
	return strconv.AppendBool(strconv.AppendBool(key, s.DecisionID), s.Claims)
}
