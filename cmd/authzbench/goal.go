package main

import "fmt"

// goal is a figure that claimgate is to reach, and the least to accept. Less is
// better in all of them.
type goal struct {
	what      string
	ambitious float64
	least     float64
	unit      string
	of        func(*report) *spread
}

// goals returns all of them.
func goals() []goal {
	rates := envoyLevels()
	return []goal{
		{"saturated: CPU to the floor's", 1.25, 1.40, "", to(saturated, floor)},
		{"saturated: CPU to stock's", 0.40, 0.55, "", to(saturated, stock)},
		{"saturated: CPU to stock's with claimgate's options", 0.55, 0.75, "", to(saturated, options)},
		{"8000/s: CPU to the floor's", 1.10, 1.20, "", to("8000/s", floor)},
		{"2000/s: CPU to the floor's", 1.10, 1.20, "", to("2000/s", floor)},
		{"2000/s: p99 to stock's", 0.80, 1.15, "", func(r *report) *spread {
			return ratio(r.Measurements.of("2000/s", claimgate, ""), r.Measurements.of("2000/s", stock, ""), p99)
		}},
		{"allocations of a cached check beyond the floor's", 0, 2, "", func(r *report) *spread {
			return difference(r.Measurements.of(saturated, claimgate, ""), r.Measurements.of(saturated, floor, ""), objects)
		}},
		{"100,000 tokens: CPU to that of 1 token", 1.15, 1.6, "", workloads("tokens=100000", "tokens=1")},
		{"10,000 tenants: CPU to that of 1 tenant", 1.2, 1.5, "", workloads("tokens=10000 tenants=10000", "tokens=10000")},
		{"memory of a cached token, all included", 900, 1300, " B", bytesPerToken},
		{"first-seen RS256 token: CPU to bare verification and stock", 1.15, 1.15, "", firstSeen},
		{"start with 10,000 tenants", 1, 2, " s", start(func(s *startup) float64 { return s.Seconds })},
		{"memory with 10,000 tenants", 100, 200, " MB", start(func(s *startup) float64 { return float64(s.Resident) / 1e6 })},
		{"behind Envoy, saturated: CPU to the floor's", 1.10, 1.25, "", to(rates[0].name, floor)},
		{"behind Envoy, 2000/s: CPU to the floor's", 1.10, 1.25, "", to(rates[1].name, floor)},
	}
}

// to compares claimgate with a yardstick under the usual workload.
func to(level, yardstick string) func(*report) *spread {
	return func(r *report) *spread {
		return ratio(r.Measurements.of(level, claimgate, ""), r.Measurements.of(level, yardstick, ""), (*measurement).perCheck)
	}
}

// workloads compares claimgate under two of them.
func workloads(great, small string) func(*report) *spread {
	return func(r *report) *spread {
		return ratio(r.Measurements.of(saturated, claimgate, great), r.Measurements.of(saturated, claimgate, small), (*measurement).perCheck)
	}
}

// bytesPerToken is what resident memory grows by, and so what the collector
// needs beside the tokens counts, too.
func bytesPerToken(r *report) *spread {
	many, one := r.Measurements.of(saturated, claimgate, "tokens=100000"), r.Measurements.of(saturated, claimgate, "tokens=1")
	return difference(many, one, func(m *measurement) float64 { return float64(m.Resident) / manyTokens })
}

// firstSeen compares with the sum of what the parts cost.
func firstSeen(r *report) *spread {
	seen, bare, stocks := r.Measurements.of(saturated, claimgate, "hits=0"), r.Measurements.of(saturated, bareName, "hits=0"), r.Measurements.of(saturated, stock, "")
	if len(bare) != len(seen) || len(stocks) != len(seen) {
		return nil
	}
	sums := make(figures, 0, len(seen))
	for i := range seen {
		sums = append(sums, measurement{Checks: 1, CPUSeconds: (bare[i].perCheck() + stocks[i].perCheck()) / 1e6})
	}
	return ratio(seen, sums, (*measurement).perCheck)
}

// start reads what the one start with very many tenants took.
func start(f func(*startup) float64) func(*report) *spread {
	return func(r *report) *spread {
		for i := range r.Starts {
			if s := &r.Starts[i]; s.Variant == claimgate && s.Workload == "tokens=10000 tenants=10000" {
				one := spreadOf([]float64{f(s)})
				return &one
			}
		}
		return nil
	}
}

// outcome is a goal with what was measured, nil where nothing was.
type outcome struct {
	goal

	measured *spread
}

func (r *report) outcomes() []outcome {
	every := goals()
	all := make([]outcome, 0, len(every))
	for _, g := range every {
		all = append(all, outcome{g, g.of(r)})
	}
	return all
}

func (o *outcome) number(v float64) string {
	if o.unit == " B" || o.unit == " MB" {
		return whole(v) + o.unit
	}
	return fmt.Sprintf("%.2f", v) + o.unit
}

// ambitious, least and got are the cells of a table.
func (o *outcome) ambitious() string { return o.number(o.goal.ambitious) }

func (o *outcome) least() string { return o.number(o.goal.least) }

func (o *outcome) got() string {
	switch {
	case o.measured == nil:
		return "-"
	case o.measured.Min == o.measured.Max:
		return o.number(o.measured.Median)
	default:
		return fmt.Sprintf("%s [%s - %s]", o.number(o.measured.Median), o.number(o.measured.Min), o.number(o.measured.Max))
	}
}

// slack is what a figure is off by only for being printed with two decimals, or
// since somebody else allocated meanwhile.
const slack = 0.05

// verdict judges the median.
func (o *outcome) verdict() string {
	switch {
	case o.measured == nil:
		return "not measured"
	case o.measured.Median <= max(o.goal.ambitious, slack):
		return "met"
	case o.measured.Median <= o.goal.least:
		return "acceptable"
	default:
		return "MISSED"
	}
}
