package admin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/claimgate/claimgate/authz/jwks"
)

// PageOptions are what the operator's page shows.
type PageOptions struct {
	Readiness   *Readiness
	Hosts       []string // names that it answers to; none: localhost and its addresses
	BearerToken string   // demanded where not ""
	Version     string
	Started     time.Time
	Sources     func() []jwks.Status
	Keys        func(issuer string) map[string][]jwks.KeyView // in force, by the ID of the source; nil: not shown
	Accepted    func() []Accepted                             // nil: none
	Summary     func() Summary
	Actions     map[string]Action // by path; a POST runs them
}

// Summary is what is configured, without any secret.
type Summary struct {
	Generation uint64        `json:"generation"`
	Loaded     time.Time     `json:"loaded"`
	File       string        `json:"file"`
	Tenants    []string      `json:"tenants"`
	Listeners  []Listener    `json:"listeners"`
	TLSEnds    []Certificate `json:"certificates"`
	Insecure   []string      `json:"insecure"` // insecure... words in use
	Warnings   []string      `json:"warnings"`

	States      map[string]int `json:"states"` // tenants by state
	NotInForce  []NotInForce   `json:"notInForce"`
	LastSuccess time.Time      `json:"lastSuccess"`
	LastFailure time.Time      `json:"lastFailure,omitzero"`
	Failure     string         `json:"failure,omitempty"`      // the last one
	Restart     []string       `json:"needRestart,omitempty"`  // fields that take effect with the next start
	Ignored     []string       `json:"ignoredFiles,omitempty"` // problems of files that are no tenant files
}

// NotInForce is something on disk that is not in force, and why.
type NotInForce struct {
	What     string    `json:"what"`  // the main file, the directories or a tenant
	State    string    `json:"state"` // stale: the last good version is in force; quarantined: nothing
	Problem  string    `json:"problem"`
	Since    time.Time `json:"since"`
	Confirms bool      `json:"waitsForConfirmation,omitempty"`
}

// Line describes it for people; the age is as of now.
func (n *NotInForce) Line(now time.Time) string {
	state := n.State
	if n.Confirms {
		state += ", waits to be confirmed"
	}
	return fmt.Sprintf("NOT IN FORCE  %s (%s, for %s): %s\n", n.What, state, now.Sub(n.Since).Truncate(time.Second), n.Problem)
}

// Listener is one bound address.
type Listener struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	TLS     bool   `json:"tls"`
}

// source is the state of one key source as /config shows it.
type source struct {
	Issuer      string     `json:"issuer"`
	Kind        string     `json:"kind"`
	Keys        int        `json:"keys"`
	Skipped     int        `json:"skipped"`
	LastSuccess *time.Time `json:"lastSuccess,omitempty"`
	LastFailure *time.Time `json:"lastFailure,omitempty"`
	LastError   string     `json:"lastError,omitempty"`
}

