package config

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"weak"

	"github.com/claimgate/claimgate/policy"
)

// digest identifies a policy by what it was compiled from.
type digest = [sha256.Size]byte

// policies compiles each policy once, however many tenants have it, and keeps
// none that no tenant has any more. Safe for concurrent use.
type policies struct {
	mu       sync.Mutex
	compiler policy.Compiler
	known    map[digest]weak.Pointer[policy.Policy]
}

// part is a piece of a tenant's policy that is compiled on its own.
type part struct {
	policy *policy.Policy
	id     digest
	at     place // blamed where it does not go together with what came before
}

func newPolicies() *policies {
	return &policies{known: map[digest]weak.Pointer[policy.Policy]{}}
}

func (p *policies) find(id digest) *policy.Policy {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[id].Value()
}

// keep remembers a policy, and returns the one that another goroutine was
// faster to make.
func (p *policies) keep(id digest, compiled *policy.Policy) *policy.Policy {
	p.mu.Lock()
	defer p.mu.Unlock()
	if first := p.known[id].Value(); first != nil {
		return first
	}
	p.known[id] = weak.Make(compiled)
	runtime.AddCleanup(compiled, p.forget, id)
	return compiled
}

func (p *policies) forget(id digest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[id].Value() == nil {
		delete(p.known, id)
	}
}

// compile compiles a spec, or returns the policy of an equal one. Without a
// policy there are problems.
func (p *policies) compile(spec *policy.Spec) (*policy.Policy, digest, []policy.Problem) {
	id := spec.Digest()
	if known := p.find(id); known != nil {
		return known, id, nil
	}
	compiled, problems := p.compiler.Compile(*spec)
	if compiled == nil {
		return nil, id, problems
	}
	return p.keep(id, compiled), id, nil
}

// join makes one policy of several parts, or returns one of equal parts.
func (p *policies) join(parts []part) (*policy.Policy, []policy.Problem) {
	if len(parts) == 0 {
		nothing, _, problems := p.compile(&policy.Spec{})
		return nothing, problems
	}
	if len(parts) == 1 {
		return parts[0].policy, nil
	}
	h := sha256.New()
	compiled := make([]*policy.Policy, len(parts))
	for i := range parts {
		_, _ = h.Write(parts[i].id[:]) // a hash never fails
		compiled[i] = parts[i].policy
	}
	id := digest(h.Sum(nil))
	if known := p.find(id); known != nil {
		return known, nil
	}
	joined, problems := policy.Join(compiled...)
	if joined == nil {
		return nil, problems
	}
	return p.keep(id, joined), nil
}
