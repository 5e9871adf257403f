package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pprof "github.com/google/pprof/profile"
)

var update = flag.Bool("update", false, "write the golden files again")

// TestReport: a fixed result gives the report that is kept, to the byte.
func TestReport(t *testing.T) {
	golden, dir := filepath.Join("testdata", "report"), t.TempDir()
	if *update {
		dir = golden
	}
	args := []string{"-from", filepath.Join("testdata", "result.json"), "-report", dir}
	if err := authzbench(t.Context(), args, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadDir(golden)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadDir(dir)
	if err != nil || len(got) != len(want) {
		t.Errorf("%d files, want %d: %v", len(got), len(want), err)
	}
	for _, file := range want {
		kept, err := os.ReadFile(filepath.Join(golden, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		written, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil || !bytes.Equal(kept, written) {
			t.Errorf("%s differs (go test -run TestReport -update writes it again): %v", file.Name(), err)
		}
		if strings.HasSuffix(file.Name(), ".svg") {
			wellFormed(t, file.Name(), kept)
		}
	}
}

func wellFormed(t *testing.T, name string, text []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s is no XML: %v", name, err)
		}
	}
}

// TestVerdicts: a median decides, and what was not measured is not met.
func TestVerdicts(t *testing.T) {
	r, err := readReport(filepath.Join("testdata", "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"saturated: CPU to the floor's":            "met",        // 0.15 of 0.12
		"saturated: CPU to stock's":                "met",        // 0.15 of 0.4
		"10,000 tenants: CPU to that of 1 tenant":  "MISSED",     // 0.25 of 0.155
		"start with 10,000 tenants":                "acceptable", // 1.5 s
		"memory of a cached token, all included":   "acceptable", // 120 MB of 100,000
		"100,000 tokens: CPU to that of 1 token":   "met",        // 1.1
		"8000/s: CPU to the floor's":               "MISSED",     // 1.25
		"2000/s: p99 to stock's":                   "met",        // 300 of 400
		"behind Envoy, 2000/s: CPU to the floor's": "acceptable", // 1.125
	}
	for _, o := range r.outcomes() {
		if verdict, ok := want[o.what]; ok && o.verdict() != verdict {
			t.Errorf("%s: %s, want %s (%s)", o.what, o.verdict(), verdict, o.got())
		}
		delete(want, o.what)
	}
	if len(want) != 0 {
		t.Errorf("no such targets: %v", want)
	}
	for _, o := range (&report{}).outcomes() {
		if o.verdict() != "not measured" {
			t.Errorf("%s of nothing: %s", o.what, o.verdict())
		}
	}
}

// TestPartOf: a sample belongs to the innermost part that it is in.
func TestPartOf(t *testing.T) {
	sample := func(innermostFirst ...string) *pprof.Sample {
		s := &pprof.Sample{Value: []int64{1, 10}}
		for _, name := range innermostFirst {
			s.Location = append(s.Location, &pprof.Location{Line: []pprof.Line{{Function: &pprof.Function{Name: name}}}})
		}
		return s
	}
	const check = "github.com/claimgate/claimgate/envoy.(*Server).Check"
	for want, s := range map[string]*pprof.Sample{
		"allocation":          sample("runtime.nextFreeFast", "runtime.mallocgc", check),
		"claimgate: protocol": sample("strings.ToLower", check, "google.golang.org/grpc.(*Server).processUnaryRPC"),
		"gRPC":                sample("sync.(*Mutex).Lock", "google.golang.org/grpc.(*Server).processUnaryRPC"),
		elsewhere:             sample("main.main"),
	} {
		if got := partOf(s); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if err := printShares(io.Discard, []byte("no profile")); err == nil {
		t.Error("what is no profile is read as one")
	}
}
