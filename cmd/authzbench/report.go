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
	Rounds       int               `json:"rounds"`
	Seconds      float64           `json:"secondsPerMeasurement"`
	Tokens       int               `json:"tokens"`
	Tenants      int               `json:"tenants"`
	RequestBytes int               `json:"requestBytes"`
	Rows         []row             `json:"rows"`
	Measurements []measurement     `json:"measurements"`
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

// print writes the table that people read.
func (r *report) print(out io.Writer) error {
	m := r.Machine
	_, _ = fmt.Fprintf(out, "%s, %d processors, %s, %s; load before: %.1f\n", m.System, m.Processors, m.Processor, m.Go, m.Load)
	_, _ = fmt.Fprintf(out, "%d rounds of %gs, %d tokens, %d tenants, %d bytes a request; medians, least-greatest in brackets\n",
		r.Rounds, r.Seconds, r.Tokens, r.Tenants, r.RequestBytes)
	if m.Load > quiet {
		_, _ = fmt.Fprintf(out, "THE MACHINE WAS BUSY: do not quote these figures\n")
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	level := ""
	for i := range r.Rows {
		if r.Rows[i].Level != level {
			level = r.Rows[i].Level
			_, _ = fmt.Fprintf(table, "\n%s\tcpu s/100k\tto stock\tto floor\tallocs\tp50 µs\tp99 µs\tp99.9 µs\tp99 to stock\tRSS MB\tchecks/s\tmissed\terrors\n", level)
		}
		r.Rows[i].print(table)
	}
	return table.Flush()
}

func (r *row) print(table io.Writer) {
	_, _ = fmt.Fprintf(table, "%s\t%.2f\t%s\t%s\t%.1f\t%.0f\t%.0f\t%.0f\t%s\t%.0f\t%.0f\t%d\t%d\n",
		r.Variant, r.CPU.Median, r.ToStock, r.ToFloor, r.Objects.Median, r.P50.Median, r.P99.Median, r.P999.Median,
		r.P99Stock, r.Resident.Median/1e6, r.PerSecond.Median, r.Missed, r.Errors)
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
