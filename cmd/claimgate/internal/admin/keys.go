package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/claimgate/claimgate/authz/jwks"
)

// maxListed bounds the issuers of one answer.
const maxListed = 200

// keys serves /keys: the state of each key source, or with ?issuer= the state
// and the keys of those of one issuer. Key ids and thumbprints are public; no
// key material, no URL that may hold a secret, and nothing that an issuer
// wrote besides.
func (o *PageOptions) keys(w http.ResponseWriter, r *http.Request) {
	issuer, one := r.URL.Query().Get("issuer"), r.URL.Query().Has("issuer")
	var page strings.Builder
	shown, left := 0, 0
	now := time.Now()
	for _, s := range o.Sources() {
		switch {
		case one && s.Issuer != issuer:
		case shown == maxListed:
			left++
		default:
			shown++
			writeSource(&page, &s, now)
			if one && o.Keys != nil {
				writeKeys(&page, o.Keys(issuer)[s.ID])
			}
		}
	}
	if left > 0 {
		fmt.Fprintf(&page, "and %d more: ask for one with /keys?issuer=...\n", left)
	}
	if shown == 0 {
		writeText(w, http.StatusNotFound, "no key source has this issuer; /keys lists those there are\n")
		return
	}
	writeText(w, http.StatusOK, page.String())
}

// writeSource tells the numbers of the key contract of one source.
func writeSource(page *strings.Builder, s *jwks.Status, now time.Time) {
	state := "usable"
	switch {
	case !s.Usable && s.Keys > 0:
		state = "TOO STALE"
	case !s.Usable:
		state = "NO KEYS"
	case s.Restored:
		state = "usable, kept from before the start"
	}
	fmt.Fprintf(page, "%s\n  source     %s, %s\n  keys       %d %s, %d skipped%s\n", s.Issuer, s.Kind, s.ID, s.Keys, state, s.Skipped, skippedBy(s))
	if s.Kind == jwks.KindStatic {
		page.WriteString("\n")
		return
	}
	fmt.Fprintf(page, "  confirmed  %s\n  stale      %s\n  success    %s\n  failure    %s\n  refresh    %s\n", ago(s.Fetched, now), ahead(s.StaleAt, now),
		ago(s.LastSuccess, now), ago(s.LastFailure, now), ahead(s.NextRefresh, now))
	fmt.Fprintf(page, "  error      %s\n  back-off   %t, failures in a row %d\n", cmp.Or(failure(*s), "-"), s.BackOff, s.Failures)
	fmt.Fprintf(page, "  unknown    kids %d, gate closures %d, waiting %d, absent %d\n\n", s.UnknownKIDs, s.GateClosures, s.Waiting, s.Absent)
}

func skippedBy(s *jwks.Status) string {
	var parts []string
	for _, reason := range jwks.SkipReasons() {
		if n := s.SkippedBy[reason]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", reason, n))
		}
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func writeKeys(page *strings.Builder, keys []jwks.KeyView) {
	if len(keys) == 0 {
		return
	}
	table := tabwriter.NewWriter(page, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "  KID\tTHUMBPRINT\tALGORITHMS\tFOR")
	for _, k := range keys {
		fmt.Fprintf(table, "  %q\t%s\t%s\t%s\n", k.KID, k.Thumbprint, strings.Join(k.Algorithms, " "), cmp.Or(k.Issuer, "all tokens"))
	}
	_ = table.Flush() // a strings.Builder never fails
	page.WriteString("\n")
}

func ago(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%s, %s ago", stamp(t), now.Sub(t).Truncate(time.Second))
}

// ahead tells how long until a time, or how long it is over.
func ahead(t, now time.Time) string {
	if left := t.Sub(now).Truncate(time.Second); !t.IsZero() && left >= 0 {
		return fmt.Sprintf("%s, in %s", stamp(t), left)
	}
	return ago(t, now)
}
