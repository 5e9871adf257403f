package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// FuzzDelegatedFile: whatever a delegated file holds, a tenant that comes of it
// has nothing that the grant and tenantDefaults do not give, every problem is the
// file's own, what it holds while it is bad is within the grant, and neighbours
// that came before are as they were.
func FuzzDelegatedFile(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.d/*.yaml", "testdata/bad/*.d/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, text := range []string{
		"entries: [partners]\nissuers: [nobody]\n",
		"issuers: [{name: platform, audiences: [https://victim.example.com]}]\n",
		"issuers: [{name: mine, issuer: https://id.example.com/, audiences: [https://acme.example.com], algorithms: [ES256], keys: {timeout: 1h}}]\n",
		"issuers: [{name: mine, issuer: https://login.example.com/realms/x, audiences: [https://acme.example.com], algorithms: [ES256], jwksFile: /etc/passwd}]\n",
		"headers: [{name: X_User_Id, value: x}]\npublic: [{name: p, paths: ['/**']}]\nmode: shadow\n",
		"policy: {rules: [{name: r, action: deny, mode: shadow}]}\nrequire: []\nforwardOriginalToken: true\n",
		"labels: {realm: victim}\nids: {platform: victim}\nsharedTokens: true\nhosts: ['*']\nyieldsTo: [victim]\n",
		"insecureShadow: {until: 2026-12-01T00:00:00Z}\ndynamicMetadata: {a: {claim: sub}}\npathRelaxations: [semicolon]\n",
	} {
		f.Add([]byte(text))
	}
	base, _, _, _ := delegated(f, asItIs, "policy: {use: [readers]}\n")
	dir := filepath.Dir(base.main.grants[0].dir)
	victim := write(f, "policy: {use: [readers]}\nissuers: [platform, {name: mine, issuer: https://id.victim.example, audiences: [https://victim.example.com], algorithms: [ES256]}]\n", dir, "delegated.d", "victim.yaml")
	first := tenantOf(f, base, victim)
	neighbours, _ := base.Snapshot(1, []*Tenant{first}, nil)
	if neighbours == nil {
		f.Fatal("the neighbours are not good")
	}
	path := TenantPath{Path: filepath.Join(dir, "delegated.d", "acme.yaml"), Delegated: true}
	f.Fuzz(func(t *testing.T, data []byte) {
		write(t, string(data), path.Path)
		file, err := path.Read()
		if file == nil {
			t.Fatal(err)
		}
		compiled, problems := base.Tenant(file)
		for _, p := range problems {
			if p.File != path.Path || p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Fatalf("a problem elsewhere or incomplete: %+v", p)
			}
		}
		held := base.Places(file)
		if len(held.Hosts) > 0 || !allOf(held.Entries, "own", "partners") || len(held.Issuers) > 2 {
			t.Fatalf("it holds %+v", held)
		}
		for issuer, id := range held.IDs {
			if id != "acme" || issuer != "platform" {
				t.Fatalf("it holds %+v", held)
			}
		}
		if snapshot, conflicts := base.Snapshot(2, []*Tenant{first}, []authz.HeldSpec{held}); snapshot == nil {
			t.Fatalf("while it is bad a neighbour is in conflict: %+v", conflicts)
		}
		if compiled == nil {
			return
		}
		checkGranted(t, file, compiled)
		if _, conflicts := base.Snapshot(2, []*Tenant{first, compiled}, nil); slices.ContainsFunc(conflicts, func(c Conflict) bool { return c.Index != 1 }) {
			t.Fatalf("conflicts %+v, want those of the newcomer only", conflicts)
		}
	})
}

// allOf reports whether each of the names is one of all.
func allOf(names []string, all ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(all, name) })
}

// checkGranted holds a tenant against the grant of testdata/good/delegated.yaml,
// by what was compiled and not by what was judged.
func checkGranted(t *testing.T, file *TenantFile, compiled *Tenant) {
	t.Helper()
	doc := file.doc
	if len(compiled.Hosts()) > 0 || !allOf(compiled.Entries(), "own", "partners") || doc.Entries != nil && !allOf(compiled.Entries(), "own") {
		t.Fatalf("places %v %v", compiled.Hosts(), compiled.Entries())
	}
	for _, issuer := range compiled.Issuers() {
		own := issuer.Name() != "platform" && issuer.Name() != "realms"
		if own && (!strings.HasPrefix(issuer.URL(), "https://") || issuer.IsTemplate() || issuer.HasAudience("https://api.example.com") ||
			strings.HasPrefix(issuer.URL(), "https://login.example.com/realms/") || issuer.URL() == "https://id.example.com/") {
			t.Fatalf("issuer %s %s", issuer.Name(), issuer.URL())
		}
		if issuer.Name() == "realms" && issuer.URL() != "https://login.example.com/realms/acme" {
			t.Fatalf("issuer %s %s", issuer.Name(), issuer.URL())
		}
	}
	for i := range doc.Headers {
		if !strings.EqualFold(doc.Headers[i].Name, "x-user-id") {
			t.Fatalf("header %s", doc.Headers[i].Name)
		}
	}
	if len(doc.Labels)+len(doc.IDs)+len(doc.YieldsTo)+len(doc.Public)+len(doc.DynamicMetadata)+len(doc.PathRelaxations) > 0 ||
		doc.SharedTokens || doc.ForwardOriginalToken != nil || doc.InsecureShadow != nil || doc.ResourceMetadata != nil || doc.Mode+doc.Preflight != "" {
		t.Fatalf("fields beyond the grant: %+v", doc)
	}
	if costs := compiled.Policy().Costs(); costs.Expressions > maxDelegatedCEL || costs.Program > maxDelegatedProgram || len(file.Text()) > maxDelegatedBytes {
		t.Fatalf("costs %+v", costs)
	}
}
