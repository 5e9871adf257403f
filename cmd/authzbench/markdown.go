package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// publish writes the report for people to a directory: README.md, plots, and
// the result as JSON.
func (r *report) publish(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a report, for everybody to read
		return err
	}
	files := r.plots()
	files["README.md"] = r.markdown()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // a report, for everybody to read
			return err
		}
	}
	return r.keep(filepath.Join(dir, "result.json"))
}

// markdown is the text of the report.
func (r *report) markdown() string {
	var out strings.Builder
	out.WriteString("<!-- Written by authzbench -report; `authzbench -from result.json -report .` writes it again. -->\n# What a check costs\n\n")
	r.writeConditions(&out)
	r.writeGoals(&out)
	out.WriteString("\n## Servers side by side\n\n")
	r.writePlots(&out, "cpu-", "p99-")
	r.writeLevels(&out, levels())
	r.writeLean(&out)
	r.writeEnvoy(&out)
	r.writeCrossCheck(&out)
	return out.String()
}

func (r *report) writeConditions(out *strings.Builder) {
	m := r.Machine
	fmt.Fprintf(out, "%s. %s, %d processors of %s. %s", r.Started.Format("2006-01-02 15:04 MST"), m.System, m.Processors, cmp.Or(m.Processor, "unknown make"), m.Go)
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(out, ", %s %s", name, r.Versions[name])
	}
	fmt.Fprintf(out, ", Envoy: %s.\n\n", cmp.Or(r.Envoy, "not part of this run"))
	fmt.Fprintf(out, "%d rounds of %gs%s for each variant at each level, interleaved, in rotated order.%s Figures are medians of the rounds, the least and the greatest in brackets. A ratio compares within one round.", r.Rounds, r.Seconds, r.cut(), r.turns())
	for _, name := range slices.Sorted(maps.Keys(r.RequestBytes)) {
		fmt.Fprintf(out, " A %s request has %d bytes.", name, r.RequestBytes[name])
	}
	fmt.Fprintf(out, " Failed checks: %d.\n\n", r.errors())
	out.WriteString(r.caveats())
}

// turns says what slices are for, where there are any.
func (r *report) turns() string {
	if r.Slices <= 1 {
		return ""
	}
	return " Within a round the variants of a level take turns slice by slice, so that what is compared was measured close in time; the slices of a round are one measurement."
}

// caveats are what keeps the figures from meaning more than they do.
func (r *report) caveats() string {
	lines := []string{
		"Load generator, Envoy and servers share the processors: latencies are those of a machine that is that busy, and absolute times are this machine's alone. Compare ratios.",
		"Saturated latencies are mostly waiting in line.",
		"What was missed was due and never sent, since the server did not keep up: the latencies are then of what was sent.",
	}
	if r.Machine.Load > quiet {
		lines = append(lines, fmt.Sprintf("**The machine was busy before the start (load %.1f): do not quote these figures.**", r.Machine.Load))
	}
	if r.Rounds < enoughRounds {
		lines = append(lines, fmt.Sprintf("**Fewer than %d rounds: a try, no result.**", enoughRounds))
	}
	return "- " + strings.Join(lines, "\n- ") + "\n"
}

// enoughRounds are how many a result takes.
const enoughRounds = 9

func (r *report) writeGoals(out *strings.Builder) {
	out.WriteString("\n## Targets\n\n| | ambitious | least | measured | |\n|---|---|---|---|---|\n")
	for _, o := range r.outcomes() {
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", o.what, o.ambitious(), o.least(), o.got(), o.verdict())
	}
}

// plots returns the plots by file name.
func (r *report) plots() map[string]string {
	files := map[string]string{}
	for _, l := range levels() {
		cpu := chart{title: "Processor time of the server, " + l.name, unit: "ratio to stock in the same round"}
		late := chart{title: "p99, " + l.name, unit: "microseconds"}
		for i := range r.Rows {
			row := &r.Rows[i]
			if row.Level != l.name || row.Variant == bareName {
				continue
			}
			if row.ToStock != nil {
				cpu.bars = append(cpu.bars, bar{row.name(), []float64{row.ToStock.Median}, row.ToStock})
			}
			late.bars = append(late.bars, bar{row.name(), []float64{row.P99.Median}, &row.P99})
		}
		cpu.keep(files, "cpu-"+fileName(l.name))
		if l.rate > 0 {
			late.keep(files, "p99-"+fileName(l.name))
		}
	}
	for _, l := range envoyLevels() {
		both := chart{title: l.name + ": processor time", unit: "seconds for 100,000 requests", parts: []string{"Envoy", "server"}}
		for i := range r.Rows {
			if row := &r.Rows[i]; row.Level == l.name && row.InAll != nil {
				both.bars = append(both.bars, bar{row.name(), []float64{row.EnvoyCPU.Median, row.CPU.Median}, row.InAll})
			}
		}
		both.keep(files, fileName(l.name))
	}
	return files
}

// keep adds the chart where it shows anything.
func (c *chart) keep(files map[string]string, name string) {
	if len(c.bars) > 0 {
		files[name+".svg"] = c.svg()
	}
}

