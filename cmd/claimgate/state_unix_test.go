//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"os"
	"strings"
	"testing"
)

// TestP6ARollingRestartIsNoOutage: a server that begins while the one before it still
// has the stateDir is ready and answers; it has the directory when that one has ended.
func TestP6ARollingRestartIsNoOutage(t *testing.T) {
	_, issuerURL := startIssuer(t)
	file := writeSettings(t, issuerURL, "0s")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, ("stateDir: " + t.TempDir() + "\n")...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	has := func(r *running, metric string) func() bool {
		return func() bool {
			_, metrics, err := ask(r.addresses["metrics"], "/metrics")
			return err == nil && strings.Contains(metrics, metric+"\n")
		}
	}
	first := start(t, file)
	if !has(first, "claimgate_state_dir_usable 1")() {
		t.Errorf("the first has no stateDir; its log:\n%s", first.log)
	}
	second := start(t, file)
	if !has(second, "claimgate_state_dir_usable 0")() || !has(second, `claimgate_tenants{state="active"} 1`)() {
		t.Errorf("beside the first the log is\n%s", second.log)
	}
	first.stop(t)
	if !poll(has(second, "claimgate_state_dir_usable 1")) {
		t.Errorf("after the first the log is\n%s", second.log)
	}
	second.stop(t)
	if lines := strings.Count(second.log.String(), "another process has stateDir"); lines != 1 {
		t.Errorf("%d lines about the first, want 1:\n%s", lines, second.log)
	}
}
