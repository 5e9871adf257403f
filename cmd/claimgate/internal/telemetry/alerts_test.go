package telemetry

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v4"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/certs"
)

const alerts = "../../../../examples/alerts/"

// alertRules is the format of a rule file of Prometheus, as far as it is used.
type alertRules struct {
	Groups []struct {
		Name  string      `yaml:"name"`
		Rules []alertRule `yaml:"rules"`
	} `yaml:"groups"`
}

type alertRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func readAlerts(t *testing.T) []alertRule {
	t.Helper()
	text, err := os.ReadFile(alerts + "claimgate.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var file alertRules
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	var all []alertRule
	for _, group := range file.Groups {
		if group.Name == "" || len(group.Rules) == 0 {
			t.Errorf("an empty group %q", group.Name)
		}
		all = append(all, group.Rules...)
	}
	return all
}

// metricNames are the metrics that a process publishes, with their labels.
func metricNames(t *testing.T) map[string][]string {
	t.Helper()
	m := NewMetrics()
	fill(m)
	m.WatchCertificates(func() []certs.Status { return nil })
	m.registry.MustRegister(newSpanCounter())
	descs := make(chan *prometheus.Desc)
	go func() { m.registry.Describe(descs); close(descs) }()
	form := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)
	names := map[string][]string{}
	for d := range descs {
		match := form.FindStringSubmatch(d.String())
		if match == nil {
			t.Fatalf("a description of another form: %s", d)
		}
		names[match[1]] = strings.FieldsFunc(match[2], func(r rune) bool { return r == ',' })
	}
	return names
}

