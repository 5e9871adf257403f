package live

import (
	"slices"
	"strings"

	"github.com/claimgate/claimgate/authz"
)

// holders knows which quarantined tenants hold which places, so that nobody
// takes a place from a tenant whose file is broken.
type holders struct {
	hosts   map[string][]*tenant
	parents map[string][]*tenant // of exact hosts: those that `*.x` would cover
	ids     map[[2]string][]*tenant
	all     []*tenant // those that hold `*`, and for a claimant of `*` everybody
}

func newHolders(held []*tenant) *holders {
	h := &holders{hosts: map[string][]*tenant{}, parents: map[string][]*tenant{}, ids: map[[2]string][]*tenant{}, all: held}
	for _, t := range held {
		for _, host := range t.places.Hosts {
			h.hosts[host] = append(h.hosts[host], t)
			if wide := wildcardOf(host); wide != host {
				h.parents[wide] = append(h.parents[wide], t)
			}
		}
		for id := range idsOf(t.places) {
			h.ids[id] = append(h.ids[id], t)
		}
	}
	return h
}

// wildcardOf returns the wildcard that covers an exact host.
func wildcardOf(host string) string {
	if _, parent, ok := strings.Cut(host, "."); ok {
		return "*." + parent
	}
	return host
}

func idsOf(places authz.HeldSpec) map[[2]string]bool {
	ids := make(map[[2]string]bool, len(places.IDs))
	for issuer, id := range places.IDs {
		ids[[2]string{issuer, id}] = true
	}
	return ids
}

// holder returns a quarantined tenant that holds a place that the claimant
// asks for and did not have before, or nil. Of two that were accepted once, and of
// which both had the place or none, the earlier one has it.
func (h *holders) holder(claimant *tenant, claims authz.HeldSpec) (*tenant, string) {
	had, rank := &claimant.kept, claimant.rank
	if claimant.good != nil {
		had, rank = &claimant.good.Places, 0 // what it asks for beyond its own places is new
	}
	for _, host := range claims.Hosts {
		own := slices.Contains(had.Hosts, host)
		if own && claimant.good != nil {
			continue
		}
		for _, t := range h.claimed(host) {
			known := own && !slices.Contains(t.kept.Hosts, host)
			if t.name != claimant.name && !known && (rank == 0 || t.rank != 0 && t.rank < rank) {
				return t, "host " + host
			}
		}
	}
	for id := range idsOf(claims) {
		for _, t := range h.ids[id] {
			known := had.IDs[id[0]] == id[1] && (claimant.good != nil || t.kept.IDs[id[0]] != id[1])
			if t.name != claimant.name && !known && (rank == 0 || t.rank != 0 && t.rank < rank) {
				return t, "id " + id[1] + " of issuer " + id[0]
			}
		}
	}
	return nil, ""
}

// claimed returns who holds a place within or around the host.
func (h *holders) claimed(host string) []*tenant {
	if host == "*" {
		return h.holdingHosts()
	}
	claimed := append([]*tenant{}, h.hosts[host]...)
	claimed = append(claimed, h.hosts["*"]...)
	if strings.HasPrefix(host, "*.") {
		return append(claimed, h.parents[host]...)
	}
	return append(claimed, h.hosts[wildcardOf(host)]...)
}

func (h *holders) holdingHosts() []*tenant {
	var holding []*tenant
	for _, t := range h.all {
		if len(t.places.Hosts) > 0 {
			holding = append(holding, t)
		}
	}
	return holding
}
