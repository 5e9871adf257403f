package proxy

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrUnavailable says that there is no Envoy executable on this machine.
var ErrUnavailable = errors.New("proxy: no Envoy executable; .ci/install-envoy.sh fetches one, CLAIMGATE_ENVOY names another")

// installed is where .ci/install-envoy.sh leaves the executable, below the
// module root. The package's own `bin/envoy` is a Python script that starts
// this very file.
const installed = ".build/envoy/lib/python3*/site-packages/envoy/_bin/envoy"

// Find returns the path of the Envoy executable: what the environment variable
// CLAIMGATE_ENVOY names, else the one installed below the working directory or
// the root of a module around it, else `envoy` of PATH. A CLAIMGATE_ENVOY
// that is no executable is an error of its own, never a reason to look further.
func Find() (string, error) {
	if named := os.Getenv("CLAIMGATE_ENVOY"); named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("proxy: CLAIMGATE_ENVOY: %w", err)
		}
		return path, nil
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("proxy: %w", err)
	}
	for _, dir := range append([]string{wd}, moduleRoots(wd)...) {
		if path := executableBelow(dir); path != "" {
			return path, nil
		}
	}
	if path, err := exec.LookPath("envoy"); err == nil {
		return path, nil
	}
	return "", ErrUnavailable
}

func executableBelow(dir string) string {
	found, err := filepath.Glob(filepath.Join(dir, installed))
	if err != nil {
		return ""
	}
	for _, path := range found {
		if path, err = exec.LookPath(path); err == nil {
			return path
		}
	}
	return ""
}

// moduleRoots returns the directories from dir upwards that hold a go.mod, the
// nearest first: a module may lie inside another.
func moduleRoots(dir string) []string {
	var roots []string
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			roots = append(roots, at)
		}
		if at == filepath.Dir(at) {
			return roots
		}
	}
}
