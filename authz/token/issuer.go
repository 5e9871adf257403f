package token

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxClockSkew is the greatest clock skew an issuer may have: beyond it an
// expired token would live on for no good reason.
const MaxClockSkew = 5 * time.Minute

const maxNameBytes = 2 << 10 // of an issuer identifier, an audience or a type

// IssuerSpec is what verification reads about one issuer.
type IssuerSpec struct {
	Name string // configured name, for logs and rules
	// URL is the exact `iss` (RFC 8725 section 3.8), or a template of it in
	// which one claim stands in braces. A template is only compared: it
	// matches an `iss` that holds, in the place of the braces, 1 to 64 of A-Z,
	// a-z, 0-9, `.`, `_`, `-` that equal the claim of that name exactly.
	URL       string
	Audiences []string // at least one; a token must name at least one of them
	// AudienceClaim is the path of the claim that names the audience; nil
	// stands for `aud`. With another claim `aud` is not looked at.
	AudienceClaim []string
	// Algorithms holds at least one registered name. EdDSA does not stand for
	// Ed25519 here, nor the other way round.
	Algorithms []string
	// Types are the accepted `typ` without "application/", case-insensitive.
	// "" admits tokens without typ; nil stands for at+jwt and JWT.
	Types       []string
	ClockSkew   time.Duration // 0 to MaxClockSkew
	MaxTokenAge time.Duration // now - iat; 0 turns the check off
	Keys        KeySource
	// KeysID is the fingerprint of the key source, never "". Cached tokens of
	// one source are not those of another.
	KeysID string
}

// Issuer is a compiled, immutable issuer.
type Issuer struct {
	name      string
	url       string // as configured, braces and all
	template  template
	audiences []string // sorted
	algs      AlgorithmSet

	audienceClaim []string
	types         []string // as mediaType returns them, sorted; "" admits none
	skew          time.Duration
	maxTokenAge   time.Duration
	keys          KeySource
	keysID        string
	settings      fingerprint
}

// NewIssuer checks and compiles an issuer. The error lists every mistake.
func NewIssuer(spec IssuerSpec) (*Issuer, error) {
	algs, algsErr := compileAlgorithms(spec.Algorithms)
	types, typesErr := compileTypes(spec.Types)
	pattern, patternErr := compileTemplate(spec.URL)
	err := errors.Join(
		checkName("URL", spec.URL),
		patternErr,
		checkAudiences(spec.Audiences),
		checkAudienceClaim(spec.AudienceClaim),
		algsErr,
		typesErr,
		checkTimes(spec),
		checkKeys(spec),
	)
	if err != nil {
		return nil, fmt.Errorf("token: issuer %q: %w", spec.Name, err)
	}
	compiled := &Issuer{
		name:      spec.Name,
		url:       spec.URL,
		template:  pattern,
		audiences: sortedSet(spec.Audiences),

		audienceClaim: audienceClaim(spec.AudienceClaim),

		algs:        algs,
		types:       types,
		skew:        spec.ClockSkew,
		maxTokenAge: spec.MaxTokenAge,
		keys:        spec.Keys,
		keysID:      spec.KeysID,
	}
	compiled.settings = settingsOf(compiled)
	return compiled, nil
}

// Name returns the configured name.
func (i *Issuer) Name() string { return i.name }

// URL returns the issuer identifier or its template, as configured.
func (i *Issuer) URL() string { return i.url }

// IsTemplate reports whether the issuer stands for many identifiers.
func (i *Issuer) IsTemplate() bool { return i.template.open() }

// Matches reports whether a token with this `iss` could be one of the issuer's.
func (i *Issuer) Matches(iss string) bool { return i.template.matches(iss) }

// Overlaps reports whether some `iss` matches both issuers.
func (i *Issuer) Overlaps(other *Issuer) bool { return i.template.overlaps(&other.template) }

// Equal reports whether both issuers have the same name and accept the same
// tokens by keys of the same source.
func (i *Issuer) Equal(other *Issuer) bool { return i == other || i.settings == other.settings }

// Fingerprint returns what issuers have in common exactly if they are Equal.
func (i *Issuer) Fingerprint() [sha256.Size]byte { return i.settings }

// HasAudience reports whether the audience is one of the issuer's.
func (i *Issuer) HasAudience(audience string) bool {
	_, found := slices.BinarySearch(i.audiences, audience)
	return found
}

// acceptsType reports whether the header's typ is one of the issuer's. A typ
// that is present and empty is none.
func (i *Issuer) acceptsType(h header) bool {
	if h.hasTyp && h.typ == "" {
		return false
	}
	return slices.Contains(i.types, h.typ)
}

func compileAlgorithms(names []string) (AlgorithmSet, error) {
	if len(names) == 0 {
		return 0, errors.New("no algorithms: name at least one, such as RS256")
	}
	var set AlgorithmSet
	for _, name := range names {
		alg, ok := ParseAlgorithm(name)
		if !ok {
			return 0, fmt.Errorf("algorithm %q: not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519", name)
		}
		set = set.With(alg)
	}
	return set, nil
}

func compileTypes(types []string) ([]string, error) {
	if types == nil {
		types = []string{"at+jwt", "JWT"}
	}
	if len(types) == 0 {
		return nil, errors.New(`no types: name at least one, or "" to admit tokens without typ`)
	}
	compiled := make([]string, len(types))
	for i, typ := range types {
		compiled[i] = mediaType(typ)
		if typ == "" {
			continue
		}
		if err := checkName("type", compiled[i]); err != nil {
			return nil, err
		}
	}
	return sortedSet(compiled), nil
}

func checkAudiences(audiences []string) error {
	if len(audiences) == 0 {
		return errors.New("no audiences: name at least one, else tokens made for others would pass")
	}
	for _, aud := range audiences {
		if err := checkName("audience", aud); err != nil {
			return err
		}
	}
	return nil
}

func audienceClaim(path []string) []string {
	if path == nil {
		return []string{"aud"}
	}
	return slices.Clone(path)
}

// checkAudienceClaim refuses claims that cannot tell for whom a token is,
// since they say who sent it or are the same in all tokens.
func checkAudienceClaim(path []string) error {
	if path != nil && len(path) == 0 {
		return errors.New("audience claim is an empty path: name a claim, such as aud or client_id")
	}
	for _, name := range path {
		if err := checkName("audience claim", name); err != nil {
			return err
		}
	}
	if len(path) == 1 && (path[0] == "iss" || path[0] == "sub" || path[0] == "jti") {
		return fmt.Errorf("audience claim %q does not say for whom a token is", path[0])
	}
	return nil
}

// checkName refuses a text that no claim could sensibly equal.
func checkName(what, text string) error {
	if text == "" {
		return fmt.Errorf("%s is empty", what)
	}
	if len(text) > maxNameBytes || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%s is longer than %d bytes, not UTF-8 or has control characters", what, maxNameBytes)
	}
	return nil
}

func checkTimes(spec IssuerSpec) error {
	if spec.ClockSkew < 0 || spec.ClockSkew > MaxClockSkew {
		return fmt.Errorf("clock skew %v: not within 0 and %v", spec.ClockSkew, MaxClockSkew)
	}
	if spec.MaxTokenAge < 0 {
		return fmt.Errorf("token age %v: negative; 0 turns the check off", spec.MaxTokenAge)
	}
	return nil
}

func checkKeys(spec IssuerSpec) error {
	if spec.Keys == nil {
		return errors.New("no key source")
	}
	if spec.KeysID == "" {
		return errors.New("no fingerprint of the key source (KeysID)")
	}
	return nil
}

// sortedSet returns a sorted copy without repetitions.
func sortedSet(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
