package token

import (
	"crypto/rsa"
	"time"
)

// costs are how long verifications take, by algorithm and, of RSA, by units of
// 1,024 bits of the key: guesses until they are measured.
type costs [algorithmCount][maxRSABits/1024 + 1]time.Duration

// What is measured counts for a sixteenth, and for no more than eight times what
// was expected: a processor that was taken away in between is nobody's fault.
const (
	costWeight = 16
	costExcess = 8
)

func newCosts() *costs {
	var c costs
	for a := range c {
		for size := range c[a] {
			c[a][size] = guess(Algorithm(a), size)
		}
	}
	return &c
}

// guess is of the order of what a common server takes.
func guess(alg Algorithm, size int) time.Duration {
	switch alg {
	case ES256, EdDSA, Ed25519:
		return 60 * time.Microsecond
	case ES384:
		return 400 * time.Microsecond
	case ES512:
		return time.Millisecond
	}
	return time.Duration(8*max(2, size)*max(2, size)) * time.Microsecond
}

// of returns what a verification is expected to take.
func (c *costs) of(key *Key, alg Algorithm) *time.Duration {
	size := 0
	if public, ok := key.public.(*rsa.PublicKey); ok {
		size = min(public.N.BitLen()/1024, len(c[alg])-1)
	}
	return &c[alg][size]
}

// learn takes in what one took and returns what it is charged.
func learn(expected *time.Duration, took time.Duration) time.Duration {
	charged := min(max(took, 0), costExcess*(*expected))
	*expected = max(*expected+(charged-*expected)/costWeight, time.Microsecond)
	return charged
}
