package authz

import (
	"maps"
	"math/bits"
	"slices"
)

// envoyAuthHeaders are what Envoy's own filter tells an upstream about a
// check. It leaves a client's copy alone where it does not set them.
func envoyAuthHeaders() []string {
	return []string{"x-envoy-auth-failure-mode-allowed", "x-envoy-auth-partial-body"}
}

// removal knows what an allow removes. Every list is made once for a snapshot,
// for each set of headers that some tenant sets.
type removal struct {
	owned    []string                // by bit
	always   []string                // guarded besides the owned names
	variants []string                // every `_` variant; nil where the proxy refuses them
	guarded  map[string]struct{}     // names whose variants are removed
	endings  endings                 // of the names that a survey looks at
	rejects  bool                    // the proxy refuses names with `_`
	lists    map[uint64]*[4][]string // by what is set, then as removeKey.index says
}

// removeKey names one list: what is set, whether Authorization goes, and
// whether there may be headers that we do not see.
type removeKey struct {
	set           uint64
	authorization bool
	unseen        bool
}

func (k removeKey) index() int {
	index := 0
	if k.authorization {
		index |= 1
	}
	if k.unseen {
		index |= 2
	}
	return index
}

func newRemoval(owned *OwnedHeaders, proxy ProxySpec) *removal {
	r := &removal{owned: owned.Names(), guarded: map[string]struct{}{}, lists: map[uint64]*[4][]string{}, rejects: proxy.RejectsUnderscores}
	if !proxy.KeepEnvoyAuthHeaders {
		r.always = envoyAuthHeaders()
	}
	r.endings.add(authorizationHeader)
	r.endings.add("connection")
	for _, name := range slices.Concat(r.owned, r.always) {
		r.guarded[name] = struct{}{}
		r.endings.add(name)
		if !proxy.RejectsUnderscores {
			r.variants = appendVariants(r.variants, name)
		}
	}
	return r
}

// appendVariants appends every spelling of the name with a `_` in place of at
// least one dash.
func appendVariants(dst []string, name string) []string {
	var dashes []int
	for i := range len(name) {
		if name[i] == '-' {
			dashes = append(dashes, i)
		}
	}
	for mask := uint(1); mask < 1<<len(dashes); mask++ {
		spelling := []byte(name)
		for rest := mask; rest != 0; rest &= rest - 1 {
			spelling[dashes[bits.TrailingZeros(rest)]] = '_'
		}
		dst = append(dst, string(spelling))
	}
	return dst
}

// maxRemovalLists bounds the lists that are made beforehand, which together may
// hold many more names than there are tenants.
const maxRemovalLists = 1024

// prepare makes the lists for one set of headers. Only before the snapshot is
// in force.
func (r *removal) prepare(set uint64) {
	if r.lists[set] != nil || 4*len(r.lists) >= maxRemovalLists {
		return
	}
	made := &[4][]string{}
	for _, key := range []removeKey{{set, false, false}, {set, true, false}, {set, false, true}, {set, true, true}} {
		made[key.index()] = slices.Clip(r.build(key))
	}
	r.lists[set] = made
}

// prepared returns a removal with the lists for these sets of headers: itself,
// where it has them, or may have no more.
func (r *removal) prepared(sets ...uint64) *removal {
	missing := func(set uint64) bool { return r.lists[set] == nil }
	if 4*len(r.lists) >= maxRemovalLists || !slices.ContainsFunc(sets, missing) {
		return r
	}
	more := *r
	more.lists = maps.Clone(r.lists)
	for _, set := range sets {
		more.prepare(set)
	}
	return &more
}

func (r *removal) build(key removeKey) []string {
	list := make([]string, 0, len(r.owned)+len(r.always)+1)
	for i, name := range r.owned {
		if key.set&(1<<i) == 0 {
			list = append(list, name)
		}
	}
	list = append(list, r.always...)
	if key.authorization {
		list = append(list, authorizationHeader)
	}
	if key.unseen {
		list = append(list, r.variants...)
	}
	return list
}

// list returns the names to remove, but for the variants that a request holds.
// The list is shared with other decisions.
func (r *removal) list(key removeKey) []string {
	if made := r.lists[key.set]; made != nil {
		return made[key.index()]
	}
	return r.build(key)
}

// isVariant reports whether some upstream may take the name for a guarded one,
// though it is another: those that follow RFC 3875 fold a dash and an
// underscore, older ones every byte besides letters and digits.
func (r *removal) isVariant(name string) bool {
	return r.endings.has(name) && !isDashed(name) && r.folds(name)
}

// folds is isVariant for a name that is not too long. One that holds letters,
// digits and dashes only, the most common, is told sooner.
func (r *removal) folds(name string) bool {
	var folded [maxHeaderNameBytes]byte
	differs := false
	for i := range len(name) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c != '-' && !isAlphanumeric(c):
			c = '-'
			differs = true
		}
		folded[i] = c
	}
	if !differs {
		return false
	}
	_, guarded := r.guarded[string(folded[:len(name)])]
	return guarded
}

// isDashed reports whether the name holds lower-case letters, digits and dashes
// only.
func isDashed(name string) bool {
	for i := range len(name) {
		if c := name[i]; c-'a' > 'z'-'a' && c != '-' && c-'0' > 9 {
			return false
		}
	}
	return true
}
