package providers

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// header returns the JOSE header of a JWT.
func header(t *testing.T, token string) map[string]any { return part(t, token, 0) }

// kidOf returns the kid of a JWT's header, "" where there is none.
func kidOf(token string) string {
	encoded, _, _ := strings.Cut(token, ".")
	text, _ := base64.RawURLEncoding.DecodeString(encoded)
	var header struct {
		KID string `json:"kid"`
	}
	_ = json.Unmarshal(text, &header)
	return header.KID
}

func part(t *testing.T, token string, n int) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts is no JWT", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[n])
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// altered returns the token with a header field or claim changed; the signature
// stays.
func altered(t *testing.T, token string, n int, name string, value any) string {
	t.Helper()
	object := part(t, token, n)
	object[name] = value
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	parts[n] = base64.RawURLEncoding.EncodeToString(text)
	return strings.Join(parts, ".")
}

// bentSignature returns the token with one bit of the signature turned.
func bentSignature(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	signature[len(signature)/2] ^= 1
	parts[2] = base64.RawURLEncoding.EncodeToString(signature)
	return strings.Join(parts, ".")
}
