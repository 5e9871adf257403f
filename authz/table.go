package authz

import (
	"hash/maphash"
	"iter"
	"maps"
	"slices"
)

// edit is the right to change in place what was made or copied under it. Once
// it is dropped, all of that is immutable.
type edit struct{ _ byte }

// Shards hold about as many elements: few enough to be copied for one change,
// enough for the directory of them to be small.
const (
	shardSize = 32
	shardMost = 2 * shardSize // on average, before there are more shards
)

// table is a map whose changed copies share what did not change. A copy of the
// struct is another table. The zero table is empty.
type table[K comparable, V any] struct {
	seed   maphash.Seed
	shards []shard[K, V]
	mask   uint64 // of the hash: a power of two less one
	owner  *edit  // of the slice
	size   int
}

type shard[K comparable, V any] struct {
	elements map[K]V
	owner    *edit
}

func (t *table[K, V]) at(key K) uint64 {
	if t.mask == 0 {
		return 0
	}
	return maphash.Comparable(t.seed, key) & t.mask
}

func (t *table[K, V]) get(key K) (V, bool) {
	if len(t.shards) == 0 {
		var none V
		return none, false
	}
	value, ok := t.shards[t.at(key)].elements[key]
	return value, ok
}

// all visits every element, in no order.
func (t *table[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for i := range t.shards {
			for key, value := range t.shards[i].elements {
				if !yield(key, value) {
					return
				}
			}
		}
	}
}

// reserve makes room for so many elements in a table that has none.
func (t *table[K, V]) reserve(by *edit, size int) {
	count := 1
	for t.mask = 0; count*shardSize < size; t.mask = t.mask<<1 | 1 {
		count *= 2
	}
	t.seed, t.owner, t.shards = maphash.MakeSeed(), by, make([]shard[K, V], count)
}

func (t *table[K, V]) set(by *edit, key K, value V) {
	switch {
	case len(t.shards) == 0:
		t.reserve(by, 1)
	case t.size >= shardMost*len(t.shards):
		t.grow(by)
	}
	elements := t.own(by, t.at(key))
	before := len(elements)
	elements[key] = value
	t.size += len(elements) - before
}

func (t *table[K, V]) remove(by *edit, key K) {
	if _, known := t.get(key); !known {
		return
	}
	delete(t.own(by, t.at(key)), key)
	t.size--
}

// own returns the elements of a shard for changing them.
func (t *table[K, V]) own(by *edit, at uint64) map[K]V {
	if t.owner != by {
		t.shards, t.owner = slices.Clone(t.shards), by
	}
	s := &t.shards[at]
	switch {
	case s.elements == nil:
		s.elements = map[K]V{}
	case s.owner != by:
		s.elements = maps.Clone(s.elements)
	}
	s.owner = by
	return s.elements
}

func (t *table[K, V]) grow(by *edit) {
	var wide table[K, V]
	wide.reserve(by, 2*t.size)
	for key, value := range t.all() {
		wide.own(by, wide.at(key))[key] = value
	}
	wide.size = t.size
	*t = wide
}
