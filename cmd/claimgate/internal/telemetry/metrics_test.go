package telemetry

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
)

// fill makes every metric have a series.
func fill(m *Metrics) {
	m.SetBuild("v1.2.3", "abc")
	m.SetConfiguration(Configuration{Loaded: time.Unix(1000, 0), Insecure: 1})
	m.WatchReloads(func() Reloads {
		return Reloads{Generation: 3, Tenants: map[string]int{"active": 2, "stale": 1}, Results: map[string]uint64{"applied": 2, "refused": 1},
			LastSuccess: time.Unix(1000, 0), Failing: time.Now().Add(time.Hour), Waiting: true}
	})
	m.WatchReady(func() bool { return true })
	m.WatchInFlight(func() int { return 7 })
	m.WatchCache(func() token.CacheStats {
		return token.CacheStats{Hits: 5, Misses: 4, Evictions: 3, Entries: 2, Capacity: 10}
	})
	m.WatchScheduler(func() token.SchedulerStats {
		return token.SchedulerStats{Slots: 1, Running: 1, Waiting: 6, Verified: 8, Queued: 7}
	})
	m.verifications.verified(token.Payer{Tenant: "acme"}, 0, 2*time.Second)
	m.verifications.verified(token.Payer{Entry: "shared"}, time.Millisecond, time.Second)
	m.WatchKeys(func() []jwks.Status {
		return []jwks.Status{
			{Issuer: "https://a.example", Kind: "remote", Keys: 2, Skipped: 1, LastSuccess: time.Unix(500, 0), UnknownKIDs: 4, GateClosures: 1},
			{Issuer: "https://a.example", Kind: "remote", Keys: 1, LastSuccess: time.Unix(400, 0), LastFailure: time.Unix(450, 0)},
			{Issuer: "https://b.example", Kind: "static", Keys: 1, LastSuccess: time.Unix(100, 0)},
			{Issuer: "https://c.example", Kind: "remote"},
		}
	})
	m.WatchKeyStore(func() jwks.StoreStatus { return jwks.StoreStatus{Usable: true} })
	m.fetched("https://a.example", jwks.FetchOK, time.Second)
	m.checked(&authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, Tenant: "acme", Issuer: "idp"}, time.Millisecond)
	m.checked(&authz.Decision{Verdict: authz.Challenge, Reason: authz.PlaceUnknown}, time.Millisecond)
	m.checked(&authz.Decision{Verdict: authz.Allow, Reason: authz.ShadowPassed, Shadowed: authz.ScopeMissing, Tenant: "acme"}, time.Millisecond)
	m.checked(&authz.Decision{Verdict: authz.Allow, Reason: authz.Allowed, ShadowRule: "trial", Tenant: "trying"}, time.Millisecond)
	m.checked(&authz.Decision{Verdict: authz.Deny, Reason: authz.PolicyDenied, ShadowRule: "trial", Tenant: "trying"}, time.Millisecond)
}

