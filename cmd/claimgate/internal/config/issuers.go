package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// issuer is an issuer of the main file.
type issuer struct {
	doc       *issuerDoc
	compiled  *authz.Issuer  // nil where something is wrong with it, and for a template
	source    string         // fingerprint of its key source
	perTenant bool           // holds properties of the tenant, and is compiled for each
	sound     bool           // nothing is wrong with it
	covers    *regexp.Regexp // what the template makes of tenants or claims; nil: it is none
	alike     *regexp.Regexp // what it is or may become, by its alike form
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
		known := &issuer{doc: doc, perTenant: isTenantTemplate(doc.Issuer) || isTenantTemplate(doc.JWKSURI)}
		b.issuers[doc.Name] = known
		known.sound = b.mistakes() == before && doc.Issuer != ""
		known.alike = covers(alike(doc.Issuer))
		if isTenantTemplate(doc.Issuer) || isClaimTemplate(doc.Issuer) {
			known.covers = covers(doc.Issuer)
		}
		b.reserved.reserve(known)
		if known.sound && !known.perTenant {
			known.compiled, known.source = b.compileIssuer(&b.report, at, doc)
			known.sound = known.compiled != nil
		}
	}
	b.issuerNames = slices.Sorted(maps.Keys(b.issuers))
}

// compileIssuer makes the runtime form of an issuer that was checked, and
// returns the fingerprint of its key source.
func (b *Base) compileIssuer(found *report, at place, doc *issuerDoc) (compiled *authz.Issuer, source string) {
	keys, err := b.registry.Source(b.main.keySource(doc))
	if err != nil {
		field := keysField(doc)
		if errors.Is(err, jwks.ErrBearerToken) {
			field = "keys.bearerTokenFile"
		}
		mend := ""
		if errors.Is(err, fs.ErrNotExist) {
			mend = "write the path of a file, relative to the folder of this one"
		}
		found.problem(at.at(field), "the keys are of no use: "+reason(err), mend)
		return nil, ""
	}
	admitted, err := token.Without(keys, doc.Keys.Deny)
	if err != nil {
		found.problem(at.at("keys.deny"), "a kid has 1 to 256 bytes without control characters", "write a kid or a thumbprint")
		return nil, ""
	}
	verified, err := token.NewIssuer(token.IssuerSpec{
		Name:          doc.Name,
		URL:           doc.Issuer,
		Audiences:     doc.Audiences,
		AudienceClaim: doc.AudienceClaim,
		Algorithms:    doc.Algorithms,
		Types:         doc.Types,
		ClockSkew:     time.Duration(doc.ClockSkew),
		MaxTokenAge:   time.Duration(doc.MaxTokenAge),
		Keys:          admitted,
		KeysID:        viewOf(keys.ID(), doc.Keys.Deny),
	})
	if err != nil {
		found.problem(at, "the issuer is of no use: "+err.Error(), "")
		return nil, ""
	}
	compiled, problems := authz.NewIssuer(authz.IssuerSpec{
		Issuer:      verified,
		TenantClaim: doc.TenantClaim,
		Mappings:    mappings(doc.ClaimMappings),
		Credentials: credentials(doc),
	})
	for _, p := range problems {
		found.further(at.at(p.Path), p.Message, p.Mend)
	}
	return compiled, keys.ID()
}

// viewOf names a key source less the denied keys.
func viewOf(source string, denied []string) string {
	if len(denied) == 0 {
		return source
	}
	sum := sha256.New()
	for _, name := range slices.Sorted(slices.Values(denied)) {
		_, _ = fmt.Fprintf(sum, "%d:%s", len(name), name) // a hash never fails
	}
	return source + "-" + hex.EncodeToString(sum.Sum(nil))
}

func mappings(docs map[string]claimPath) map[string][]string {
	if len(docs) == 0 {
		return nil
	}
	paths := make(map[string][]string, len(docs))
	for name, path := range docs {
		paths[name] = path
	}
	return paths
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
		Uses:   doc.Keys.Uses,
	}
	if static(doc) {
		return spec
	}
	k := &doc.Keys
	spec.RefreshInterval, spec.MaxStale = time.Duration(k.RefreshInterval), time.Duration(k.MaxStale)
	spec.UnknownKIDCooldown, spec.UnknownKIDWait = time.Duration(k.UnknownKIDCooldown), time.Duration(k.UnknownKIDWait)
	spec.MaxBackoff, spec.Timeout = time.Duration(k.MaxBackoff), time.Duration(k.Timeout)
	spec.CAFile, spec.BearerTokenFile = m.beside(k.CAFile), m.beside(k.BearerTokenFile)
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

