package demo

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
)

// Step is one request of a story and what must come of it.
type Step struct {
	Tenant string // for the table, "" where there is one
	Host   string
	Method string // GET by default
	Target string
	What   string             // what is special about it, for the table
	Before func(*Stack) error // runs first; may be nil
	Header headers            // of the request; may be nil
	Want   Outcome
}

func (s Step) method() string {
	if s.Method == "" {
		return http.MethodGet
	}
	return s.Method
}

// Outcome is what came of a request.
type Outcome struct {
	Status    int
	Reason    string // of the server's own record, found by the decision id
	Challenge string // error code of the challenge, "none" for one without, "" without a challenge
	Saw       string // watched headers that the upstream saw, or notReached
}

// notReached stands for what an upstream saw that no request reached.
const notReached = "-"

// headers makes the headers of a request.
type headers func(*Stack) (http.Header, error)

// Story is an example with what to run and ask.
type Story struct {
	Example string
	Issuers []IssuerSpec
	Script  string   // see StackOptions
	Watch   []string // headers to show of what the upstream saw
	Steps   []Step
	Hands   []Hand
}

// Hand is a request to send by hand.
type Hand struct {
	Variable string // shell variable that holds the token, "" for none
	Issuer   string
	Claims   map[string]any
	Host     string
	Target   string
	Say      string
}

const audience = "https://api.example.com"

// Stories returns the stories by the name of their example.
func Stories() map[string]Story {
	stories := map[string]Story{}
	for _, story := range []Story{demoStory(), multiTenantStory(), quickstartStory()} {
		stories[story.Example] = story
	}
	return stories
}

// bearer returns a header function with a token of the named issuer.
func bearer(name string, c claims) headers {
	return func(s *Stack) (http.Header, error) {
		token, err := s.Mint(name, c)
		return authorization(token), err
	}
}

// Mint has the named issuer sign claims, with the examples' audience.
func (s *Stack) Mint(name string, with map[string]any) (string, error) {
	idp, ok := s.Issuers[name]
	if !ok {
		return "", fmt.Errorf("demo: no issuer %q", name)
	}
	full := claims{"aud": audience}
	maps.Copy(full, with)
	return idp.Mint(full)
}

func authorization(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}}
}

// also adds header lines to those of a header function.
func also(base headers, lines ...string) headers {
	return func(s *Stack) (http.Header, error) {
		h := http.Header{}
		if base != nil {
			var err error
			if h, err = base(s); err != nil {
				return nil, err
			}
		}
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ": ")
			h[http.CanonicalHeaderKey(name)] = append(h[http.CanonicalHeaderKey(name)], value)
		}
		return h, nil
	}
}

// tampered flips one bit of the signature.
func tampered(base headers) headers {
	return retoken(base, func(header, payload, signature string) string {
		raw, err := base64.RawURLEncoding.DecodeString(signature)
		if err != nil || len(raw) == 0 {
			return header + "." + payload + "."
		}
		raw[len(raw)/2] ^= 1
		return header + "." + payload + "." + base64.RawURLEncoding.EncodeToString(raw)
	})
}

// unsigned says `alg: none` and carries no signature (RFC 8725 section 3.2).
func unsigned(base headers) headers {
	return retoken(base, func(_, payload, _ string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + payload + "."
	})
}

func retoken(base headers, change func(header, payload, signature string) string) headers {
	return func(s *Stack) (http.Header, error) {
		h, err := base(s)
		if err != nil {
			return nil, err
		}
		parts := strings.Split(strings.TrimPrefix(h.Get("Authorization"), "Bearer "), ".")
		if len(parts) != 3 {
			return nil, fmt.Errorf("demo: the issuer's token has %d parts", len(parts))
		}
		return authorization(change(parts[0], parts[1], parts[2])), nil
	}
}

// expired returns the claims with a time that is over.
func (c claims) expired() claims {
	now := time.Now()
	return c.with("iat", now.Add(-2*time.Hour).Unix()).with("exp", now.Add(-time.Hour).Unix())
}

func rotate(name string) func(*Stack) error {
	return func(s *Stack) error { return s.Issuers[name].Rotate() }
}