func TestMetricsLint(t *testing.T) {
	m := NewMetrics()
	fill(m)
	problems, err := testutil.GatherAndLint(m.Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetricValues(t *testing.T) {
	m := NewMetrics()
	fill(m)
	const want = `
# HELP claimgate_checks_total Decided requests by tenant, verdict and reason.
# TYPE claimgate_checks_total counter
claimgate_checks_total{reason="allowed",tenant="acme",verdict="allow"} 1
claimgate_checks_total{reason="allowed",tenant="trying",verdict="allow"} 1
claimgate_checks_total{reason="place_unknown",tenant="_none",verdict="challenge"} 1
claimgate_checks_total{reason="policy_denied",tenant="trying",verdict="deny"} 1
claimgate_checks_total{reason="shadow",tenant="acme",verdict="allow"} 1
# HELP claimgate_shadowed_total Requests that were allowed although they would have been refused, by tenant and by what would have been the reason.
# TYPE claimgate_shadowed_total counter
claimgate_shadowed_total{reason="policy_denied",tenant="trying"} 1
claimgate_shadowed_total{reason="scope_missing",tenant="acme"} 1
# HELP claimgate_jwks_keys Usable keys of the issuer in force.
# TYPE claimgate_jwks_keys gauge
claimgate_jwks_keys{issuer="https://a.example"} 3
claimgate_jwks_keys{issuer="https://b.example"} 1
claimgate_jwks_keys{issuer="https://c.example"} 0
# HELP claimgate_jwks_last_success_timestamp_seconds When the keys of the issuer were last fetched; 0 before the first time. Alert on its age.
# TYPE claimgate_jwks_last_success_timestamp_seconds gauge
claimgate_jwks_last_success_timestamp_seconds{issuer="https://a.example"} 400
claimgate_jwks_last_success_timestamp_seconds{issuer="https://c.example"} 0
# HELP claimgate_config_insecure_settings Settings in use whose name begins with insecure.
# TYPE claimgate_config_insecure_settings gauge
claimgate_config_insecure_settings 1
# HELP claimgate_generation Number of the configuration in force: 1 at the start, one more with each change.
# TYPE claimgate_generation gauge
claimgate_generation 3
# HELP claimgate_reload_failed 1 while something on disk is not in force, else 0.
# TYPE claimgate_reload_failed gauge
claimgate_reload_failed 1
# HELP claimgate_reload_failed_age_seconds How long something on disk has not been in force; 0 while all of it is.
# TYPE claimgate_reload_failed_age_seconds gauge
claimgate_reload_failed_age_seconds 0
# HELP claimgate_reload_last_failure_timestamp_seconds When something that had changed was last refused; 0 if never.
# TYPE claimgate_reload_last_failure_timestamp_seconds gauge
claimgate_reload_last_failure_timestamp_seconds 0
# HELP claimgate_reload_last_success_timestamp_seconds When all that had changed was last put in force.
# TYPE claimgate_reload_last_success_timestamp_seconds gauge
claimgate_reload_last_success_timestamp_seconds 1000
# HELP claimgate_reload_total Reloads by result.
# TYPE claimgate_reload_total counter
claimgate_reload_total{result="applied"} 2
claimgate_reload_total{result="refused"} 1
# HELP claimgate_reload_waiting 1 while a change waits to be confirmed, else 0.
# TYPE claimgate_reload_waiting gauge
claimgate_reload_waiting 1
# HELP claimgate_tenants Tenants by state: active as their file says, stale on their last good version, suspended, or quarantined without one.
# TYPE claimgate_tenants gauge
claimgate_tenants{state="active"} 2
claimgate_tenants{state="stale"} 1
# HELP claimgate_ready 1 where the process is ready for requests, else 0.
# TYPE claimgate_ready gauge
claimgate_ready 1
# HELP claimgate_token_cache_hits_total Tokens that the cache of verified tokens answered.
# TYPE claimgate_token_cache_hits_total counter
claimgate_token_cache_hits_total 5
# HELP claimgate_verification_seconds_total Time that the verification of signatures took, by tenant, or by entry where no tenant was known yet.
# TYPE claimgate_verification_seconds_total counter
claimgate_verification_seconds_total{entry="_none",tenant="acme"} 2
claimgate_verification_seconds_total{entry="shared",tenant="_none"} 1
# HELP claimgate_verification_slots Signatures that are checked at a time.
# TYPE claimgate_verification_slots gauge
claimgate_verification_slots 1
# HELP claimgate_verifications_in_progress Signatures that are being checked.
# TYPE claimgate_verifications_in_progress gauge
claimgate_verifications_in_progress 1
# HELP claimgate_verifications_queued_total Tokens that had to wait for their verification.
# TYPE claimgate_verifications_queued_total counter
claimgate_verifications_queued_total 7
# HELP claimgate_verifications_shed_total Tokens that were given up before their signature was checked, by cause.
# TYPE claimgate_verifications_shed_total counter
claimgate_verifications_shed_total{cause="gave_up"} 0
claimgate_verifications_shed_total{cause="queue_full"} 0
claimgate_verifications_shed_total{cause="too_late"} 0
# HELP claimgate_verifications_total Signatures that were checked, good and bad ones.
# TYPE claimgate_verifications_total counter
claimgate_verifications_total 8
# HELP claimgate_verifications_waiting Tokens that wait for their verification.
# TYPE claimgate_verifications_waiting gauge
claimgate_verifications_waiting 6
`
	err := testutil.GatherAndCompare(m.Gatherer(), strings.NewReader(want), "claimgate_checks_total", "claimgate_shadowed_total", "claimgate_jwks_keys",
		"claimgate_jwks_last_success_timestamp_seconds", "claimgate_config_insecure_settings", "claimgate_ready",
		"claimgate_verification_seconds_total", "claimgate_verification_slots", "claimgate_verifications_in_progress",
		"claimgate_verifications_queued_total", "claimgate_verifications_shed_total", "claimgate_verifications_total", "claimgate_verifications_waiting",
		"claimgate_token_cache_hits_total", "claimgate_generation", "claimgate_tenants", "claimgate_reload_total", "claimgate_reload_failed",
		"claimgate_reload_failed_age_seconds", "claimgate_reload_last_success_timestamp_seconds",
		"claimgate_reload_last_failure_timestamp_seconds", "claimgate_reload_waiting")
	if err != nil {
		t.Error(err)
	}
}

// countOf returns how many requests of a tenant, by its label, were denied for
// trouble of our own.
func countOf(m *Metrics, label string) uint64 {
	for _, t := range *m.tenants.known.Load() {
		if t.label == label {
			return t.checks[int(authz.Deny)*len(t.shadowed)+int(authz.Internal)].Load()
		}
	}
	return 0
}

func TestLabelsAreCapped(t *testing.T) {
	m := NewMetrics()
	for i := range maxLabels + 50 {
		for range 2 {
			m.checked(&authz.Decision{Tenant: fmt.Sprintf("t%d", i)}, 0)
		}
		m.fetched(fmt.Sprintf("https://%d.example", i), jwks.FetchOK, 0)
		m.verifications.verified(token.Payer{Tenant: fmt.Sprint("t", i)}, 0, 0)
	}
	if n := testutil.CollectAndCount(m.verifications.spent); n != maxLabels+1 {
		t.Errorf("%d series of payers, want %d", n, maxLabels+1)
	}
	if n := testutil.CollectAndCount(m.tenants); n != maxLabels+1 {
		t.Errorf("%d series of tenants, want %d", n, maxLabels+1)
	}
	if n := countOf(m, otherLabel); n != 100 {
		t.Errorf("%s counts %v, want 100", otherLabel, n)
	}
	if n := testutil.CollectAndCount(m.fetches); n != maxLabels+1 {
		t.Errorf("%d series of issuers, want %d", n, maxLabels+1)
	}
}

func TestOddDecisionsAreCountedAsInternalDenials(t *testing.T) {
	m := NewMetrics()
	m.checked(&authz.Decision{Verdict: 250, Reason: 250}, 0)
	if n := countOf(m, noneLabel); n != 1 {
		t.Errorf("counted %v", n)
	}
}

func TestCountersUnderConcurrency(t *testing.T) {
	m := NewMetrics()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 1000 {
				m.checked(&authz.Decision{Tenant: fmt.Sprintf("t%d", i%10)}, 0)
			}
		})
	}
	wg.Wait()
	for i := range 10 {
		if n := countOf(m, fmt.Sprintf("t%d", i)); n != 800 {
			t.Errorf("t%d: %v, want 800", i, n)
		}
	}
}

