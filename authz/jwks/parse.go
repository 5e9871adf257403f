package jwks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/MicahParks/jwkset"

	"github.com/claimgate/claimgate/authz/token"
)

const (
	maxBodyBytes = 512 << 10
	maxKeys      = 100
	maxShownKID  = 64
)

// Flaws of a whole document.
var (
	errTooLarge  = errors.New("larger than 512 KiB or more than 100 keys")
	errMalformed = errors.New(`not a JWK set: write {"keys": [...]}`)
)

// keyDocument is a parsed JWK set.
type keyDocument struct {
	keys    []*token.Key
	skipped []skippedKey
}

// skippedKey says why a key is not used. The words are for the person who
// wrote the set; of a set from the network only the number of them is told.
type skippedKey struct {
	index   int
	kid     string
	why     error
	private bool // holds private key material
}

func (s skippedKey) String() string {
	return fmt.Sprintf("key %d (kid %q) is skipped: %v", s.index+1, s.shownKID(), s.why)
}

// shownKID is the kid, or the beginning of a long one.
func (s skippedKey) shownKID() string { return s.kid[:min(len(s.kid), maxShownKID)] }

// parseKeySet reads a JWK set (RFC 7517 section 5). Keys that cannot be used
// are skipped; it fails only where the document itself is no JWK set.
func parseKeySet(body []byte, uses []string) (keyDocument, error) {
	if len(body) > maxBodyBytes {
		return keyDocument{}, errTooLarge
	}
	members, err := readObject(body, "keys")
	if err != nil || members["keys"] == nil {
		return keyDocument{}, errMalformed
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(members["keys"], &raw); err != nil || raw == nil {
		return keyDocument{}, errMalformed
	}
	if len(raw) > maxKeys {
		return keyDocument{}, errTooLarge
	}
	var doc keyDocument
	for n, text := range raw {
		key, skip := parseKey(text, uses)
		if skip != nil {
			skip.index = n
			doc.skipped = append(doc.skipped, *skip)
			continue
		}
		doc.keys = addKey(doc.keys, key)
	}
	return doc, nil
}

// addKey adds a key unless one with the same kid, thumbprint and issuer is there that
// is bound to the same algorithms or more; it replaces one bound to fewer.
func addKey(keys []*token.Key, key *token.Key) []*token.Key {
	for n, other := range keys {
		if other.KID() != key.KID() || other.Thumbprint() != key.Thumbprint() || other.Issuer() != key.Issuer() {
			continue
		}
		if both := other.Algorithms() | key.Algorithms(); both == other.Algorithms() {
			return keys
		} else if both == key.Algorithms() {
			keys[n] = key
			return keys
		}
	}
	return append(keys, key)
}

// Reasons to skip a key.
var (
	errKeyNotObject  = errors.New("it is no JSON object, or a member stands in it twice")
	errKeyMemberType = errors.New("a member has the wrong JSON type")
	errKeyPrivate    = errors.New("it holds private or symmetric key material")
	errKeyAlgorithm  = errors.New("its alg is empty")
	errKeyIssuer     = errors.New("its issuer is empty")
	errKeyForm       = errors.New("its members make no RSA, EC or Ed25519 key that is accepted")
	errKeyUse        = errors.New(`its use is not "sig", nor another that uses admits`)
	errKeyOps        = errors.New(`its key_ops lack "verify"`)
)

// The members that are read, and those whose presence makes a key private
// (RFC 7518 sections 6.2.2, 6.3.2 and 6.4). `issuer` is how Microsoft Entra says
// whose tokens a key of a shared set may sign. x5c, x5u and all others are never
// looked at: trust comes from where the set was found.
var (
	textMembers    = [...]string{"kty", "kid", "alg", "use", "crv", "x", "y", "n", "e", "issuer"}
	privateMembers = [...]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
)

func parseKey(text json.RawMessage, uses []string) (*token.Key, *skippedKey) {
	wanted := slices.Concat(textMembers[:], privateMembers[:], []string{"key_ops"})
	members, err := readObject(text, wanted...)
	if err != nil {
		return nil, &skippedKey{why: errKeyNotObject}
	}
	fields, err := readTexts(members)
	skip := &skippedKey{kid: fields["kid"], why: err, private: isPrivateKey(members, fields)}
	if skip.private {
		skip.why = errKeyPrivate
	}
	if skip.why == nil {
		skip.why = checkPurpose(members, fields, uses)
	}
	if skip.why != nil {
		return nil, skip
	}
	key, err := makeKey(fields)
	if err != nil {
		skip.why = err
		return nil, skip
	}
	return key, nil
}

// readTexts returns the members that must be strings; those that are not are
// an error and left out.
func readTexts(members map[string]json.RawMessage) (map[string]string, error) {
	fields := make(map[string]string, len(textMembers))
	var wrong error
	for _, name := range textMembers {
		raw, there := members[name]
		if !there {
			continue
		}
		var value *string
		if err := json.Unmarshal(raw, &value); err != nil || value == nil {
			wrong = fmt.Errorf("%w: %s", errKeyMemberType, name)
			continue
		}
		fields[name] = *value
	}
	if alg, there := fields["alg"]; there && alg == "" {
		wrong = errKeyAlgorithm // and not every algorithm, as without alg
	}
	if issuer, there := fields["issuer"]; there && issuer == "" {
		wrong = errKeyIssuer // and not every issuer, as without the member
	}
	return fields, wrong
}

func isPrivateKey(members map[string]json.RawMessage, fields map[string]string) bool {
	if fields["kty"] == "oct" {
		return true
	}
	for _, name := range privateMembers {
		if _, there := members[name]; there {
			return true
		}
	}
	return false
}

// checkPurpose refuses keys that are not meant to verify signatures (RFC 7517
// sections 4.2 and 4.3).
func checkPurpose(members map[string]json.RawMessage, fields map[string]string, uses []string) error {
	use, there := fields["use"]
	if !there {
		use = useSig
	}
	if !slices.Contains(uses, use) {
		return errKeyUse
	}
	raw, there := members["key_ops"]
	if !there {
		return nil
	}
	var ops []string
	if err := json.Unmarshal(raw, &ops); err != nil {
		return fmt.Errorf("%w: key_ops", errKeyMemberType)
	}
	if !slices.Contains(ops, "verify") {
		return errKeyOps
	}
	return nil
}

// makeKey decodes the public key from the members of its type alone, so that
// nothing else in the JWK has a say.
func makeKey(fields map[string]string) (*token.Key, error) {
	public, err := jwkset.NewJWKFromMarshal(jwkset.JWKMarshal{
		KTY: jwkset.KTY(fields["kty"]),
		CRV: jwkset.CRV(curveOf(fields)),
		X:   fields["x"], Y: fields["y"],
		N: fields["n"], E: fields["e"],
	}, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil { // its text is for programmers
		return nil, fmt.Errorf("%w (kty %.16q, crv %.16q)", errKeyForm, fields["kty"], fields["crv"])
	}
	return token.NewKey(token.KeySpec{
		KID: fields["kid"], Alg: fields["alg"], Issuer: fields["issuer"], Public: public.Key(),
	})
}

// curveOf is empty for RSA keys, which have no curve whatever they say.
func curveOf(fields map[string]string) string {
	if fields["kty"] == "RSA" {
		return ""
	}
	return fields["crv"]
}

// readObject returns the wanted members of one JSON object. Names are compared
// exactly, a wanted member that stands in it twice is refused, and so is
// anything after the object, or text that is not UTF-8.
func readObject(text []byte, wanted ...string) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, errMalformed
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return nil, errMalformed
	}
	members := make(map[string]json.RawMessage, len(wanted))
	for decoder.More() {
		name, value, err := readMember(decoder)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(wanted, name) {
			continue
		}
		if _, twice := members[name]; twice {
			return nil, errMalformed
		}
		members[name] = value
	}
	return members, nil
}

func readMember(decoder *json.Decoder) (string, json.RawMessage, error) {
	first, err := decoder.Token()
	name, isText := first.(string)
	if err != nil || !isText {
		return "", nil, errMalformed
	}
	var value json.RawMessage
	if err := decoder.Decode(&value); err != nil {
		return "", nil, errMalformed
	}
	return name, value, nil
}