// PageHandler serves the operator's page. It holds names of tenants and
// issuers and is meant for loopback or a unix socket.
func PageHandler(opts PageOptions) http.Handler {
	if len(opts.Hosts) == 0 {
		opts.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", opts.index)
	mux.HandleFunc("/livez", livez)
	mux.HandleFunc("/readyz", opts.readyz)
	mux.HandleFunc("/config", opts.config)
	mux.HandleFunc("/keys", opts.keys)
	mux.HandleFunc("/tokens", opts.tokens)
	top := http.NewServeMux()
	top.Handle("/", readOnly(mux))
	for path, action := range opts.Actions {
		top.HandleFunc(path, action.serve)
	}
	return unkept(sameSite(opts.Hosts, withBearer(opts.BearerToken, top)))
}

func (o *PageOptions) index(w http.ResponseWriter, _ *http.Request) {
	summary := o.Summary()
	var page strings.Builder
	fmt.Fprintf(&page, "claimgate %s, up %s, %s\n\n", o.Version, time.Since(o.Started).Truncate(time.Second), o.Readiness.Phase())
	fmt.Fprintf(&page, "Configuration %d from %s, in force since %s: tenants %d, warnings %d, insecure settings %d\n\n",
		summary.Generation, summary.File, summary.Loaded.UTC().Format(time.RFC3339),
		len(summary.Tenants), len(summary.Warnings), len(summary.Insecure))
	writeReloads(&page, &summary)
	writeCertificates(&page, summary.TLSEnds)
	for _, word := range summary.Insecure {
		fmt.Fprintf(&page, "INSECURE  %s\n", word)
	}
	for _, warning := range summary.Warnings {
		fmt.Fprintf(&page, "WARNING   %s\n", warning)
	}
	sources := o.Sources()
	page.WriteString("\n" + sourceTable(sources) + "\n")
	for _, s := range sources {
		if s.LastFailure.After(s.LastSuccess) {
			fmt.Fprintf(&page, "FAILED    %s: %s\n", s.Issuer, failure(s))
		}
	}
	page.WriteString("/readyz?verbose  who is not ready\n/config          what is configured, in JSON\n/keys            key sources; /keys?issuer=... with kids and thumbprints\n/tokens          what each issuer still brings, by tenant\n/livez           whether the process answers\n")
	if len(o.Actions) > 0 {
		page.WriteString("/reload          POST: look at every file now\n/confirm         POST: let happen what waits to be confirmed\n")
	}
	writeText(w, http.StatusOK, page.String())
}

// writeReloads tells what became of changes on disk.
func writeReloads(page *strings.Builder, s *Summary) {
	now := time.Now()
	for _, state := range slices.Sorted(maps.Keys(s.States)) {
		fmt.Fprintf(page, "%s %d  ", state, s.States[state])
	}
	fmt.Fprintf(page, "last success %s", stamp(s.LastSuccess))
	if !s.LastFailure.IsZero() {
		fmt.Fprintf(page, ", last failure %s (%s ago): %s", stamp(s.LastFailure), now.Sub(s.LastFailure).Truncate(time.Second), s.Failure)
	}
	page.WriteString("\n\n")
	for i := range s.NotInForce {
		page.WriteString(s.NotInForce[i].Line(now))
	}
	for _, field := range s.Restart {
		fmt.Fprintf(page, "RESTART   %s was changed and takes effect with the next start\n", field)
	}
	for _, problem := range s.Ignored {
		fmt.Fprintf(page, "IGNORED   %s\n", problem)
	}
}

// readyz answers as the health listener does; with `verbose` it goes on to say
// who is not ready.
func (o *PageOptions) readyz(w http.ResponseWriter, r *http.Request) {
	phase := o.Readiness.Phase()
	if !r.URL.Query().Has("verbose") {
		writePhase(w, phase)
		return
	}
	status := http.StatusServiceUnavailable
	if phase == Ready {
		status = http.StatusOK
	}
	var page strings.Builder
	fmt.Fprintf(&page, "%s\n", phase)
	for _, s := range o.Sources() {
		if s.Keys == 0 {
			fmt.Fprintf(&page, "no keys: %s (%s)\n", s.Issuer, cmp.Or(failure(s), "first fetch under way"))
		}
	}
	writeText(w, status, page.String())
}

// failure says what went wrong and where to look; "" where nothing did.
func failure(s jwks.Status) string {
	if meaning := jwks.FetchResult(s.LastError).Meaning(); meaning != "" {
		return s.LastError + ": " + meaning
	}
	return s.LastError
}

func sourceTable(sources []jwks.Status) string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "ISSUER\tKIND\tKEYS\tSKIPPED\tLAST SUCCESS\tLAST FAILURE\tERROR")
	for _, s := range sources {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n",
			s.Issuer, s.Kind, s.Keys, s.Skipped, stamp(s.LastSuccess), stamp(s.LastFailure), cmp.Or(s.LastError, "-"))
	}
	_ = table.Flush() // a strings.Builder never fails
	return text.String()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func (o *PageOptions) config(w http.ResponseWriter, _ *http.Request) {
	statuses := o.Sources()
	sources := make([]source, len(statuses))
	for i, s := range statuses {
		sources[i] = source{
			Issuer: s.Issuer, Kind: s.Kind, Keys: s.Keys, Skipped: s.Skipped, LastError: s.LastError,
			LastSuccess: moment(s.LastSuccess), LastFailure: moment(s.LastFailure),
		}
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(struct { // the caller hung up
		Summary
		Sources []source `json:"keySources"`
	}{o.Summary(), sources})
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
