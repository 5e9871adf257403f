package live

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// FuzzMemory: whatever stands in the state file, it is used whole or not at
// all, and what is used comes out again as it went in.
func FuzzMemory(f *testing.F) {
	dir := f.TempDir()
	kept := &memory{dir: dir}
	places := authz.HeldSpec{Hosts: []string{"a.example"}, Entries: []string{"own"}, IDs: map[string]string{"idp": "org"}}
	w := &world{tenants: map[string]*tenant{
		"a": {name: "a", rank: 2, path: "tenants/a.yaml", kept: places},
		"b": {name: "b", rank: 1, path: "tenants/b.yaml"},
		"c": {name: "c", path: "tenants/c.yaml"}, // never accepted
	}}
	if err := kept.save(&world{}, w, true); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, memoryFile))
	if err != nil {
		f.Fatal(err)
	}
	if list, _, err := decodeMemory(text); err != nil || len(list) != 2 || list["a"].Rank != 2 || list["a"].IDs["idp"] != "org" {
		f.Fatalf("read again: %v, %v", list, err)
	}
	f.Add(text)
	f.Add(text[:len(text)-2])
	f.Add(append(text, text...))
	f.Add([]byte(`{"format":1,"sha256":"","tenants":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, _, err := decodeMemory(text)
		if err != nil {
			if list != nil {
				t.Fatal("a part of a damaged file is used")
			}
			return
		}
		tenants, last := recalled(list)
		if len(tenants) != len(list) {
			t.Fatal("tenants are lost")
		}
		for name, tenant := range tenants {
			if tenant.good != nil || tenant.rank == 0 || tenant.rank > last || tenant.name != name {
				t.Fatalf("%+v", tenant)
			}
		}
	})
}
