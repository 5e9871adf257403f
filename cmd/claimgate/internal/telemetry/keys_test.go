package telemetry

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/claimgate/claimgate/authz/jwks"
)

// TestP3EveryNumberOfTheKeyContractIsAMetric: of several sources under one
// label the worst is shown.
func TestP3EveryNumberOfTheKeyContractIsAMetric(t *testing.T) {
	now := time.Unix(10_000, 0)
	var state keyState
	state.skippedBy = map[jwks.SkipReason]int{}
	for _, s := range []jwks.Status{
		{Kind: "remote", Usable: true, Keys: 2, Fetched: now.Add(-time.Minute), StaleAt: now.Add(time.Hour), LastSuccess: now.Add(-time.Minute),
			NextRefresh: now.Add(time.Minute), SkippedBy: map[jwks.SkipReason]int{jwks.SkipPurpose: 1}, Skipped: 1, Waiting: 3, Absent: 5},
		{Kind: "remote", Usable: true, Keys: 1, Fetched: now.Add(-time.Hour), StaleAt: now.Add(time.Minute), LastFailure: now,
			NextRefresh: now.Add(-30 * time.Second), Failures: 7, Restored: true, SkippedBy: map[jwks.SkipReason]int{jwks.SkipPurpose: 2}, Skipped: 2, Waiting: 1},
	} {
		state.add(&s, now)
	}
	if state.age != 3600 || state.left != 60 || state.overdue != 30 || state.failures != 7 || !state.restored || state.unusable ||
		state.waiting != 4 || state.absent != 5 || state.skippedBy[jwks.SkipPurpose] != 3 || state.skipped != 3 || state.success != 0 || state.keys != 3 {
		t.Errorf("%+v", state)
	}
	state.add(&jwks.Status{Kind: "remote"}, now)
	if !state.unusable || state.left != 0 {
		t.Errorf("with a source without keys: %+v", state)
	}
}

func TestKeyMetricsOfStaticAndRemoteSources(t *testing.T) {
	m := NewMetrics()
	m.WatchKeys(func() []jwks.Status {
		return []jwks.Status{
			{Issuer: "a", Kind: "remote", SkippedBy: map[jwks.SkipReason]int{jwks.SkipPrivate: 1}},
			{Issuer: "b", Kind: "static", Usable: true, Keys: 1},
		}
	})
	m.WatchKeyStore(func() jwks.StoreStatus {
		return jwks.StoreStatus{Usable: true, Failing: true, Failures: 2, Ignored: 3, Restored: 4}
	})
	const want = `
# HELP claimgate_jwks_failures Failed fetches of the issuer's keys since the last good one.
# TYPE claimgate_jwks_failures gauge
claimgate_jwks_failures{issuer="a"} 0
# HELP claimgate_jwks_skipped_keys_by_reason Keys of the issuer's set in force that are unusable, by reason.
# TYPE claimgate_jwks_skipped_keys_by_reason gauge
claimgate_jwks_skipped_keys_by_reason{issuer="a",reason="private"} 1
# HELP claimgate_jwks_store_failing 1 while key sets cannot be written to stateDir, else 0.
# TYPE claimgate_jwks_store_failing gauge
claimgate_jwks_store_failing 1
# HELP claimgate_jwks_store_ignored_total Key sets in stateDir that were damaged, foreign or too old, and not used.
# TYPE claimgate_jwks_store_ignored_total counter
claimgate_jwks_store_ignored_total 3
# HELP claimgate_jwks_usable 1 where the issuer has keys that are not too stale, else 0: its tokens then get 503.
# TYPE claimgate_jwks_usable gauge
claimgate_jwks_usable{issuer="a"} 0
claimgate_jwks_usable{issuer="b"} 1
`
	err := testutil.GatherAndCompare(m.Gatherer(), strings.NewReader(want), "claimgate_jwks_failures", "claimgate_jwks_usable",
		"claimgate_jwks_skipped_keys_by_reason", "claimgate_jwks_store_failing", "claimgate_jwks_store_ignored_total")
	if err != nil {
		t.Error(err)
	}
}