func fileName(level string) string {
	return strings.ToLower(strings.NewReplacer("/s", "", ", ", "-", " ", "-").Replace(level))
}

func (r *report) writePlots(out *strings.Builder, prefixes ...string) {
	for _, name := range slices.Sorted(maps.Keys(r.plots())) {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			fmt.Fprintf(out, "![%s](%s)\n\n", strings.TrimSuffix(name, ".svg"), name)
		}
	}
}

func (r *report) writeLevels(out *strings.Builder, all []level) {
	for _, l := range all {
		head := false
		for i := range r.Rows {
			row := &r.Rows[i]
			if row.Level != l.name {
				continue
			}
			if !head {
				head = true
				columns := row.columns()
				fmt.Fprintf(out, "### %s\n\n| | %s |\n|---|%s\n", l.name, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
			}
			fmt.Fprintf(out, "| %s | %s |\n", row.name(), strings.Join(row.cells(), " | "))
		}
		if head {
			out.WriteString("\n")
		}
	}
}

// writeLean says what it saves that Envoy sends only what is needed.
func (r *report) writeLean(out *strings.Builder) {
	head := false
	for _, name := range []string{stock, floor, claimgate} {
		for _, l := range levels() {
			saved := ratio(r.Measurements.of(l.name, name, "lean"), r.Measurements.of(l.name, name, ""), (*measurement).perCheck)
			if saved == nil {
				continue
			}
			if !head {
				head = true
				fmt.Fprintf(out, "## Only the headers that are needed\n\n`allowed_headers` with %s, and `skip_envoy_headers: true`. Processor time of the server in relation to that with all headers:\n\n", neededNames())
			}
			fmt.Fprintf(out, "- %s, %s: %s\n", name, l.name, saved)
		}
	}
	if head {
		out.WriteString("\n")
	}
}

func (r *report) writeEnvoy(out *strings.Builder) {
	if !slices.ContainsFunc(r.Rows, func(o row) bool { return o.InAll != nil }) {
		return
	}
	out.WriteString("## Through a real Envoy\n\nOne Envoy with one worker answers requests of HTTP/1.1 itself, after its filters. " +
		"Added latencies are to Envoy without a filter, in the same round. `jwt_authn` stands for jwt_authn and rbac in Envoy, for one issuer and one tenant.\n\n")
	r.writePlots(out, "envoy-")
	r.writeLevels(out, envoyLevels())
	r.writeWorth(out)
}

// writeWorth says what the figures say of the choice between Envoy's own
// filters and a server.
func (r *report) writeWorth(out *strings.Builder) {
	out.WriteString("### What that says\n\n")
	for _, l := range envoyLevels() {
		for _, native := range []string{"jwt_authn", "jwt_authn, cached"} {
			for _, server := range []string{stock, claimgate, claimgate + ", lean"} {
				if s := r.addedRatio(l.name, native, server); s != nil {
					fmt.Fprintf(out, "- %s: %s adds %s of the processor time that ext_authz to %s adds.\n", l.name, native, s, server)
				}
			}
		}
	}
	out.WriteString("\n" + worth)
}

const worth = `For one or a few issuers with rules that rbac can say, jwt_authn inside Envoy is the cheaper choice wherever the lines
above are below 1: there is no call to another process at all. claimgate is worth its hop where Envoy's own filters end: tenants that come and
go at run time without a change of Envoy's configuration, an issuer and keys for each of them, a token of one tenant
that must not serve another, rules that compare claims with paths and labels, what happens when keys rotate or an issuer is
down, and verdicts that explain themselves.
`

// addedRatio compares what a native filter and a server add, in Envoy and
// behind it, to no filter.
func (r *report) addedRatio(level, native, server string) *spread {
	none := r.Measurements.of(level, noFilter, "")
	one, two := r.Measurements.of(level, native, ""), r.Measurements.of(level, server, "")
	if len(none) != len(one) || len(one) != len(two) {
		return nil
	}
	added := func(all figures) figures {
		some := make(figures, 0, len(all))
		for i := range all {
			some = append(some, measurement{Checks: 1, CPUSeconds: (all[i].inAll() - none[i].inAll()) / 1e6})
		}
		return some
	}
	return ratio(added(one), added(two), (*measurement).perCheck)
}

func (r *report) writeCrossCheck(out *strings.Builder) {
	if r.CrossCheck == nil {
		return
	}
	fmt.Fprintf(out, "\n## Cross-check with h2load\n\n%s.", r.CrossCheck.Version)
	if len(r.CrossCheck.Results) > 0 {
		out.WriteString(" One token, saturated, 4 connections with 50 calls in flight:\n\n| | cpu s/100k | failed |\n|---|---|---|\n")
	} else {
		out.WriteString("\n")
	}
	for _, e := range r.CrossCheck.Results {
		fmt.Fprintf(out, "| %s | %s | %d |\n", e.Variant, two(e.CPUSeconds*100_000/float64(max(e.Requests, 1))), e.Failed)
	}
}
