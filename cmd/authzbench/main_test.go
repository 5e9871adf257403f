package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
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

func onlyLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("processor time of other processes is read on Linux only")
	}
}

// TestEveryScenario runs the whole benchmark in small. It holds that every
// contender answers rightly and without errors, and that there is a figure for
// each; never what the figure is.
func TestEveryScenario(t *testing.T) {
	onlyLinux(t)
	if _, err := findEnvoy(""); err != nil && os.Getenv("CLAIMGATE_REQUIRE_ENVOY") == "1" {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var table, progress bytes.Buffer
	args := []string{"-scenario", "smoke", "-rounds", "2", "-duration", "20ms", "-slices", "2", "-report", dir, "-claimgate", buildClaimgate(t)}
	if err := authzbench(t.Context(), args, &table, &progress); err != nil {
		t.Fatalf("%v\n%s%s", err, &progress, &table)
	}
	kept, err := readReport(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	if kept.Slices != 2 {
		t.Errorf("the result speaks of %d slices", kept.Slices)
	}
	complete(t, kept)
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{stock, floor, options, verify, rego, claimgate, "claimgate (hits=0 ES256)", "claimgate (lean)", bareName, "saturated", "8000/s", "2000/s", "to stock"} {
		if !strings.Contains(table.String(), want) || !strings.Contains(string(text), want) {
			t.Errorf("%q is not in the table or not in the report:\n%s\n%s", want, &table, text)
		}
	}
}

// complete holds that no row lacks a figure.
func complete(t *testing.T, r *report) {
	t.Helper()
	through := 0
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.InAll != nil {
			through++
		} else if row.Variant != bareName && (row.Resident.Min <= 0 || row.CPU.Median <= 0 || row.ToStock == nil || row.ToFloor == nil) {
			t.Errorf("%s, %s: an incomplete row: %+v", row.Level, row.name(), row)
		}
		if row.Errors != 0 || row.Checks == 0 || row.P999.Min < row.P99.Min {
			t.Errorf("%s, %s: %d checks, %d errors: %s", row.Level, row.name(), row.Checks, row.Errors, r.firstError())
		}
	}
	if want := len(fronts()) * len(envoyLevels()); through != want && r.Envoy != errNoEnvoy.Error() {
		t.Errorf("%d rows through Envoy, want %d", through, want)
	}
}

// TestTunings: what one changes is changed, in a server of ours and in claimgate.
func TestTunings(t *testing.T) {
	onlyLinux(t)
	gate := buildClaimgate(t)
	args := []string{"-rounds", "1", "-duration", "10ms", "-tokens", "1", "-claimgate", gate, "-other", gate, "-variants", "floor+tcp+workers2,claimgate+tcp,other+gogc100"}
	s, err := parse(args, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.withServers(t.Context(), &bytes.Buffer{}, func(b *bench, _ []contender) error {
		for _, one := range b.servers[:2] {
			if !strings.HasPrefix(one.address, "127.0.0.1:") {
				t.Errorf("%s listens on %s", one.name, one.address)
			}
		}
		if got := b.servers[2].command.Env; !slices.Contains(got, "GOGC=100") {
			t.Error("other has no GOGC=100 in its environment")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestProfile: each server leaves a profile that names its parts.
func TestProfile(t *testing.T) {
	onlyLinux(t)
	dir := t.TempDir()
	var shares, progress bytes.Buffer
	args := []string{"-variants", "floor,claimgate", "-tokens", "1", "-duration", "100ms", "-profile", dir}
	if err := authzbench(t.Context(), args, &shares, &progress); err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	for _, want := range []string{"floor-tokens-1-saturated.pprof", "claimgate-tokens-1-2000-per-s.pprof"} {
		if info, err := os.Stat(filepath.Join(dir, want)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", want, err)
		}
	}
	if !strings.Contains(shares.String(), " %  gRPC") {
		t.Errorf("no shares:\n%s", &shares)
	}
}

func TestFlags(t *testing.T) {
	for args, want := range map[string]error{
		"-variants stock,floor":                      nil,
		"-variants floor+workers2,options+windows":   nil,
		"-variants nothing":                          errVariant,
		"-variants floor+nothing":                    errTuning,
		"-variants claimgate+workers2":               errTuning,
		"-variants stock+generated":                  errTuning,
		"-variants stock,stock":                      errTwice,
		"-variants other -claimgate flags.go":        errOther,
		"-variants claimgate -claimgate /no":         errBinary,
		"-scenario nothing":                          errScenario,
		"-variants stock -rounds 0":                  errFlag,
		"-variants stock -duration 1ms":              errFlag,
		"-variants stock -duration 2m":               errFlag,
		"-variants stock -slices -1":                 errFlag,
		"-variants stock -duration 1s -slices 101":   errFlag,
		"-variants stock -duration 1s -slices 100":   nil,
		"-variants stock -frame thin":                errFlag,
		"-variants stock -from result.json":          errFlag,
		"-variants stock more":                       errFlag,
		"-variants stock -tokens 0":                  errWorkload,
		"-variants stock -tokens 1000001":            errWorkload,
		"-variants stock -tenants 0":                 errWorkload,
		"-variants stock -tenants 100001":            errWorkload,
		"-variants stock -hits 1.1":                  errWorkload,
		"-variants stock -hits NaN":                  errWorkload,
		"-variants stock -hits 0.5 -tokens 10":       errWorkload,
		"-variants stock -alg HS256":                 errWorkload,
		"-scenario acceptance -claimgate /no":        errBinary,
		"-scenario acceptance -claimgate flags.go":   nil,
		"-scenario tokens,envoy -claimgate flags.go": nil,
		"-help": flag.ErrHelp,
	} {
		if _, err := parse(strings.Fields(args), &bytes.Buffer{}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", args, err, want)
		}
	}
}
