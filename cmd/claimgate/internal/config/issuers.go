package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// issuer is an issuer of the main file.
type issuer struct {
	doc      *issuerDoc
	compiled *token.Issuer // nil where something is wrong with it
	source   string        // fingerprint of its key source
}

const maxClockSkew = 5 * time.Minute

func (b *builder) compileIssuers() {
	for i := range b.main.doc.Issuers {
		doc := &b.main.doc.Issuers[i]
		at := place{b.main.source, fmt.Sprintf("issuers[%d]", i)}
		before := b.mistakes()
		b.checkIssuer(at, doc)
		_, taken := b.issuers[doc.Name]
		if taken {
			b.further(at.at("name"), fmt.Sprintf("another issuer is called %s too", doc.Name), "rename one of them")
			continue
		}
		known := &issuer{doc: doc}
		b.issuers[doc.Name] = known
		if b.mistakes() == before && doc.Issuer != "" {
			known.compiled, known.source = b.compileIssuer(at, doc)
		}
	}
}

// compileIssuer makes the runtime form of an issuer that was checked.
func (b *builder) compileIssuer(at place, doc *issuerDoc) (compiled *token.Issuer, source string) {
	keys, err := b.registry.Source(b.main.keySource(doc))
	if err != nil {
		b.problem(at.at(keysField(doc)), "the keys are of no use: "+reason(err), "")
		return nil, ""
	}
	compiled, err = token.NewIssuer(token.IssuerSpec{
		Name:        doc.Name,
		URL:         doc.Issuer,
		Audiences:   doc.Audiences,
		Algorithms:  doc.Algorithms,
		Types:       doc.Types,
		ClockSkew:   time.Duration(doc.ClockSkew),
		MaxTokenAge: time.Duration(doc.MaxTokenAge),
		Keys:        keys,
		KeysID:      keys.ID(),
	})
	if err != nil {
		b.problem(at, "the issuer is of no use: "+err.Error(), "")
		return nil, ""
	}
	return compiled, keys.ID()
}

// reason returns an error of the key registry without its own heading.
func reason(err error) string {
	text := err.Error()
	if _, detail, ok := strings.Cut(text, jwks.ErrSpec.Error()+": "); ok {
		return detail
	}
	return text
}

// keySource describes the keys of an issuer. Static keys have no schedule.
func (m *Main) keySource(doc *issuerDoc) jwks.SourceSpec {
	spec := jwks.SourceSpec{
		Issuer: doc.Issuer,
		URI:    doc.JWKSURI,
		File:   m.beside(doc.JWKSFile),
		Inline: string(doc.JWKS),
	}
	if static(doc) {
		return spec
	}
	k := &doc.Keys
	spec.RefreshInterval, spec.MaxStale = time.Duration(k.RefreshInterval), time.Duration(k.MaxStale)
	spec.UnknownKIDCooldown, spec.UnknownKIDWait = time.Duration(k.UnknownKIDCooldown), time.Duration(k.UnknownKIDWait)
	spec.MaxBackoff, spec.Timeout = time.Duration(k.MaxBackoff), time.Duration(k.Timeout)
	spec.CAFile = m.beside(k.CAFile)
	spec.AllowPrivateAddresses, spec.InsecureHTTP = k.AllowPrivateAddresses, k.InsecureHTTP
	return spec
}

func static(doc *issuerDoc) bool { return doc.JWKSFile != "" || doc.JWKS != "" }

func keysField(doc *issuerDoc) string {
	switch {
	case doc.JWKS != "":
		return "jwks"
	case doc.JWKSFile != "":
		return "jwksFile"
	case doc.Keys.CAFile != "":
		return "keys.caFile"
	case doc.JWKSURI != "":
		return "jwksUri"
	}
	return "issuer"
}

func (b *builder) checkIssuer(at place, doc *issuerDoc) {
	b.checkName(at.at("name"), doc.Name)
	if doc.Issuer != "" {
		b.checkURL(at.at("issuer"), doc.Issuer, doc.Keys.InsecureHTTP)
		if strings.ContainsAny(doc.Issuer, "?#") {
			b.further(at.at("issuer"), "an issuer has neither query nor fragment", "write it exactly as tokens do")
		}
	}
	if doc.JWKSURI != "" {
		b.checkURL(at.at("jwksUri"), doc.JWKSURI, doc.Keys.InsecureHTTP)
	}
	b.once(at.at("audiences"), doc.Audiences)
	b.once(at.at("types"), doc.Types)
	b.once(at.at("algorithms"), doc.Algorithms)
	for i, name := range doc.Algorithms {
		b.checkAlgorithm(at.item("algorithms", i), name)
	}
	if time.Duration(doc.ClockSkew) > maxClockSkew {
		b.problem(at.at("clockSkew"), "the greatest skew is 5m", "set the clocks right instead")
	}
	b.checkKeys(at, doc)
}

