package config

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

// manyTenants writes a platform's main file and n tenant files of one line.
func manyTenants(b testing.TB, n int) string {
	b.Helper()
	dir := b.TempDir()
	text, err := os.ReadFile("testdata/good/platform.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		write(b, fmt.Sprintf("labels: {realm: r%d, plan: gold}\n", i), dir, "platform.d", fmt.Sprintf("t%d.yaml", i))
	}
	return write(b, string(text), dir, "claimgate.yaml")
}

// BenchmarkTenantFile measures one of very many tenant files: read, decoded
// and compiled.
func BenchmarkTenantFile(b *testing.B) {
	dir := b.TempDir()
	text, err := os.ReadFile("testdata/bench/tenant.yaml")
	if err != nil {
		b.Fatal(err)
	}
	const tenants = 200
	var main strings.Builder
	main.WriteString("apiVersion: claimgate.dev/v1alpha1\nownedHeaders: [x-user-id, x-roles]\ntenantDirs: [{path: tenants}]\nissuers:\n")
	for i := range tenants {
		fmt.Fprintf(&main, "  - {name: i%d, issuer: 'https://id%d.example', audiences: [api], algorithms: [RS256]}\n", i, i)
		write(b, strings.ReplaceAll(string(text), "@", fmt.Sprint(i)), dir, "tenants", fmt.Sprintf("t%d.yaml", i))
	}
	file := write(b, main.String(), dir, "claimgate.yaml")
	b.ReportAllocs()
	for b.Loop() {
		document, err := Load(file)
		if err != nil {
			b.Fatal(err)
		}
		if _, err = document.Build(Runtime{Cache: token.NewCache(1)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*tenants), "µs/tenant")
}

// BenchmarkReadTenantFile measures one tenant file of one line, without what
// is compiled.
func BenchmarkReadTenantFile(b *testing.B) {
	file := write(b, "labels: {realm: acme, plan: gold}\n", b.TempDir(), "acme.yaml")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadTenantFile(file); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompileTenant measures one tenant of one line that has everything
// by the defaults.
func BenchmarkCompileTenant(b *testing.B) {
	_, base := compileMain(b, "testdata/good/platform.yaml")
	file, err := ReadTenantFile(write(b, "labels: {realm: acme, plan: gold}\n", b.TempDir(), "acme.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if compiled, problems := base.Tenant(file); compiled == nil {
			b.Fatal(problems)
		}
	}
}

// BenchmarkLoadManyTenants measures ten thousand files of one line, as a start
// does, and BenchmarkSnapshotManyTenants what a reload of one of them costs
// beside that file.
func BenchmarkLoadManyTenants(b *testing.B) {
	const tenants = 10_000
	file := manyTenants(b, tenants)
	b.ReportAllocs()
	for b.Loop() {
		document, err := Load(file)
		if err != nil {
			b.Fatal(err)
		}
		if _, err = document.Build(Runtime{Cache: token.NewCache(1)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*tenants), "µs/tenant")
}

func BenchmarkSnapshotManyTenants(b *testing.B) {
	document, err := Load(manyTenants(b, 10_000))
	if err != nil {
		b.Fatal(err)
	}
	base, err := document.Main().Compile(Runtime{Cache: token.NewCache(1)})
	if err != nil {
		b.Fatal(err)
	}
	tenants := make([]*Tenant, len(document.Tenants()))
	inParallel(len(tenants), func(i int) { tenants[i], _ = base.Tenant(document.Tenants()[i]) })
	b.ReportAllocs()
	for b.Loop() {
		if _, conflicts := base.Snapshot(1, tenants, []authz.HeldSpec{}); len(conflicts) > 0 {
			b.Fatal(conflicts[0].Problem)
		}
	}
}
