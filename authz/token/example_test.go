package token_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/claimgate/claimgate/authz/token"
)

// fixedKeys is the simplest KeySource: a set that never changes.
type fixedKeys struct{ set *token.KeySet }

func (k fixedKeys) KeySet(context.Context, string) (*token.KeySet, error) { return k.set, nil }

func ExampleVerifier_Verify() {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	key, err := token.NewKey(token.KeySpec{KID: "k1", Alg: "EdDSA", Public: private.Public()})
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer, err := token.NewIssuer(token.IssuerSpec{
		Name:       "idp",
		URL:        "https://id.example.com/",
		Audiences:  []string{"https://api.example.com"},
		Algorithms: []string{"EdDSA"},
		ClockSkew:  30 * time.Second,
		Keys:       fixedKeys{token.NewKeySet([]*token.Key{key})},
		KeysID:     "example",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := token.NewVerifier([]*token.Issuer{issuer}, token.NewCache(1000))
	if err != nil {
		fmt.Println(err)
		return
	}

	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "https://id.example.com/", "aud": "https://api.example.com",
		"sub": "u-1", "plan": "gold", "exp": now.Add(time.Hour).Unix(),
	})
	unsigned.Header["kid"] = "k1"
	raw, err := unsigned.SignedString(private)
	if err != nil {
		fmt.Println(err)
		return
	}

	for _, at := range []time.Time{now, now.Add(time.Minute), now.Add(2 * time.Hour)} {
		verified, err := verifier.Verify(context.Background(), raw, at)
		if errors.Is(err, token.ErrExpired) {
			fmt.Println("expired")
			continue
		}
		fmt.Println(verified.Issuer.Name(), verified.Subject, verified.Claims.Get("plan").Str(), verified.Cached)
	}
	// Output:
	// idp u-1 gold false
	// idp u-1 gold true
	// expired
}