func (b *report) checkIssuer(at place, doc *issuerDoc) {
	b.checkName(at.at("name"), doc.Name)
	if doc.Issuer != "" {
		b.checkTemplate(at.at("issuer"), doc.Issuer, true)
		b.checkURL(at.at("issuer"), filled(doc.Issuer), doc.Keys.InsecureHTTP)
		if start, _, found := strings.Cut(doc.Issuer, "/.well-known/"); found {
			b.further(at.at("issuer"), "this is the address of a document about the issuer",
				"write the issuer as tokens say it in iss, such as "+start+", with a slash at its end if they have one")
		}
		if strings.ContainsAny(doc.Issuer, "?#") {
			b.further(at.at("issuer"), "an issuer has neither query nor fragment", "write it exactly as tokens do")
		}
		if isClaimTemplate(doc.Issuer) && doc.JWKSURI == "" && !static(doc) {
			b.further(at.at("issuer"), "an issuer that holds a claim has no one place where its keys could be discovered", "write jwksUri")
		}
	}
	if doc.JWKSURI != "" {
		b.checkTemplate(at.at("jwksUri"), doc.JWKSURI, false)
		b.checkURL(at.at("jwksUri"), filled(doc.JWKSURI), doc.Keys.InsecureHTTP)
	}
	if doc.Required && (isTenantTemplate(doc.Issuer) || isTenantTemplate(doc.JWKSURI)) {
		b.problem(at.at("required"), "this makes an issuer of each tenant, and no tenant keeps the others waiting", "remove it")
	}
	b.checkCredentials(at, doc)
	for _, name := range slices.Sorted(maps.Keys(doc.ClaimMappings)) {
		mapping := at.at("claimMappings." + yamldoc.PathName(name))
		b.checkName(mapping, name)
		b.dotted(mapping, doc.ClaimMappings[name])
	}
	b.dotted(at.at("audienceClaim"), doc.AudienceClaim)
	b.dotted(at.at("tenantClaim"), doc.TenantClaim)
	b.once(at.at("audiences"), doc.Audiences)
	if path := doc.AudienceClaim; len(path) == 1 && slices.Contains([]string{"iss", "sub", "jti"}, path[0]) {
		b.problem(at.at("audienceClaim"), "this claim does not say for whom a token is", "write a claim such as client_id, or remove this")
	}
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

// filled puts a text in the place of what is in braces.
func filled(text string) string { return braces.ReplaceAllString(text, "x") }

// checkURL checks a URL of an issuer without changing it: it is compared to
// the byte.
func (b *report) checkURL(at place, text string, insecure bool) {
	if wrong, mend := urlMistake(text, insecure); wrong != "" {
		b.problem(at, wrong, mend)
	}
}

// urlMistake returns what is wrong with a URL, or "", and how to mend it.
func urlMistake(text string, insecure bool) (wrong, mend string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return "this is no URL", "write it as https://id.example.com/"
	case u.User != nil:
		return "the URL holds a user name or password", "remove it"
	case u.Scheme == "http" && !insecure && !isLoopback(u.Hostname()):
		return "http is for loopback addresses only", "use https, or write keys: {insecureHTTP: true}"
	case u.Scheme != "https" && u.Scheme != "http":
		return "the URL must begin with https://", "write it as https://id.example.com/"
	}
	return "", ""
}

func (b *report) checkAlgorithm(at place, name string) {
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

func (b *report) checkKeys(at place, doc *issuerDoc) {
	given := 0
	for _, written := range []bool{doc.JWKSURI != "", doc.JWKSFile != "", doc.JWKS != ""} {
		if written {
			given++
		}
	}
	if given > 1 {
		b.problem(at, "an issuer has one source of keys", "keep one of jwksUri, jwksFile and jwks")
	}
	b.once(at.at("keys.uses"), doc.Keys.Uses)
	b.once(at.at("keys.deny"), doc.Keys.Deny)
	if static(doc) {
		b.staticKeys(at.at("keys"))
		return
	}
	b.lowTimings(at.at("keys"), &doc.Keys)
}

// staticKeys warns of settings that say how to fetch what is never fetched.
func (b *report) staticKeys(at place) {
	for _, name := range []string{"refreshInterval", "unknownKidCooldown", "unknownKidWait", "maxStale", "maxBackoff", "timeout", "caFile", "bearerTokenFile", "allowPrivateAddresses"} {
		if b.written(at.at(name)) {
			b.warn(at.at(name), "this has no effect, since the keys of this issuer are never fetched", "remove it")
		}
	}
}

// lowTimings warns of timings that work against the key contract.
func (b *report) lowTimings(at place, k *keysDoc) {
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