// TestAlertRules holds the example to what is published: every metric and label
// that a rule names exists, and is used as what it is.
func TestAlertRules(t *testing.T) {
	rules, metrics := readAlerts(t), metricNames(t)
	readme, err := os.ReadFile(alerts + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(alerts + "claimgate.rules.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, rule := range rules {
		t.Run(rule.Alert, func(t *testing.T) {
			rule.checkForm(t, string(readme))
			rule.checkMetrics(t, metrics)
			if !bytes.Contains(tests, []byte("      - alertname: "+rule.Alert+"\n")) {
				t.Error("no test fires it")
			}
			if seen[rule.Alert] {
				t.Error("there are two of this name")
			}
			seen[rule.Alert] = true
		})
	}
	for _, match := range regexp.MustCompile("(?m)^\\| `(\\w+)`").FindAllStringSubmatch(string(readme), -1) {
		if !seen[match[1]] {
			t.Errorf("the README explains %s, which is no alert", match[1])
		}
	}
}

func (r *alertRule) checkForm(t *testing.T, readme string) {
	t.Helper()
	if !regexp.MustCompile(`^Claimgate[A-Z][A-Za-z]+$`).MatchString(r.Alert) || !strings.Contains(readme, "| `"+r.Alert+"` |") {
		t.Error("the name is odd, or the README does not explain it")
	}
	if !slices.Contains([]string{"warning", "critical"}, r.Labels["severity"]) || len(r.Labels) != 1 {
		t.Errorf("labels %v", r.Labels)
	}
	if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || len(r.Annotations) != 2 {
		t.Errorf("annotations %v", r.Annotations)
	}
	if _, err := time.ParseDuration(r.For); err != nil && r.For != "" {
		t.Errorf("for: %v", err)
	}
	depth := 0
	for _, c := range r.Expr {
		depth += map[rune]int{'(': 1, ')': -1}[c]
		if depth < 0 {
			break
		}
	}
	if depth != 0 || strings.Count(r.Expr, `"`)%2 != 0 || strings.Count(r.Expr, "{") != strings.Count(r.Expr, "}") {
		t.Errorf("brackets or quotes do not match in %s", r.Expr)
	}
}

var (
	metricUse = regexp.MustCompile(`(\w+\()?\b(claimgate_\w+)(\{[^}]*\})?(\[[0-9]+[mh]\])?( > 0 unless| offset 1h\))?`)
	matcher   = regexp.MustCompile(`(\w+)(=|!=|=~)"([^"]*)"`)
	grouping  = regexp.MustCompile(`by \(([^)]*)\)`)
	shown     = regexp.MustCompile(`\$labels\.(\w+)`)
)

func (r *alertRule) checkMetrics(t *testing.T, metrics map[string][]string) {
	t.Helper()
	uses := metricUse.FindAllStringSubmatch(r.Expr, -1)
	if len(uses) == 0 {
		t.Errorf("no metric in %s", r.Expr)
	}
	known := []string{"instance", "job"}
	for _, use := range uses {
		labels, ok := metrics[use[2]]
		if !ok {
			t.Errorf("there is no metric %s", use[2])
		}
		known = append(known, labels...)
		counter := strings.HasSuffix(use[2], "_total")
		rated := (use[1] == "rate(" || use[1] == "increase(") && use[4] != ""
		young := use[5] != "" // it is there since less than an hour, and is no longer zero
		if counter != (rated || young) {
			t.Errorf("%s is used as what it is not: %s", use[2], use[0])
		}
		for _, m := range matcher.FindAllStringSubmatch(use[3], -1) {
			for value := range strings.SplitSeq(m[3], "|") {
				if !slices.Contains(labels, m[1]) || !labelValue(use[2], m[1], value) {
					t.Errorf("%s never has %s", use[2], m[0])
				}
			}
		}
	}
	for _, group := range grouping.FindAllStringSubmatch(r.Expr, -1) {
		known = slices.DeleteFunc(known, func(label string) bool { return !slices.Contains(strings.Split(group[1], ", "), label) })
	}
	for _, label := range shown.FindAllStringSubmatch(r.Annotations["summary"]+r.Annotations["description"], -1) {
		if !slices.Contains(known, label[1]) {
			t.Errorf("the label %s is not there any more", label[1])
		}
	}
}

// labelValue reports whether a label of the metric can have the value.
func labelValue(metric, label, value string) bool {
	switch label {
	case "result":
		return slices.Contains([]string{spanExported, spanQueueFull, spanFailed, spanFault}, value)
	case "reason":
		if metric == "claimgate_jwks_skipped_keys_by_reason" {
			return slices.Contains(jwks.SkipReasons(), jwks.SkipReason(value))
		}
		return slices.ContainsFunc(authz.Reasons(), func(r authz.Reason) bool { return r.String() == value })
	case "verdict":
		return slices.Contains([]string{authz.Allow.String(), authz.Deny.String(), authz.Challenge.String(), authz.Unavailable.String()}, value)
	case "state":
		return slices.Contains([]string{"active", "stale", "suspended", "quarantined"}, value)
	}
	return false
}

// unalarmed are the counters that no alert looks at, and why.
var unalarmed = map[string]string{
	"claimgate_accepted_tokens_total":         "good tokens",
	"claimgate_denial_lines_suppressed_total": "the limit is meant; the denials themselves are in claimgate_checks_total",
	"claimgate_jwks_fetches_total":            "ClaimgateKeyFetchFailing sees failures in a row, by claimgate_jwks_failures",
	"claimgate_jwks_gate_closures_total":      "ClaimgateUnknownKids sees what closes the gate, ClaimgateUnavailable what is refused",
	"claimgate_jwks_store_failures_total":     "ClaimgateKeysNotKept sees it by claimgate_jwks_store_failing",
	"claimgate_jwks_store_restored_total":     "what stateDir is for",
	"claimgate_reload_total":                  "ClaimgateReloadFailed and ClaimgateReloadWaiting see what remains so",
	"claimgate_shadowed_total":                "shadow is meant; ClaimgateInsecureSettings sees insecureShadow",
	"claimgate_tls_reloads_total":             "ClaimgateCertificateNotInForce sees what remains so",
	"claimgate_verification_seconds_total":    "work that was done",
	"claimgate_verifications_queued_total":    "ClaimgateVerificationsShed sees those that were given up",
	"claimgate_verifications_total":           "work that was done",
}

// TestAlertsSeeWhatIsCounted: each counter is looked at by an alert, or it is
// said why by none.
func TestAlertsSeeWhatIsCounted(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range readAlerts(t) {
		for _, use := range metricUse.FindAllStringSubmatch(rule.Expr, -1) {
			seen[use[2]] = true
		}
	}
	metrics := metricNames(t)
	for name := range metrics {
		if strings.HasPrefix(name, "claimgate_") && strings.HasSuffix(name, "_total") && seen[name] == (unalarmed[name] != "") {
			t.Errorf("%s: an alert looks at it: %t; why none does: %q", name, seen[name], unalarmed[name])
		}
	}
	for name := range unalarmed {
		if _, ok := metrics[name]; !ok {
			t.Errorf("there is no metric %s", name)
		}
	}
}
