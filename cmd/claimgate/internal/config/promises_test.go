package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestP1WeakSettingsNeedAWord: what other machines could read or forge is a
// load error until the operator writes the word for it, and the word is listed.
func TestP1WeakSettingsNeedAWord(t *testing.T) {
	tests := []struct{ name, weak, word, path string }{
		{"service", "listen: {address: 0.0.0.0:9191%s}\n", "insecurePlaintext: true", "listen.insecurePlaintext"},
		{"service on all addresses", "listen: {address: ':9191'%s}\n", "insecurePlaintext: true", "listen.insecurePlaintext"},
		{"service by name", "listen: {address: localhost.example.com:9191%s}\n", "insecurePlaintext: true", "listen.insecurePlaintext"},
		{"metrics", "metrics: {address: 0.0.0.0:9194%s}\n", "insecurePlaintext: true", "metrics.insecurePlaintext"},
		{"admin", "admin: {address: '[::]:9192'%s}\n", "insecureRemote: true", "admin.insecureRemote"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, fmt.Sprintf(tt.weak, "")+mainHead, t.TempDir(), "claimgate.yaml")
			if mistakes, _ := check(t, file); len(mistakes) != 1 {
				t.Errorf("without the word: %v, want one problem", mistakes)
			}
			settings := settingsOf(t, t.TempDir(), fmt.Sprintf(tt.weak, ", "+tt.word))
			if !slices.Contains(settings.Insecure, tt.path) {
				t.Errorf("insecure words %v lack %s", settings.Insecure, tt.path)
			}
		})
	}
}

// TestP2NothingIsShared: two tenants share neither a host, however it is
// written, nor an issuer string, under whatever name, nor their own name; one
// may stand in the main file and one in a directory.
func TestP2NothingIsShared(t *testing.T) {
	const policy = "policy: {rules: [{name: all, action: allow, anyToken: true}]}"
	issuers := mainHead + "  - {name: again, issuer: https://one.example, audiences: [other], algorithms: [ES256]}\n"
	tests := []struct{ name, tenant, path, message string }{
		{"host", "hosts: [api.example]\nissuers: [two]\n", "hosts[0]", `tenants "acme" and "globex" both`},
		{"host in other letters", "hosts: [API.Example]\nissuers: [two]\n", "hosts[0]", `tenants "acme" and "globex" both`},
		{"host with a final dot", "hosts: [api.example.]\nissuers: [two]\n", "hosts[0]", `tenants "acme" and "globex" both`},
		{"international host", "hosts: [münchen.example]\nissuers: [two]\n", "hosts[0]", `tenants "acme" and "globex" both`},
		{"issuer", "hosts: [b.example]\nissuers: [one]\n", "issuers[0]", `tenants "acme" and "globex" both`},
		{"issuer of another name", "hosts: [b.example]\nissuers: [again]\n", "issuers[0]", `tenants "acme" and "globex" both`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			main := issuers + "tenants: [{name: acme, hosts: [api.example, xn--mnchen-3ya.example], issuers: [one], " + policy + "}]\ntenantDirs: [{path: tenants}]\n"
			file := write(t, main, dir, "claimgate.yaml")
			write(t, tt.tenant+policy+"\n", dir, "tenants", "globex.yaml")
			mistakes, _ := check(t, file)
			if len(mistakes) != 1 || mistakes[0].Path != tt.path || !strings.Contains(mistakes[0].Message, tt.message) {
				t.Errorf("got %v, want %s: %s", mistakes, tt.path, tt.message)
			}
		})
	}
}

// TestP5TenantFilesSetOwnedNamesOnly: a header that only one tenant file knows
// would be a header that clients of all other tenants can send.
func TestP5TenantFilesSetOwnedNamesOnly(t *testing.T) {
	tests := []struct{ name, header, owned, message string }{
		{"not owned", "x-plan", "x-user", "add x-plan to ownedHeaders"},
		{"owned", "x-plan", "x-plan", ""},
		{"owned in other letters", "X-Plan", "x-PLAN", ""},
		{"never settable", "x-forwarded-for", "x-user", "cannot be set"},
		{"variant with an underscore", "x_plan", "x-plan", "cannot be set"},
		{"host", "Host", "x-user", "cannot be set"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file := write(t, mainHead+"ownedHeaders: ["+tt.owned+"]\ntenantDirs: [{path: tenants}]\n", dir, "claimgate.yaml")
			write(t, fmt.Sprintf(tenantText, "acme", "one")+"headers: [{name: "+tt.header+", claim: plan}]\n", dir, "tenants", "acme.yaml")
			mistakes, _ := check(t, file)
			text := mistakes.Error()
			if tt.message == "" && text != "" || !strings.Contains(text, tt.message) || len(mistakes) > 1 {
				t.Errorf("got %q, want %q", text, tt.message)
			}
		})
	}
}
