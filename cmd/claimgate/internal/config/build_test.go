package config

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
)

// A build decides requests as its document says: places, public routes and
// owned headers reach the engine.
func TestBuiltSnapshotDecides(t *testing.T) {
	text := mainHead + "realm: here\nownedHeaders: [x-extra]\nentries: [{name: mesh, contextExtension: tenant}]\n" +
		"tenants:\n" +
		"  - name: acme\n    hosts: [API.Example.com.]\n    entries: [mesh]\n    issuers: [one]\n" +
		"    public: [{name: health, methods: [GET], paths: [/healthz]}]\n" +
		"    headers: [{name: X-Tenant, tenant: name}]\n"
	document, err := Load(write(t, text, t.TempDir(), "claimgate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	built, err := document.Build(Runtime{})
	if err != nil {
		t.Fatal(err)
	}
	engine := authz.NewEngine(authz.Options{})
	engine.Swap(built.Snapshot)
	tests := []struct {
		name, host, path string
		context          map[string]string
		want             authz.Reason
	}{
		{"public by host", "api.example.com", "/healthz", nil, authz.PublicRoute},
		{"public by context", "other.example", "/healthz", map[string]string{"tenant": "acme"}, authz.PublicRoute},
		{"no token", "api.example.com", "/orders", nil, authz.NoToken},
		{"unknown host", "other.example", "/healthz", nil, authz.PlaceUnknown},
		{"unknown tenant", "api.example.com", "/healthz", map[string]string{"tenant": "nobody"}, authz.PlaceUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := engine.Decide(context.Background(), &authz.Request{Method: "GET", Host: tt.host, Scheme: "https",
				Path: authz.CanonicalPath(tt.path), Context: tt.context})
			if got.Reason != tt.want || got.Realm != "here" && got.Verdict == authz.Challenge {
				t.Fatalf("decision %+v, want reason %v", got, tt.want)
			}
			if tt.want == authz.PublicRoute && (len(got.Set) != 1 || got.Set[0] != authz.Header{Name: "x-tenant", Value: "acme"}) {
				t.Errorf("headers %v, want x-tenant", got.Set)
			}
		})
	}
}

// Equal documents share key sources and cache; the caller's registry is used.
func TestBuildSharesTheRuntime(t *testing.T) {
	registry := jwks.NewRegistry(jwks.Options{})
	document, err := Load("testdata/good/one-tenant.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for generation := range uint64(2) {
		if _, err = document.Build(Runtime{Keys: registry, Cache: token.NewCache(10), Generation: generation}); err != nil {
			t.Fatal(err)
		}
	}
	if got := registry.Status(); len(got) != 1 || got[0].Issuer != "https://id.example.com/" {
		t.Errorf("sources %+v, want one", got)
	}
}

// Problems of compiled parts are found at their line, in files of both kinds.
func TestPositionsOfCompiledParts(t *testing.T) {
	dir := t.TempDir()
	tenant := "hosts: [a.example]\nissuers: [one]\n" +
		"policy:\n  rules:\n    - name: a\n      action: allow\n      when:\n        - any:\n            - claim: x\n              matches: '('\n" +
		"require:\n  - {claim: y}\n" +
		"public:\n  - {name: p, paths: [p]}\n" +
		"dynamicMetadata:\n  ok: {tenant: name}\n  bad name: {tenant: name}\n"
	write(t, tenant, dir, "tenants", "acme.yaml")
	inline := "tenants:\n  - name: inline\n    hosts: [b.example]\n    issuers: [two]\n" +
		"    policy:\n      rules:\n        - {name: a, action: allow}\n"
	file := write(t, mainHead+inline+"tenantDirs: [{path: tenants}]\n", dir, "claimgate.yaml")
	mistakes, _ := check(t, file)
	var got []string
	for _, p := range mistakes {
		got = append(got, fmt.Sprintf("%s:%d %s", filepath.Base(p.File), p.Line, p.Path))
	}
	want := []string{
		"claimgate.yaml:11 tenants[0].policy.rules[0].when",
		"acme.yaml:10 policy.rules[0].when[0].any[0].matches",
		"acme.yaml:12 require[0]",
		"acme.yaml:14 public[0].paths[0]",
		`acme.yaml:17 dynamicMetadata."bad name"`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A problem whose path no document has is reported at what would hold it.
func TestUnknownPathsHaveAPlace(t *testing.T) {
	document, err := Load("testdata/good/one-tenant.yaml")
	if err != nil {
		t.Fatal(err)
	}
	base, _ := document.main.compile(Runtime{})
	var problems []authz.Problem
	for _, path := range []string{"", "tenants[0].hosts[9]", "tenants[99].hosts[0]", "tenants[0]", "nothing[", "[[", "tenants[0]..x", "entries[0].name"} {
		problems = append(problems, authz.Problem{Path: path, Message: "message"})
	}
	conflicts := base.conflicts(problems, []*Tenant{{File: document.tenants[0]}})
	if len(conflicts) != len(problems) || conflicts[1].Index != 0 || conflicts[2].Index != -1 {
		t.Errorf("conflicts %+v", conflicts)
	}
	for _, c := range conflicts {
		p := c.Problem
		if p.File == "" || p.Line < 1 || p.Column < 1 {
			t.Errorf("incomplete problem: %+v", p)
		}
	}
}

func TestProblemText(t *testing.T) {
	problems := Problems{
		{File: "a.yaml", Line: 1, Column: 2, Path: "x", Message: "wrong", Mend: "mend it"},
		{File: "a.yaml", Line: 3, Column: 4, Message: "odd", Warning: true},
	}
	want := "a.yaml:1:2: x: wrong; mend it\na.yaml:3:4: warning: odd"
	if got := problems.Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var err error = problems
	var back Problems
	if !errors.As(err, &back) || len(back) != 2 {
		t.Error("the problems are lost behind the error")
	}
}
