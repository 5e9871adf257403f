package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"
)

// report is the whole result; what -json keeps.
type report struct {
	Started      time.Time         `json:"started"`
	Machine      machine           `json:"machine"`
	Versions     map[string]string `json:"versions"`
	Envoy        string            `json:"envoy,omitempty"` // its version, or why there is none
	Rounds       int               `json:"rounds"`
	Seconds      float64           `json:"secondsPerMeasurement"`
	Slices       int               `json:"slicesPerMeasurement,omitempty"` // none in results of before there were slices
	RequestBytes map[string]int    `json:"requestBytes"`                   // full and lean
	Starts       []startup         `json:"starts"`
	CrossCheck   *crossCheck       `json:"h2load,omitempty"`
	Rows         []row             `json:"rows"`
	Measurements figures           `json:"measurements"`
}

// note takes what is known once all servers are up.
func (r *report) note(b *bench) {
	r.Envoy, r.RequestBytes = b.envoyNote, map[string]int{}
	for _, s := range b.servers {
		r.Starts = append(r.Starts, s.start)
		switch {
		case s.traffic.Algorithm != usual().Algorithm:
		case s.traffic.Lean:
			r.RequestBytes["lean"] = len(s.traffic.frames[0])
		default:
			r.RequestBytes["full"] = len(s.traffic.frames[0])
		}
	}
}

func readReport(file string) (*report, error) {
	text, err := os.ReadFile(file) //nolint:gosec // named by who runs this
	if err != nil {
		return nil, err
	}
	r := &report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	r.Rows = summarise(r.Measurements)
	return r, nil
}

// machine is where it was measured. Load is the load average of the last minute
// before anything was started.
type machine struct {
	System     string  `json:"system"`
	Processor  string  `json:"processor,omitempty"`
	Processors int     `json:"processors"`
	Go         string  `json:"go"`
	Load       float64 `json:"loadBefore"`
}

func thisMachine() machine {
	return machine{
		System: runtime.GOOS + "/" + runtime.GOARCH, Processor: processor(), Processors: runtime.NumCPU(),
		Go: runtime.Version(), Load: busy(),
	}
}

// processor names the processor where the system tells.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// versions of what the figures depend on most.
func versions() map[string]string {
	wanted := map[string]bool{
		"google.golang.org/grpc": true, "google.golang.org/protobuf": true, "github.com/golang-jwt/jwt/v5": true,
		"github.com/MicahParks/keyfunc/v3": true, "github.com/open-policy-agent/opa": true,
	}
	found := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if wanted[dependency.Path] {
				found[dependency.Path] = dependency.Version
			}
		}
	}
	return found
}

func (r *report) errors() int {
	n := 0
	for i := range r.Rows {
		n += r.Rows[i].Errors
	}
	return n
}

// quiet is the greatest load average at which figures are worth keeping.
const quiet = 1.5

// print writes the tables that people read.
func (r *report) print(out io.Writer) error {
	m := r.Machine
	_, _ = fmt.Fprintf(out, "%s, %d processors, %s, %s; load before: %.1f\n", m.System, m.Processors, m.Processor, m.Go, m.Load)
	_, _ = fmt.Fprintf(out, "%d rounds of %gs%s, bytes a request: %v; medians, least-greatest in brackets\n", r.Rounds, r.Seconds, r.cut(), r.RequestBytes)
	if m.Load > quiet {
		_, _ = fmt.Fprintf(out, "THE MACHINE WAS BUSY: do not quote these figures\n")
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	level := ""
	for i := range r.Rows {
		next := &r.Rows[i]
		if next.Level != level {
			level = next.Level
			_, _ = fmt.Fprintf(table, "\n%s\t%s\n", level, strings.Join(next.columns(), "\t"))
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\n", next.name(), strings.Join(next.cells(), "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return r.printGoals(out)
}

// cut says how a round is cut into slices, where it is.
func (r *report) cut() string {
	if r.Slices <= 1 {
		return ""
	}
	return fmt.Sprintf(" in %d slices", r.Slices)
}

func (r *report) printGoals(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "\ntarget\tambitious\tleast\tmeasured\t")
	for _, o := range r.outcomes() {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", o.what, o.ambitious(), o.least(), o.got(), o.verdict())
	}
	return table.Flush()
}

func (r *row) name() string {
	if r.Workload == "" {
		return r.Variant
	}
	return r.Variant + " (" + r.Workload + ")"
}

// columns heads cells; those of Envoy's levels differ.
func (r *row) columns() []string {
	if r.InAll != nil {
		return []string{"Envoy cpu s/100k", "server cpu s/100k", "both", "server to floor", "p50 µs", "p99 µs", "p50 added", "p99 added", "requests/s", "missed", "errors"}
	}
	return []string{"cpu s/100k", "to stock", "to floor", "allocs", "hits", "p50 µs", "p99 µs", "p99.9 µs", "p99 to stock", "RSS MB", "checks/s", "missed", "errors"}
}

func (r *row) cells() []string {
	if r.InAll != nil {
		return []string{
			two(r.EnvoyCPU.Median), two(r.CPU.Median), r.InAll.String(), r.ToFloor.String(), whole(r.P50.Median), whole(r.P99.Median),
			r.P50Added.whole(), r.P99Added.whole(), whole(r.PerSecond.Median), fmt.Sprint(r.Missed), fmt.Sprint(r.Errors),
		}
	}
	return []string{
		two(r.CPU.Median), r.ToStock.String(), r.ToFloor.String(), fmt.Sprintf("%.1f", r.Objects.Median), r.HitRatio.String(),
		whole(r.P50.Median), whole(r.P99.Median), whole(r.P999.Median), r.P99Stock.String(),
		whole(r.Resident.Median / 1e6), whole(r.PerSecond.Median), fmt.Sprint(r.Missed), fmt.Sprint(r.Errors),
	}
}

func two(v float64) string { return fmt.Sprintf("%.2f", v) }

func whole(v float64) string { return fmt.Sprintf("%.0f", v) }

// whole writes a difference with its spread.
func (s *spread) whole() string {
	if s == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f [%.0f-%.0f]", s.Median, s.Min, s.Max)
}

// String writes a ratio with its spread; a missing one is a dash.
func (s *spread) String() string {
	if s == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f [%.2f-%.2f]", s.Median, s.Min, s.Max)
}

// keep writes the result as JSON.
func (r *report) keep(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644) //nolint:gosec // a result, for everybody to read
}

func (r *report) firstError() string {
	for i := range r.Measurements {
		if r.Measurements[i].Error != "" {
			return r.Measurements[i].Variant + ": " + r.Measurements[i].Error
		}
	}
	return ""
}
