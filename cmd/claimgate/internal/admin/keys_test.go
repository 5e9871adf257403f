package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz/jwks"
)

func keysPage(statuses ...jwks.Status) http.Handler {
	return PageHandler(PageOptions{
		Readiness: readyReadiness(), Started: time.Now(), Summary: func() Summary { return Summary{} },
		Sources: func() []jwks.Status { return statuses },
		Keys: func(issuer string) map[string][]jwks.KeyView {
			return map[string][]jwks.KeyView{"id of " + issuer: {
				{KID: "k\"1", Thumbprint: "hC-LKXXpKXzHUKP6mu8gqxPGgVzM_ekdIOVYLI5Ocog", Algorithms: []string{"RS256", "PS256"}},
				{Thumbprint: "other", Algorithms: []string{"ES256"}, Issuer: "https://one.example"},
			}}
		},
	})
}

func TestKeysPageOfOneIssuer(t *testing.T) {
	now := time.Now()
	h := keysPage(
		jwks.Status{Issuer: "https://b.example", ID: "other", Kind: "static", Usable: true, Keys: 1},
		jwks.Status{Issuer: "https://a.example/x?y", ID: "id of https://a.example/x?y", Kind: "remote", Usable: true, Restored: true, Keys: 2, Skipped: 3,
			SkippedBy: map[jwks.SkipReason]int{jwks.SkipPurpose: 2, jwks.SkipPrivate: 1},
			Fetched:   now.Add(-time.Hour), StaleAt: now.Add(23*time.Hour + time.Minute), LastFailure: now.Add(-2 * time.Second), LastError: "timeout",
			NextRefresh: now.Add(-5 * time.Second), Failures: 4, BackOff: true, UnknownKIDs: 9, GateClosures: 8, Waiting: 7, Absent: 6},
	)
	w := call(h, "/keys?issuer="+url.QueryEscape("https://a.example/x?y"), nil)
	for _, want := range []string{
		"https://a.example/x?y\n", "2 usable, kept from before the start, 3 skipped (private 1, purpose 2)", "1h0m0s ago", "in 23h", "timeout: the key server",
		"back-off   true, failures in a row 4", "kids 9, gate closures 8, waiting 7, absent 6", `"k\"1"`, "hC-LKXXpKXzHUKP6mu8gqxPGgVzM_ekdIOVYLI5Ocog",
		"RS256 PS256", "all tokens", "https://one.example", "5s ago",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is not in\n%s", want, w.Body)
		}
	}
	if w.Code != 200 || strings.Contains(w.Body.String(), "b.example") {
		t.Errorf("%d\n%s", w.Code, w.Body)
	}
	if w := call(h, "/keys?issuer=nobody", nil); w.Code != 404 {
		t.Errorf("an issuer that is not there: %d", w.Code)
	}
}

func TestKeysPageOfAll(t *testing.T) {
	statuses := []jwks.Status{{Issuer: "stale", Kind: "remote", Keys: 1}, {Issuer: "none", Kind: "remote"}}
	for i := range maxListed + 5 {
		statuses = append(statuses, jwks.Status{Issuer: fmt.Sprint("https://example.com/", i), Kind: "static", Usable: true, Keys: 1})
	}
	w := call(keysPage(statuses...), "/keys", nil)
	for _, want := range []string{"1 TOO STALE", "0 NO KEYS", "and 7 more", "https://example.com/0\n"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is not in\n%.600s", want, w.Body)
		}
	}
	if w.Code != 200 || strings.Contains(w.Body.String(), "THUMBPRINT") {
		t.Errorf("%d", w.Code)
	}
	if w := call(keysPage(statuses...), "/keys", func(r *http.Request) { r.Method = http.MethodPost }); w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
	if w := call(keysPage(statuses...), "/keys", func(r *http.Request) { r.Host = "evil.example" }); w.Code == 200 {
		t.Error("any host may ask")
	}
}