// TestTenantsOfEveryNameAreCountedApart: whatever the names have in common, and
// whatever is reserved for labels, each request counts once, where it belongs.
func TestTenantsOfEveryNameAreCountedApart(t *testing.T) {
	m := NewMetrics()
	names := []string{"a", "b", "acme-prod", "globex-prod", "acme-test", "acmeprod", "acmeproe", "prod", "", noneLabel, otherLabel}
	for i := range 80 {
		names = append(names, fmt.Sprintf("tenant-%05d", i), fmt.Sprintf("%05d", i))
	}
	for round := range 3 {
		for i, name := range names {
			for range i + 1 {
				m.checked(&authz.Decision{Tenant: name, Issuer: fmt.Sprint("i", round)}, 0)
			}
		}
	}
	late := maxLabels - (len(names) - 3) // that still have counts of their own
	for i := range late + 10 {
		m.checked(&authz.Decision{Tenant: fmt.Sprint("late", i)}, 0)
	}
	want := map[string]uint64{noneLabel: 3 * (9 + 10), otherLabel: 3*11 + 10}
	for i, name := range names {
		if _, reserved := want[name]; !reserved && name != "" {
			want[name] = uint64(3 * (i + 1))
		}
	}
	for label, n := range want {
		if got := countOf(m, label); got != n {
			t.Errorf("%q counts %d, want %d", label, got, n)
		}
	}
	if _, err := m.Gatherer().Gather(); err != nil {
		t.Error(err)
	}
}

// TestIssuersAreCountedApart: a tenant of more issuers than it remembers counts
// each as often as it came.
func TestIssuersAreCountedApart(t *testing.T) {
	m := NewMetrics()
	for n := range uint64(3 * maxRemembered) {
		for range n + 1 {
			m.checked(&authz.Decision{Tenant: "acme", Issuer: fmt.Sprint("i", n)}, 0)
			m.checked(&authz.Decision{Tenant: "globex", Issuer: fmt.Sprint("i", n%5)}, 0)
		}
	}
	for _, a := range m.Accepted() {
		if a.Tenant == "acme" && a.Issuer != fmt.Sprint("i", a.Requests-1) {
			t.Errorf("%s: %d", a.Issuer, a.Requests)
		}
	}
	if n := len(m.Accepted()); n != 3*maxRemembered+5 {
		t.Errorf("%d pairs", n)
	}
}
