package token

import (
	"crypto/rsa"
	"math/big"
	"testing"
	"time"
)

// TestP8CostsAreGuessedInTheirOrder: before anything is measured a token is
// expected to take about what one of its algorithm and size does.
func TestP8CostsAreGuessedInTheirOrder(t *testing.T) {
	rsaOf := func(bits uint) *Key {
		return &Key{public: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 3}}
	}
	p, c := testPairs(), newCosts()
	last := time.Duration(0)
	for _, row := range []struct {
		name string
		key  *Key
		algs []Algorithm // of equal cost
	}{
		{"RSA 2048", rsaOf(2048), []Algorithm{RS256, RS384, RS512, PS256, PS384, PS512}},
		{"P-256, Ed25519", p.es.key, []Algorithm{ES256, EdDSA, Ed25519}},
		{"RSA 4096", rsaOf(4096), []Algorithm{RS256, PS512}},
		{"P-384", p.es384.key, []Algorithm{ES384}},
		{"RSA 8192", rsaOf(8192), []Algorithm{RS256, PS512}},
		{"P-521", p.es512.key, []Algorithm{ES512}},
	} {
		first := *c.of(row.key, row.algs[0])
		if first <= last {
			t.Errorf("%s: %v, the one before it %v", row.name, first, last)
		}
		for _, alg := range row.algs {
			if got := *c.of(row.key, alg); got != first {
				t.Errorf("%s, %v: %v, want %v", row.name, alg, got, first)
			}
		}
		last = first
	}
}

// TestP8CostsAreLearned: by a sixteenth of what was measured, which counts for no
// more than eight times what was expected.
func TestP8CostsAreLearned(t *testing.T) {
	const us = time.Microsecond
	for _, row := range []struct{ expected, took, charged, next time.Duration }{
		{1600 * us, 1600 * us, 1600 * us, 1600 * us},
		{1600 * us, 3200 * us, 3200 * us, 1700 * us},
		{1600 * us, 0, 0, 1500 * us},
		{1600 * us, -time.Hour, 0, 1500 * us},
		{1600 * us, 12_800 * us, 12_800 * us, 2300 * us},
		{1600 * us, time.Hour, 12_800 * us, 2300 * us},
		{us, 0, 0, us},
	} {
		next := row.expected
		if charged := learn(&next, row.took); charged != row.charged || next != row.next {
			t.Errorf("expected %v, took %v: charged %v, then expected %v; want %v and %v", row.expected, row.took, charged, next, row.charged, row.next)
		}
	}
}