// checkURL checks a URL of an issuer without changing it: it is compared to
// the byte.
func (b *builder) checkURL(at place, text string, insecure bool) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		b.problem(at, "this is no URL", "write it as https://id.example.com/")
	case u.User != nil:
		b.problem(at, "the URL holds a user name or password", "remove it")
	case u.Scheme == "http" && !insecure && !isLoopback(u.Hostname()):
		b.problem(at, "http is for loopback addresses only", "use https, or write keys: {insecureHTTP: true}")
	case u.Scheme != "https" && u.Scheme != "http":
		b.problem(at, "the URL must begin with https://", "write it as https://id.example.com/")
	}
}

func (b *builder) checkAlgorithm(at place, name string) {
	_, ok := token.ParseAlgorithm(name)
	switch {
	case ok || name == "":
	case strings.EqualFold(name, "none"):
		b.problem(at, "tokens without a signature are never accepted", "remove none")
	case strings.HasPrefix(strings.ToUpper(name), "HS"):
		b.problem(at, "HMAC algorithms are never accepted: whoever can verify such a token can forge it", "let the issuer sign with RS256 or ES256")
	default:
		b.further(at, fmt.Sprintf("there is no algorithm %.64q", name), yamldoc.Suggest(name, algorithmNames()))
	}
}

func algorithmNames() []string {
	var names []string
	for a := token.RS256; a <= token.Ed25519; a++ {
		names = append(names, a.String())
	}
	return names
}

func (b *builder) checkKeys(at place, doc *issuerDoc) {
	given := 0
	for _, written := range []bool{doc.JWKSURI != "", doc.JWKSFile != "", doc.JWKS != ""} {
		if written {
			given++
		}
	}
	if given > 1 {
		b.problem(at, "an issuer has one source of keys", "keep one of jwksUri, jwksFile and jwks")
	}
	if static(doc) {
		b.staticKeys(at.at("keys"))
		return
	}
	b.lowTimings(at.at("keys"), &doc.Keys)
}

// staticKeys warns of settings that say how to fetch what is never fetched.
func (b *builder) staticKeys(at place) {
	for _, name := range []string{"refreshInterval", "unknownKidCooldown", "unknownKidWait", "maxStale", "maxBackoff", "timeout", "caFile", "allowPrivateAddresses"} {
		if b.written(at.at(name)) {
			b.warn(at.at(name), "this has no effect, since the keys of this issuer are never fetched", "remove it")
		}
	}
}

// lowTimings warns of timings that work against the key contract.
func (b *builder) lowTimings(at place, k *keysDoc) {
	timings := []struct {
		name       string
		value      delay
		low        time.Duration
		whatIfLess string
	}{
		{"refreshInterval", k.RefreshInterval, time.Minute, "every replica asks the issuer that often"},
		{"unknownKidCooldown", k.UnknownKIDCooldown, 5 * time.Second, "bad tokens can make claimgate ask the issuer that often"},
		{"unknownKidWait", k.UnknownKIDWait, 20 * time.Millisecond, "few fetches end in that time, so the first tokens of a new key get 503"},
		{"maxStale", k.MaxStale, time.Hour, "an outage of the issuer soon becomes one of yours"},
		{"maxBackoff", k.MaxBackoff, 10 * time.Second, "an issuer in trouble is asked that often"},
		{"timeout", k.Timeout, 500 * time.Millisecond, "a slow answer counts as a failure"},
	}
	for _, t := range timings {
		if t.value > 0 && time.Duration(t.value) < t.low {
			b.warn(at.at(t.name), fmt.Sprintf("this is less than %s: %s", short(t.low), t.whatIfLess), "")
		}
	}
}

// short renders a duration without zero parts.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// issuerNames returns the names of the main file's issuers, sorted.
func (b *Base) issuerNames() []string {
	names := make([]string, 0, len(b.issuers))
	for name := range b.issuers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
