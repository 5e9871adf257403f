package token

// Algorithm is a JWS signature algorithm. The zero value is none of them.
type Algorithm uint8

// The algorithms there are (RFC 7518 section 3.1, RFC 8037, RFC 9864). `none`
// and the HMAC algorithms are not among them and cannot be expressed.
const (
	RS256 Algorithm = iota + 1
	RS384
	RS512
	PS256
	PS384
	PS512
	ES256
	ES384
	ES512
	EdDSA
	Ed25519
)

// AlgorithmSet is a set of algorithms.
type AlgorithmSet uint16

// With returns the set with a added.
func (s AlgorithmSet) With(a Algorithm) AlgorithmSet { return s | 1<<a }

// Has reports whether a is in the set.
func (s AlgorithmSet) Has(a Algorithm) bool { return a != 0 && s&(1<<a) != 0 }

// ParseAlgorithm returns the algorithm of that exact, case-sensitive name.
func ParseAlgorithm(name string) (Algorithm, bool) { panic("not built") }

// String returns the registered name.
func (a Algorithm) String() string { panic("not built") }
