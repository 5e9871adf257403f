package jwks

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrSpec is matched by every error that is a mistake of a SourceSpec.
var ErrSpec = errors.New("jwks: bad key source")

const (
	defaultRefreshInterval = 5 * time.Minute
	defaultCooldown        = 10 * time.Second
	defaultWait            = 100 * time.Millisecond
	defaultMaxStale        = 24 * time.Hour
	defaultMaxBackoff      = time.Minute
	defaultTimeout         = 5 * time.Second
)

func specError(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrSpec, fmt.Errorf(format, args...))
}

func (s SourceSpec) withDefaults() SourceSpec {
	for _, d := range []struct {
		field    *time.Duration
		fallback time.Duration
	}{
		{&s.RefreshInterval, defaultRefreshInterval},
		{&s.UnknownKIDCooldown, defaultCooldown},
		{&s.UnknownKIDWait, defaultWait},
		{&s.MaxStale, defaultMaxStale},
		{&s.MaxBackoff, defaultMaxBackoff},
		{&s.Timeout, defaultTimeout},
	} {
		if *d.field == 0 {
			*d.field = d.fallback
		}
	}
	if len(s.Uses) == 0 {
		s.Uses = []string{useSig}
	}
	s.Uses = slices.Sorted(slices.Values(s.Uses))
	return s
}

// static reports whether the keys come with the configuration.
func (s SourceSpec) static() bool { return s.Inline != "" || s.File != "" }

// validate checks a spec that has its defaults.
func (s SourceSpec) validate() error {
	if s.Issuer == "" {
		return specError("issuer is empty: write the issuer identifier that tokens carry in iss")
	}
	given := 0
	for _, text := range []string{s.URI, s.File, s.Inline} {
		if text != "" {
			given++
		}
	}
	if given > 1 {
		return specError("a JWKS URI, a file and an inline set exclude each other: keep one of them")
	}
	if err := s.validateUses(); err != nil {
		return err
	}
	if s.static() {
		return nil
	}
	if err := s.validateTimes(); err != nil {
		return err
	}
	start, err := s.start()
	if err != nil {
		return err
	}
	if s.BearerTokenFile != "" && start.Scheme != "https" && !isLoopbackName(hostOf(start)) {
		return specError("bearerTokenFile: over plain http everybody on the way reads the token: use https")
	}
	return nil
}

// validateUses wants registered values that stand for signatures (RFC 7517
// section 4.2, and the JWT-SVID profile of SPIFFE).
func (s SourceSpec) validateUses() error {
	for i, use := range s.Uses {
		if use != useSig && use != useSVID || slices.Contains(s.Uses[:i], use) {
			return specError("uses: write sig, jwt-svid or both, each once")
		}
	}
	return nil
}

func (s SourceSpec) validateTimes() error {
	for _, d := range []struct {
		name       string
		value      time.Duration
		least, top time.Duration
	}{
		{"refreshInterval", s.RefreshInterval, time.Second, 24 * time.Hour},
		{"unknownKidCooldown", s.UnknownKIDCooldown, time.Second, time.Hour},
		{"unknownKidWait", s.UnknownKIDWait, time.Millisecond, 10 * time.Second},
		{"maxBackoff", s.MaxBackoff, time.Second, time.Hour},
		{"timeout", s.Timeout, 10 * time.Millisecond, time.Minute},
		{"maxStale", s.MaxStale, s.RefreshInterval, 30 * 24 * time.Hour},
	} {
		if d.value < d.least || d.value > d.top {
			return specError("%s is %s: write a duration from %s to %s", d.name, d.value, d.least, d.top)
		}
	}
	return nil
}

// fingerprint identifies the spec and the contents of its files, so that a
// changed file makes another source.
func (s SourceSpec) fingerprint(files sourceFiles) string {
	h := sha256.New()
	for _, text := range []string{
		s.Issuer, s.URI, s.File, s.Inline, s.CAFile, string(files.keys), string(files.ca),
		strconv.FormatBool(s.AllowPrivateAddresses), strconv.FormatBool(s.InsecureHTTP),
		strings.Join(s.Uses, " "), s.BearerTokenFile,
	} {
		writeField(h, text)
	}
	for _, d := range []time.Duration{
		s.RefreshInterval, s.UnknownKIDCooldown, s.UnknownKIDWait, s.MaxStale, s.MaxBackoff, s.Timeout,
	} {
		writeField(h, d.String())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeField hashes text with its length before it, so that no two lists of
// fields run together.
func writeField(h hash.Hash, text string) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(text)))
	_, _ = h.Write(size[:]) // a hash never fails
	_, _ = h.Write([]byte(text))
}
