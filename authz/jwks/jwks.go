package jwks

import (
	"net/http"
	"time"
)

// SourceSpec describes one key source. Equal specs share one source. Exactly
// one of Inline, File and URI is set, or none of them for discovery.
//
// A host that is written here as a loopback address or as localhost may be
// reached there, and by plain http; no other name may lead to loopback.
type SourceSpec struct {
	Issuer string // issuer identifier; pins the discovery document
	URI    string // JWKS URI
	File   string // path of a JWKS file, read when the source is made
	Inline string // JWKS document

	RefreshInterval       time.Duration // default 5 min
	UnknownKIDCooldown    time.Duration // default 10 s
	UnknownKIDWait        time.Duration // default 100 ms
	MaxStale              time.Duration // default 24 h
	MaxBackoff            time.Duration // default 60 s
	Timeout               time.Duration // default 5 s, of one fetch
	CAFile                string        // PEM bundle in place of the system's
	AllowPrivateAddresses bool          // loopback and private ranges; never link-local or multicast
	InsecureHTTP          bool          // plain http, to hosts beyond loopback too

	// Uses are the values of `use` that keys may have: sig (the default) and
	// jwt-svid. A key without `use` counts as sig.
	Uses []string
	// BearerTokenFile holds a token for the key server (RFC 6750). It is read
	// for each request and sent to the origin of URI or Issuer alone, never
	// over plain http beyond loopback.
	BearerTokenFile string
}

// Options are what a registry needs from outside. Zero fields have defaults.
type Options struct {
	Now      func() time.Time
	Rand     func() float64 // in [0,1), for jitter
	Observer Observer
	Store    *Store            // keeps key sets; nil: none are kept
	Warn     func(text string) // hears what is odd about the store; nil: nobody

	// MaxFetches bounds the fetches at a time: so many scheduled ones, as many
	// of sources that failed last, and as many that an unknown kid caused. One
	// origin holds at most an eighth of each. A fetch that takes more than a
	// second leaves its place to the next; there is room for four times as many
	// scheduled ones of that kind, and for as many for unknown kids. Default 32.
	MaxFetches int

	// Transport replaces the network, for tests. It BYPASSES the address
	// checks, CA bundles and TLS rules of this package.
	Transport http.RoundTripper
}

// Observer hears about fetches. It must not block.
type Observer interface {
	Fetched(issuer string, result FetchResult, elapsed time.Duration)
}

// FetchResult is a closed set, fit for a metric label.
type FetchResult string

// The results of a fetch. Those but the first two are failures, after which
// the keys in force stay as they are.
const (
	FetchOK             FetchResult = "ok"
	FetchNotModified    FetchResult = "not_modified"    // 304, as good as a 200
	FetchTimeout        FetchResult = "timeout"         // no whole answer in time
	FetchDial           FetchResult = "dial"            // not connected, or the connection broke
	FetchTLS            FetchResult = "tls"             // no trusted TLS connection
	FetchStatus         FetchResult = "status"          // an unexpected HTTP status
	FetchTooLarge       FetchResult = "too_large"       // too many bytes or too many keys
	FetchMalformed      FetchResult = "malformed"       // not the document that was asked for
	FetchNoUsableKey    FetchResult = "no_usable_key"   // a key set in which no key can be used
	FetchIssuerMismatch FetchResult = "issuer_mismatch" // the document names another issuer
	FetchAddressRefused FetchResult = "address_refused" // an address or scheme that is not allowed
	FetchRedirect       FetchResult = "redirect"        // redirects are never followed
	FetchCredential     FetchResult = "credential"      // the bearer token file cannot be read
	FetchCanceled       FetchResult = "canceled"        // the source was stopped
)

// FetchResults returns the whole closed set, in a fixed order.
func FetchResults() []FetchResult {
	return []FetchResult{
		FetchOK, FetchNotModified, FetchTimeout, FetchDial, FetchTLS, FetchStatus, FetchTooLarge, FetchMalformed,
		FetchNoUsableKey, FetchIssuerMismatch, FetchAddressRefused, FetchRedirect, FetchCredential, FetchCanceled,
	}
}

// good reports whether the result confirms the keys in force.
func (r FetchResult) good() bool { return r == FetchOK || r == FetchNotModified }

// absent reports whether there was no document to judge.
func (r FetchResult) absent() bool {
	return r == FetchTimeout || r == FetchDial || r == FetchStatus
}

// Kinds of sources, as Status names them.
const (
	KindStatic = "static"
	KindRemote = "remote"
)

// Status is the state of one source. Times are zero where nothing happened.
type Status struct {
	ID           string // fingerprint of the spec
	Issuer       string
	Kind         string // "static" or "remote"
	Keys         int
	Skipped      int // unusable keys of the set in force
	LastSuccess  time.Time
	LastFailure  time.Time
	LastError    string    // a FetchResult, never text from the network
	NextRefresh  time.Time // when the next scheduled fetch is due; zero for static
	UnknownKIDs  uint64    // lookups of a kid that the set in force lacked
	GateClosures uint64    // those among them that could not ask for a fetch or join one

	Usable    bool               // there are keys, and they are not too stale
	Restored  bool               // the set in force is a kept one that no fetch confirmed yet
	Fetched   time.Time          // when the fetch began that last confirmed the set in force
	StaleAt   time.Time          // when the set in force becomes too stale; zero for static
	SkippedBy map[SkipReason]int // parts Skipped
	Failures  int                // failed fetches since the last good one
	BackOff   bool               // and until NextRefresh nothing is fetched for them
	Waiting   int                // requests that wait for a fetch now
	Absent    int                // kids that are remembered as absent
}
