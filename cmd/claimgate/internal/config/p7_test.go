package config

import (
	"strings"
	"testing"
)

// TestP7ProblemsHoldNoSecrets puts a secret where a person may put one by
// mistake and looks for it in what is reported.
func TestP7ProblemsHoldNoSecrets(t *testing.T) {
	const secret = "Sup3rS3cretV4lue0123456789"
	places := map[string]string{
		"hash key":          "log: {hashKey: " + secret + "}\n",
		"hash key, alias":   "log: {hashKey: *" + secret + "}\n",
		"hash key, anchor":  "log: {hashKey: &" + secret + " x}\n",
		"hash key, tag":     "log: {hashKey: !" + secret + " x}\n",
		"hash key, mapping": "log: {hashKey: {value: " + secret + "}}\n",
		"hash key, list":    "log: {hashKey: [" + secret + "]}\n",
		"hash key, path":    "log: {hashKey: file:" + secret + "}\n",
		"hash key, long":    "log: {hashKey: file:" + strings.Repeat(secret, 50) + "}\n",
		"hash key, name":    "log: {hashKey: env:" + secret + "}\n",
		"hash key, scheme":  "log: {hashKey: base64:" + secret + "}\n",
		"state key":         "stateDir: .\nstateKey: " + secret + "\n",
		"state key, path":   "stateDir: .\nstateKey: file:" + secret + "\n",
		"bearer token":      "metrics: {address: 127.0.0.1:1, bearerTokenFile: " + secret + "}\n",
		"tls key":           "listen: {tls: {certFile: none.pem, keyFile: " + secret + "}}\n",
		"switch":            "listen: {insecurePlaintext: " + secret + "}\n",
		"duration":          "listen: {drainWait: " + secret + "}\n",
		"number":            "cache: {tokens: " + secret + "}\n",
		"section":           "log: " + secret + "\n",
		"escape":            "log: {hashKey: \"\\q" + secret + "\"}\n",
		"open quote":        "log: {hashKey: \"" + secret + "\n",
	}
	for name, head := range places {
		t.Run(name, func(t *testing.T) {
			mistakes, _ := check(t, write(t, head+mainHead, t.TempDir(), "claimgate.yaml"))
			if len(mistakes) == 0 {
				t.Fatal("the file was accepted")
			}
			if text := mistakes.Error(); strings.Contains(text, secret) {
				t.Errorf("the secret is in a problem: %s", text)
			}
		})
	}
}

// A private key that stands where public keys belong is refused and not shown;
// neither is a user name or password of a URL.
func TestP7IssuerSecrets(t *testing.T) {
	const secret = "c2VjcmV0LXByaXZhdGUta2V5LW1hdGVyaWFs"
	issuers := map[string]string{
		"private key":     "jwks: {keys: [{kty: EC, crv: P-256, kid: a, x: AA, y: AA, d: " + secret + "}]}",
		"symmetric key":   "jwks: {keys: [{kty: oct, kid: a, k: " + secret + "}]}",
		"key as key":      "jwks: {keys: [{kty: RSA, n: " + secret + ", e: 65537}]}",
		"key as text":     "jwks: " + secret,
		"key server":      "keys: {bearerTokenFile: " + secret + "}",
		"password in URL": "jwksUri: https://user:" + secret + "@id.example/keys",
	}
	for name, field := range issuers {
		t.Run(name, func(t *testing.T) {
			text := "apiVersion: claimgate.dev/v1alpha1\nissuers:\n  - {name: one, issuer: https://one.example, audiences: [api], algorithms: [ES256], " + field + "}\n"
			mistakes, _ := check(t, write(t, text, t.TempDir(), "claimgate.yaml"))
			if len(mistakes) == 0 {
				t.Fatal("the file was accepted")
			}
			if got := mistakes.Error(); strings.Contains(got, secret) {
				t.Errorf("the secret is in a problem: %s", got)
			}
		})
	}
}

// Secrets that were read correctly appear in no problem about something else.
func TestP7ResolvedSecrets(t *testing.T) {
	const secret = "resolved-secret-0123456789"
	dir := t.TempDir()
	write(t, secret, dir, "key")
	mistakes, _ := check(t, write(t, "log: {hashKey: file:key, level: loud}\nrealm: 5\n"+mainHead, dir, "claimgate.yaml"))
	if len(mistakes) != 2 || strings.Contains(mistakes.Error(), secret) {
		t.Errorf("got %v, want two problems without the secret", mistakes)
	}
}
