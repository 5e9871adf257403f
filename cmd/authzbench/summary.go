package main

import "slices"

// spread is the median of several rounds, with the least and the greatest.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	values = slices.Sorted(slices.Values(values))
	middle := len(values) / 2
	median := values[middle]
	if len(values)%2 == 0 {
		median = (values[middle-1] + values[middle]) / 2
	}
	return spread{Median: median, Min: values[0], Max: values[len(values)-1]}
}

// row is one contender at one level over all rounds. A ratio compares with the
// yardstick in the same round; it is missing where the yardstick was not run.
type row struct {
	Level     string  `json:"level"`
	Variant   string  `json:"variant"`
	Workload  string  `json:"workload,omitempty"`
	Checks    int     `json:"checks"`
	Errors    int     `json:"errors"`
	Missed    int     `json:"missed"`
	PerSecond spread  `json:"checksPerSecond"`
	CPU       spread  `json:"cpuSecondsPer100000"`
	EnvoyCPU  *spread `json:"envoyCPUSecondsPer100000,omitempty"`
	InAll     *spread `json:"envoyAndServerCPUSecondsPer100000,omitempty"`
	ToStock   *spread `json:"cpuToStock,omitempty"`
	ToFloor   *spread `json:"cpuToFloor,omitempty"`
	Objects   spread  `json:"allocationsPerCheck"`
	HeapBytes spread  `json:"allocatedBytesPerCheck"`
	HitRatio  *spread `json:"cacheHitRatio,omitempty"`
	P50       spread  `json:"p50Micros"`
	P99       spread  `json:"p99Micros"`
	P999      spread  `json:"p999Micros"`
	P99Stock  *spread `json:"p99ToStock,omitempty"`
	P50Added  *spread `json:"p50AddedMicros,omitempty"` // to Envoy without a filter
	P99Added  *spread `json:"p99AddedMicros,omitempty"`
	Resident  spread  `json:"residentBytes"`
}

// figures are all measurements of a run.
type figures []measurement

// summarise returns a row for each level and contender, levels in their order
// and contenders in that of their first measurement.
func summarise(all figures) []row {
	var rows []row
	for _, l := range allLevels() {
		var met []string
		for i := range all {
			m := &all[i]
			key := m.Variant + "\n" + m.Workload
			if m.Level != l.name || slices.Contains(met, key) {
				continue
			}
			met = append(met, key)
			rows = append(rows, all.row(m))
		}
	}
	return rows
}

// of returns what one contender did at one level, by rounds.
func (all figures) of(level, variant, workload string) figures {
	var some figures
	for i := range all {
		if all[i].Level == level && all[i].Variant == variant && all[i].Workload == workload {
			some = append(some, all[i])
		}
	}
	return some
}

// yardstick returns a variant at the level under the same workload or, where it
// was not run under that, under the first that sends the same frames.
func (all figures) yardstick(m *measurement, variant string) figures {
	if same := all.of(m.Level, variant, m.Workload); len(same) > 0 {
		return same
	}
	for i := range all {
		if o := &all[i]; o.Level == m.Level && o.Variant == variant && o.Lean == m.Lean {
			return all.of(m.Level, variant, o.Workload)
		}
	}
	return nil
}

func (all figures) row(m *measurement) row {
	rounds := all.of(m.Level, m.Variant, m.Workload)
	stocks, floors, bare := all.yardstick(m, stock), all.yardstick(m, floor), all.of(m.Level, noFilter, "")
	r := row{
		Level: m.Level, Variant: m.Variant, Workload: m.Workload,
		PerSecond: spreadOf(rounds.each(func(m *measurement) float64 { return float64(m.Checks) / m.Seconds })),
		CPU:       spreadOf(rounds.each(per100000((*measurement).perCheck))),
		ToStock:   ratio(rounds, stocks, (*measurement).perCheck),
		ToFloor:   ratio(rounds, floors, (*measurement).perCheck),
		Objects:   spreadOf(rounds.each(objects)),
		HeapBytes: spreadOf(rounds.each(func(m *measurement) float64 { return m.HeapBytes / float64(max(m.Checks, 1)) })),
		P50:       spreadOf(rounds.each(p50)),
		P99:       spreadOf(rounds.each(p99)),
		P999:      spreadOf(rounds.each(func(m *measurement) float64 { return m.P999 })),
		P99Stock:  ratio(rounds, stocks, p99),
		Resident:  spreadOf(rounds.each(func(m *measurement) float64 { return float64(m.Resident) })),
		P50Added:  difference(rounds, bare, p50),
		P99Added:  difference(rounds, bare, p99),
	}
	r.ofEnvoy(rounds)
	r.ofCache(rounds)
	for i := range rounds {
		r.Checks += rounds[i].Checks
		r.Errors += rounds[i].Errors
		r.Missed += rounds[i].Missed
	}
	return r
}

func (r *row) ofEnvoy(rounds figures) {
	if rounds[0].EnvoyCPU == 0 {
		return
	}
	whole := spreadOf(rounds.each(per100000((*measurement).inAll)))
	own := spreadOf(rounds.each(per100000(func(m *measurement) float64 { return m.inAll() - m.perCheck() })))
	r.EnvoyCPU, r.InAll = &own, &whole
}

func (r *row) ofCache(rounds figures) {
	if rounds[0].Hits+rounds[0].Misses == 0 {
		return
	}
	hits := spreadOf(rounds.each(func(m *measurement) float64 { return m.Hits / max(m.Hits+m.Misses, 1) }))
	r.HitRatio = &hits
}

// per100000 turns microseconds a check into seconds for 100,000.
func per100000(f func(*measurement) float64) func(*measurement) float64 {
	return func(m *measurement) float64 { return f(m) / 10 }
}

func p50(m *measurement) float64 { return m.P50 }

func p99(m *measurement) float64 { return m.P99 }

func objects(m *measurement) float64 { return m.Objects / float64(max(m.Checks, 1)) }

func (all figures) each(f func(*measurement) float64) []float64 {
	values := make([]float64, 0, len(all))
	for i := range all {
		values = append(values, f(&all[i]))
	}
	return values
}

// ratio compares round by round; nil where there is nothing to compare with.
func ratio(rounds, yardstick figures, f func(*measurement) float64) *spread {
	return byRound(rounds, yardstick, func(m, base *measurement) (float64, bool) {
		return f(m) / f(base), f(base) > 0
	})
}

// difference is what came on top, round by round.
func difference(rounds, base figures, f func(*measurement) float64) *spread {
	return byRound(rounds, base, func(m, base *measurement) (float64, bool) { return f(m) - f(base), true })
}

// byRound compares in every round, or not at all.
func byRound(rounds, base figures, f func(m, base *measurement) (float64, bool)) *spread {
	if len(base) != len(rounds) || len(rounds) == 0 {
		return nil
	}
	values := make([]float64, 0, len(rounds))
	for i := range rounds {
		value, ok := f(&rounds[i], &base[i])
		if !ok {
			return nil
		}
		values = append(values, value)
	}
	s := spreadOf(values)
	return &s
}
