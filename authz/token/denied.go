package token

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// thumbprintURN stands before a thumbprint that is written as a URN (RFC 9278).
const thumbprintURN = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"

// Denied reports whether a list as Without takes it names a key.
func Denied(denied []string, kid, thumbprint string) bool {
	return slices.ContainsFunc(denied, func(name string) bool {
		return kid != "" && name == kid || thumbprint != "" && strings.TrimPrefix(name, thumbprintURN) == thumbprint
	})
}

// Without returns a source that yields the sets of another less the denied
// keys, which are named by their kid or by their RFC 7638 thumbprint in
// base64url. A text that could be either means both. Sources may share what
// they are made of, each with keys of its own denied; a denied key is refused
// fresh, cached and wherever else the set came from.
//
// A denied kid never causes a fetch while the underlying set has it. Without
// denied keys it returns the source itself.
func Without(source KeySource, denied []string) (KeySource, error) {
	if len(denied) == 0 {
		return source, nil
	}
	w := &withoutDenied{source: source, kids: make(map[string]bool), thumbprints: make(map[Thumbprint]bool)}
	for _, name := range denied {
		if !validKID(name) {
			return nil, fmt.Errorf("token: denied key %.64q: write a kid or a thumbprint", name)
		}
		w.kids[name] = true
		if t, ok := parseThumbprint(name); ok {
			w.thumbprints[t] = true
		}
	}
	return w, nil
}

// parseThumbprint reads a thumbprint as it is written in base64url, perhaps as
// the URN of RFC 9278.
func parseThumbprint(text string) (Thumbprint, bool) {
	text = strings.TrimPrefix(text, thumbprintURN)
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != len(Thumbprint{}) {
		return Thumbprint{}, false
	}
	return Thumbprint(b), true
}

// String returns the thumbprint in base64url.
func (t Thumbprint) String() string { return base64url(t[:]) }

type withoutDenied struct {
	source      KeySource
	kids        map[string]bool
	thumbprints map[Thumbprint]bool
	last        atomic.Pointer[narrowed]
}

// narrowed is what was made of the set that the source yielded last.
type narrowed struct{ whole, rest *KeySet }

// KeySet implements KeySource. While the source yields the same set it costs
// one atomic load.
func (w *withoutDenied) KeySet(ctx context.Context, kid string) (*KeySet, error) {
	whole, err := w.source.KeySet(ctx, kid)
	if err != nil || whole == nil {
		return nil, err
	}
	if last := w.last.Load(); last != nil && last.whole == whole {
		return last.rest, nil
	}
	rest := NewKeySet(slices.DeleteFunc(slices.Clone(whole.keys), w.denies))
	w.last.Store(&narrowed{whole, rest})
	return rest, nil
}

func (w *withoutDenied) denies(k *Key) bool {
	return k.kid != "" && w.kids[k.kid] || w.thumbprints[k.thumbprint]
}
