package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// compileMain loads and compiles a main file alone.
func compileMain(t testing.TB, file string) (*Main, *Base) {
	t.Helper()
	main, err := LoadMain(file)
	if err != nil {
		t.Fatal(err)
	}
	base, err := main.Compile(Runtime{})
	if err != nil {
		t.Fatal(err)
	}
	return main, base
}

// tenantOf reads and compiles one tenant file.
func tenantOf(t testing.TB, base *Base, path string) *Tenant {
	t.Helper()
	file, err := ReadTenantFile(path)
	if err != nil {
		t.Fatal(err)
	}
	compiled, problems := base.Tenant(file)
	if compiled == nil {
		t.Fatal(problems)
	}
	return compiled
}

// A configuration is put together piece by piece: main file, each tenant, and
// the snapshot of those that are not in conflict.
func TestPieceByPiece(t *testing.T) {
	dir := t.TempDir()
	file := write(t, mainHead+"tenantDirs: [{path: tenants}]\n", dir, "claimgate.yaml")
	write(t, fmt.Sprintf(tenantText, "acme", "one"), dir, "tenants", "acme.yaml")
	write(t, fmt.Sprintf(tenantText, "acme", "two"), dir, "tenants", "globex.yaml")
	main, base := compileMain(t, file)
	paths, problems := main.TenantFiles()
	if len(problems) > 0 || len(paths) != 2 || paths[0].Name != "acme" || paths[1].Path != filepath.Join(dir, "tenants", "globex.yaml") {
		t.Fatalf("files %v, %v", paths, problems)
	}
	acme, globex := tenantOf(t, base, paths[0].Path), tenantOf(t, base, paths[1].Path)
	if len(acme.KeySources) != 1 || len(globex.KeySources) != 1 || acme.KeySources[0] == globex.KeySources[0] {
		t.Errorf("key sources %v and %v", acme.KeySources, globex.KeySources)
	}
	for _, tt := range []struct {
		tenants []*Tenant
		index   int
		file    string
	}{
		{[]*Tenant{acme, globex}, 1, "globex.yaml"},
		{[]*Tenant{globex, acme}, 1, "acme.yaml"},
	} {
		snapshot, conflicts := base.Snapshot(3, tt.tenants, nil)
		if snapshot != nil || len(conflicts) != 1 || conflicts[0].Index != tt.index {
			t.Fatalf("conflicts %+v", conflicts)
		}
		p := conflicts[0].Problem
		if filepath.Base(p.File) != tt.file || p.Line != 1 || p.Path != "hosts[0]" {
			t.Errorf("problem %+v", p)
		}
		snapshot, conflicts = base.Snapshot(3, tt.tenants[:1], nil)
		if len(conflicts) > 0 || snapshot.Generation() != 3 || !slices.Equal(snapshot.TenantNames(), []string{tt.tenants[0].Name()}) {
			t.Errorf("snapshot %v, %v", snapshot, conflicts)
		}
	}
}

// A tenant file tells what it held, also where something is wrong with it.
func TestTenantFileKeepsWhatItHeld(t *testing.T) {
	dir := t.TempDir()
	_, base := compileMain(t, write(t, mainHead+"entries: [{name: mesh, contextExtension: tenant}]\n", dir, "claimgate.yaml"))
	text := "hosts: [A.example, b.example, '*/', 3]\nentries: [mesh, nobody]\nissuers: [one]\npreflight: maybe\n"
	file, err := ReadTenantFile(write(t, text, dir, "acme.yaml"))
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 2 {
		t.Fatalf("got %v, want two problems", err)
	}
	if file.Name() != "acme" || string(file.Text()) != text || file.Hash() != sha256.Sum256([]byte(text)) || file.Info().Size() != int64(len(text)) || file.InMain() {
		t.Errorf("file %+v", file)
	}
	want := authz.HeldSpec{Name: "acme", Hosts: []string{"a.example", "b.example"}, Entries: []string{"mesh"}}
	if got := base.Places(file); got.Name != want.Name || !slices.Equal(got.Hosts, want.Hosts) || !slices.Equal(got.Entries, want.Entries) {
		t.Errorf("places %+v, want %+v", got, want)
	}

	if compiled, again := base.Tenant(file); compiled != nil || len(again) < 3 {
		t.Errorf("a file with problems became a tenant, or lost some: %v", again)
	}

	for _, text := range []string{"hosts: 5\nentries: [mesh]\n", "entries: {mesh: true}\n", "hosts: [a.example]\nhosts: [b.example]\nentries: &x [mesh]\n"} {
		file, err = ReadTenantFile(write(t, text, dir, "unread.yaml"))
		places := base.Places(file)
		if err == nil || len(places.Entries) > 0 && len(places.Hosts) == 0 {
			t.Errorf("%q: places %+v, %v: what cannot be read is not unknown", text, places, err)
		}
	}

	file, err = ReadTenantFile(write(t, "hosts: [\n", dir, "torn.yaml"))
	if !errors.As(err, &problems) || file == nil || len(base.Places(file).Hosts) != 0 || base.Places(file).Name != "torn" {
		t.Errorf("a torn file: %+v, %v", file, err)
	}
	if compiled, problems := base.Tenant(file); compiled != nil || len(problems) == 0 {
		t.Error("a torn file became a tenant")
	}
	file, err = ReadTenantFile(filepath.Join(dir, "nothing.yaml"))
	if file != nil || !errors.Is(err, fs.ErrNotExist) || errors.As(err, &problems) {
		t.Errorf("a missing file: %+v, %v", file, err)
	}
}
