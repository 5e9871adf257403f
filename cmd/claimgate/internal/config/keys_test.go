package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
)

// TestP3DeniedKeysAreGoneWithTheNextBuild: by kid or thumbprint, while the key
// source stays the one that is shared, so that nothing is fetched anew.
func TestP3DeniedKeysAreGoneWithTheNextBuild(t *testing.T) {
	const key = `{kty: EC, crv: P-256, kid: %s, use: sig, alg: ES256, x: "0YdS09-iHBskpkF1O6FBDb0mfbFNrEXwhzRpyHtVjyw", y: "-NG6i9eaTs0_TUXPxogg_BuiyXpSSv71f8yjs1ErAfk"}`
	registry := jwks.NewRegistry(jwks.Options{})
	build := func(keys string) (*token.Issuer, []string) {
		t.Helper()
		text := "apiVersion: claimgate.dev/v1alpha1\nissuers:\n  - {name: one, issuer: https://one.example, audiences: [api], algorithms: [ES256], jwks: {keys: [" +
			fmt.Sprintf(key, "first") + "]}" + keys + "}\n"
		main, err := LoadMain(write(t, text, t.TempDir(), "claimgate.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		base, err := main.Compile(Runtime{Keys: registry})
		if err != nil {
			t.Fatal(err)
		}
		return base.issuers["one"].compiled.Token(), base.KeySources()
	}
	plain, sources := build("")
	source, err := registry.Source(jwks.SourceSpec{Issuer: "https://one.example", Inline: `{"keys":[{"kty":"EC","crv":"P-256","x":"0YdS09-iHBskpkF1O6FBDb0mfbFNrEXwhzRpyHtVjyw","y":"-NG6i9eaTs0_TUXPxogg_BuiyXpSSv71f8yjs1ErAfk"}]}`})
	if err != nil {
		t.Fatal(err)
	}
	set, err := source.KeySet(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	thumbprint := set.Keys()[0].Thumbprint().String()
	forged := encode(`{"alg":"ES256","kid":"first","typ":"JWT"}`) + "." + encode(`{"iss":"https://one.example"}`) + "." + encode(strings.Repeat("s", 64))
	for name, row := range map[string]struct {
		deny   string
		denied bool
	}{
		"nothing":    {"", false},
		"a kid":      {", keys: {deny: [first]}", true},
		"thumbprint": {", keys: {deny: [" + thumbprint + "]}", true},
		"others":     {", keys: {deny: [second, FIRST]}", false},
	} {
		t.Run(name, func(t *testing.T) {
			issuer, used := build(row.deny)
			if len(used) != 1 || used[0] != sources[0] {
				t.Errorf("key sources %v, want %v", used, sources)
			}
			if issuer.Equal(plain) != (row.deny == "") {
				t.Error("what is denied is no part of the issuer, or makes another of it without cause")
			}
			verifier, err := token.NewVerifier([]*token.Issuer{issuer}, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = verifier.Verify(t.Context(), forged, time.Now())
			if want := map[bool]error{true: token.ErrKeyUnknown, false: token.ErrSignature}[row.denied]; !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		})
	}
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// TestP3DefaultsAreThoseOfTheKeyContract: a source without settings is the very
// source of an issuer without settings, so every default is the same.
func TestP3DefaultsAreThoseOfTheKeyContract(t *testing.T) {
	registry := jwks.NewRegistry(jwks.Options{})
	main, err := LoadMain(write(t, mainHead, t.TempDir(), "claimgate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	base, err := main.Compile(Runtime{Keys: registry})
	if err != nil {
		t.Fatal(err)
	}
	source, err := registry.Source(jwks.SourceSpec{Issuer: "https://one.example"})
	if err != nil {
		t.Fatal(err)
	}
	if base.issuers["one"].source != source.ID() {
		t.Error("a default of the configuration is another than that of the key sources")
	}
}
