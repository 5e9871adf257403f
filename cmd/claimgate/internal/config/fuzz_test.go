package config

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzTenantFile: whatever a tenant file holds, it is compiled or has complete
// problems, and a tenant that came before it stays as it is.
func FuzzTenantFile(f *testing.F) {
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
	dir := f.TempDir()
	_, base := compileMain(f, "testdata/good/platform.yaml")
	first := tenantOf(f, base, write(f, "labels: {realm: first, plan: gold}\nhosts: [first.example]\n", dir, "first.yaml"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ReadTenantFile(write(t, string(data), dir, "acme.yaml"))
		if file == nil {
			t.Fatal(err)
		}
		compiled, problems := base.Tenant(file)
		mistakes, _ := append(Problems{}, problems...).split()
		if (compiled == nil) != (len(mistakes) > 0) || err != nil && compiled != nil {
			t.Fatalf("compiled %v, read %v, problems %v", compiled != nil, err, problems)
		}
		for _, p := range problems {
			if p.File != file.Path() || p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Fatalf("incomplete problem: %+v", p)
			}
		}
		held := base.Places(file)
		if held.Name != "acme" {
			t.Fatalf("places %+v", held)
		}
		if compiled == nil {
			return
		}
		snapshot, conflicts := base.Snapshot(1, []*Tenant{first, compiled}, nil)
		if (snapshot == nil) != (len(conflicts) > 0) {
			t.Fatalf("snapshot %v, conflicts %v", snapshot != nil, conflicts)
		}
		for _, c := range conflicts {
			if c.Index != 1 {
				t.Fatalf("conflict %+v, want one of the newcomer", c)
			}
		}
	})
}
