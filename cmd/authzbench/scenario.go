package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// entry is a variant under a workload: one process.
type entry struct {
	variant variant
	load    workload
	levels  []level
}

// lineup is what takes part in a run.
type lineup struct {
	entries []entry
	bare    *workload // verification without a server, where it takes part
	fronts  []front   // ways through a real Envoy
}

// scenario is a part of a lineup.
type scenario struct {
	name string
	does string
	join func(*lineup, *settings) error
}

var errScenario = errors.New("no such scenario")

// Names of scenarios.
const (
	standard   = "standard"
	acceptance = "acceptance"
	smoke      = "smoke"
)

// scenarios returns all of them but those that stand for several.
func scenarios() []scenario {
	return []scenario{
		{standard, "the variants of -variants under the load of -tokens, -tenants, -hits, -alg and -frame, at every level", joinStandard},
		{"lean", "stock, floor and claimgate where Envoy sends only the headers that are needed", joinLean},
		{"tokens", "claimgate with 1 and 100,000 tokens in its cache, saturated", joinTokens},
		{"tenants", "claimgate with 1, 100 and 10,000 tenants, saturated", joinTenants},
		{"first-seen", "claimgate where 1 % and all of the tokens are new, beside bare verification, saturated", joinFirstSeen},
		{"algorithms", "claimgate where all tokens are new, with PS256, ES256 and EdDSA, saturated", joinAlgorithms},
		{"envoy", "through a real Envoy: without a filter, jwt_authn and rbac in it, and ext_authz", joinEnvoy},
	}
}

// choose returns the lineup of the scenarios in a comma-separated list.
func (s *settings) choose(list string) (*lineup, error) {
	names := strings.Split(list, ",")
	if slices.Contains(names, acceptance) || slices.Contains(names, smoke) {
		names = nil
		for _, c := range scenarios() {
			names = append(names, c.name)
		}
	}
	team := &lineup{}
	for _, name := range names {
		all := scenarios()
		i := slices.IndexFunc(all, func(c scenario) bool { return c.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("%w: %q", errScenario, name)
		}
		if err := all[i].join(team, s); err != nil {
			return nil, err
		}
	}
	return team, nil
}

// add lets a variant take part, unless it does so already under such a
// workload; it is then measured at the levels of both.
func (l *lineup) add(name string, load workload, at ...level) error {
	v, err := variantNamed(name)
	if err != nil {
		return err
	}
	for i := range l.entries {
		e := &l.entries[i]
		if e.variant.name == v.name && e.load == load {
			for _, more := range at {
				if !slices.Contains(e.levels, more) {
					e.levels = append(e.levels, more)
				}
			}
			return nil
		}
	}
	l.entries = append(l.entries, entry{v, load, at})
	return nil
}

// each adds several workloads of one variant, saturated.
func (l *lineup) each(name string, loads ...workload) error {
	for _, load := range loads {
		if err := l.add(name, load, levels()[0]); err != nil {
			return err
		}
	}
	return nil
}

func joinStandard(l *lineup, s *settings) error {
	for _, v := range s.chosen {
		if err := l.add(v.name, s.load, levels()...); err != nil {
			return err
		}
	}
	return nil
}

func joinLean(l *lineup, _ *settings) error {
	lean := usual()
	lean.Lean = true
	for _, name := range []string{stock, floor, claimgate} {
		if err := errors.Join(l.add(name, lean, levels()...), l.add(name, usual(), levels()...)); err != nil {
			return err
		}
	}
	return nil
}

// manyTokens and manyTenants are the great numbers of the scenarios.
const (
	manyTokens  = 100_000
	manyTenants = 10_000
	newTokens   = 20_000
)

func joinTokens(l *lineup, s *settings) error {
	one, many := usual(), usual()
	one.Tokens, many.Tokens = 1, s.scaled(manyTokens)
	return l.each(claimgate, one, many)
}

func joinTenants(l *lineup, s *settings) error {
	numbers := []int{1, 100, manyTenants}
	all := make([]workload, 0, len(numbers))
	for _, n := range numbers {
		load := usual()
		load.Tokens, load.Tenants = s.scaled(manyTenants), s.scaled(n)
		all = append(all, load)
	}
	return l.each(claimgate, all...)
}

func (s *settings) misses(share float64, algorithm string) workload {
	load := usual()
	load.Tokens, load.Hits, load.Algorithm = max(s.scaled(newTokens), minCold), share, algorithm
	return load
}

func joinFirstSeen(l *lineup, s *settings) error {
	fresh := s.misses(0, "RS256")
	l.bare = &fresh
	return errors.Join(l.each(stock, usual()), l.each(claimgate, s.misses(0.99, "RS256"), fresh))
}

func joinAlgorithms(l *lineup, s *settings) error {
	return l.each(claimgate, s.misses(0, "PS256"), s.misses(0, "ES256"), s.misses(0, "EdDSA"))
}

// scaled is a great number, or a small one where a run only shows that all
// works.
func (s *settings) scaled(n int) int {
	if s.smoke {
		return max(1, n/100)
	}
	return n
}
