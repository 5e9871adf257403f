package telemetry

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// promtool returns the tool that CI installed, or that of PATH. Without one the
// test is skipped, or fails where CLAIMGATE_REQUIRE_PROMTOOL=1 demands it.
func promtool(t *testing.T) string {
	t.Helper()
	installed, err := filepath.Abs("../../../../.build/bin/promtool")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{installed, "promtool"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	const missing = "THERE IS NO PROMTOOL: the alert rules are not checked by Prometheus itself; make promtool installs it"
	if os.Getenv("CLAIMGATE_REQUIRE_PROMTOOL") == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// TestP3AlertRulesByPromtool has Prometheus's own tool read the rules, and fire
// each of them.
func TestP3AlertRulesByPromtool(t *testing.T) {
	tool := promtool(t)
	for _, args := range [][]string{{"check", "rules", "claimgate.rules.yaml"}, {"test", "rules", "claimgate.rules.test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Dir = alerts
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, said)
		}
	}
	broken := filepath.Join(t.TempDir(), "broken.yaml") // else it would prove nothing
	if err := os.WriteFile(broken, []byte("groups: [{name: x, rules: [{alert: X, expr: 'sum by (('}]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.CommandContext(t.Context(), tool, "check", "rules", broken).CombinedOutput(); err == nil {
		t.Errorf("promtool accepts a broken rule:\n%s", said)
	}
}
