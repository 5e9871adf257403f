package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is a server where the benchmark starts this program again.
func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		exit(runChild(spec))
	}
	goleak.VerifyTestMain(m)
}

// buildClaimgate builds the binary that is measured.
func buildClaimgate(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "claimgate")
	command := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/claimgate")
	command.Dir = filepath.Join("..", "..")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build claimgate: %v\n%s", err, out)
	}
	return binary
}

// TestEveryVariant runs the whole benchmark in small. It holds that every
// variant answers rightly and without errors, and that there is a figure for
// each; never what the figure is.
func TestEveryVariant(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processor time of other processes is read on Linux only")
	}
	file := filepath.Join(t.TempDir(), "result.json")
	var table, progress bytes.Buffer
	args := []string{"-rounds", "2", "-duration", "40ms", "-tokens", "5", "-tenants", "2", "-json", file, "-claimgate", buildClaimgate(t)}
	if err := authzbench(t.Context(), args, &table, &progress); err != nil {
		t.Fatalf("%v\n%s%s", err, &progress, &table)
	}
	var kept report
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if want := len(variants()) * len(levels()); len(kept.Rows) != want || len(kept.Measurements) != 2*want {
		t.Errorf("%d rows of %d measurements, want %d of %d", len(kept.Rows), len(kept.Measurements), want, 2*want)
	}
	for i := range kept.Rows {
		r := &kept.Rows[i]
		if r.Errors != 0 || r.Checks == 0 || r.CPU.Median <= 0 || r.Resident.Min <= 0 || r.P50.Min <= 0 || r.P999.Min < r.P99.Min || r.ToStock == nil || r.ToFloor == nil {
			t.Errorf("%s, %s: an incomplete row: %+v", r.Level, r.Variant, r)
		}
	}
	for _, want := range append(variantNames(), "saturated", "8000/s", "2000/s", "to stock") {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, &table)
		}
	}
}

func TestOrderRotates(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processor time of other processes is read on Linux only")
	}
	s, err := parse([]string{"-rounds", "2", "-duration", "10ms", "-tokens", "1", "-variants", "floor,stock"}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	s.plan.levels = levels()[:1]
	r, err := s.run(t.Context(), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for i := range r.Measurements {
		order = append(order, fmt.Sprintf("%d %s", r.Measurements[i].Round, r.Measurements[i].Variant))
	}
	if got, want := strings.Join(order, ", "), "1 floor, 1 stock, 2 stock, 2 floor"; got != want {
		t.Errorf("measured in the order %s, want %s", got, want)
	}
}

func TestFlags(t *testing.T) {
	for args, want := range map[string]error{
		"-variants stock,floor":              nil,
		"-variants nothing":                  errVariant,
		"-variants stock,stock":              errTwice,
		"-variants claimgate -claimgate /no": errBinary,
		"-variants stock -rounds 0":          errFlag,
		"-variants stock -duration 1ms":      errFlag,
		"-variants stock -duration 2m":       errFlag,
		"-variants stock -tokens 0":          errFlag,
		"-variants stock -tokens 1000001":    errFlag,
		"-variants stock -tenants 0":         errFlag,
		"-variants stock -tenants 100001":    errFlag,
		"-variants stock more":               errFlag,
		"-help":                              flag.ErrHelp,
	} {
		if _, err := parse(strings.Fields(args), &bytes.Buffer{}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", args, err, want)
		}
	}
}
