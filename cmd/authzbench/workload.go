package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/metadata"
)

// workload is what is asked: who asks how often, and in which words.
type workload struct {
	Tokens    int     `json:"tokens"`
	Tenants   int     `json:"tenants"`
	Hits      float64 `json:"hits"` // share of checks whose token was seen lately
	Algorithm string  `json:"algorithm"`
	Lean      bool    `json:"lean"` // only the headers that are needed
}

// Bounds of a workload.
const (
	maxTokens  = 1_000_000
	maxTenants = 100_000 // as many as have a name of five digits
	minCold    = 1_000   // tokens, where some are to be new each time
)

var errWorkload = errors.New("no such load")

// usual is the workload that ratios between variants are taken at.
func usual() workload { return workload{Tokens: 1000, Tenants: 1, Hits: 1, Algorithm: "RS256"} }

func (w workload) check() error {
	switch {
	case w.Tokens < 1 || w.Tokens > maxTokens:
		return fmt.Errorf("%w: -tokens is 1 to %d", errWorkload, maxTokens)
	case w.Tenants < 1 || w.Tenants > maxTenants:
		return fmt.Errorf("%w: -tenants is 1 to %d", errWorkload, maxTenants)
	case math.IsNaN(w.Hits) || w.Hits < 0 || w.Hits > 1:
		return fmt.Errorf("%w: -hits is 0 to 1", errWorkload)
	case w.Hits < 1 && w.Tokens < minCold:
		return fmt.Errorf("%w: -hits below 1 needs %d tokens, so that one that comes again was forgotten meanwhile", errWorkload, minCold)
	case !slices.Contains(algorithms(), w.Algorithm):
		return fmt.Errorf("%w: -alg is one of %s", errWorkload, strings.Join(algorithms(), ", "))
	}
	return nil
}

// String says how it differs from the usual one.
func (w workload) String() string {
	base, parts := usual(), []string(nil)
	if w.Tokens != base.Tokens && w.Hits == 1 {
		parts = append(parts, fmt.Sprintf("tokens=%d", w.Tokens))
	}
	if w.Tenants != base.Tenants {
		parts = append(parts, fmt.Sprintf("tenants=%d", w.Tenants))
	}
	if w.Hits != base.Hits {
		parts = append(parts, fmt.Sprintf("hits=%g", w.Hits))
	}
	if w.Algorithm != base.Algorithm {
		parts = append(parts, w.Algorithm)
	}
	if w.Lean {
		parts = append(parts, "lean")
	}
	return strings.Join(parts, " ")
}

// hot is how many tokens are asked for again and again; the others come in
// turns.
func (w workload) hot() int {
	switch w.Hits {
	case 1:
		return w.Tokens
	case 0:
		return 0
	default:
		return w.Tokens / 20
	}
}

// defaultCache is how many tokens claimgate keeps unless it is told otherwise.
const defaultCache = 50_000

// cache is how many tokens a server is to keep: all, or so few that one that is
// not hot is forgotten long before it comes again.
func (w workload) cache() int {
	if w.Hits == 1 {
		return max(defaultCache, 2*w.Tokens)
	}
	return 2*w.hot() + w.Tokens/20
}

// traffic is a workload in encoded frames.
type traffic struct {
	workload

	frames [][]byte
	forged []byte // the first with a signature that does not hold
	cold   atomic.Int64
	meta   metadata.MD
}

// metadataOf is what Envoy sends beside the frame. Its filter can be told to
// leave out the last two.
func metadataOf(lean bool) metadata.MD {
	md := metadata.Pairs("x-envoy-expected-rq-timeout-ms", "2000")
	if !lean {
		md.Set("x-envoy-internal", "true")
		md.Set("x-forwarded-for", "10.4.7.21")
	}
	return md
}

// cursor is the place of one client in the traffic.
type cursor struct {
	next  int // of the hot frames
	count int
}

// frame returns what a client sends next.
func (t *traffic) frame(c *cursor) []byte {
	hot := t.hot()
	c.count++
	if hot == len(t.frames) || !t.missAt(c.count) {
		c.next = (c.next + 1) % hot
		return t.frames[c.next]
	}
	return t.frames[hot+int(t.cold.Add(1)-1)%(len(t.frames)-hot)]
}

// missAt spreads the misses evenly over the checks of a client.
func (t *traffic) missAt(n int) bool {
	miss := 1 - t.Hits
	return math.Floor(float64(n)*miss+1e-9) > math.Floor(float64(n-1)*miss+1e-9)
}
