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

// row is one variant at one level over all rounds. A ratio compares with the
// yardstick in the same round; it is missing where the yardstick was not run.
type row struct {
	Level     string  `json:"level"`
	Variant   string  `json:"variant"`
	Checks    int     `json:"checks"`
	Errors    int     `json:"errors"`
	Missed    int     `json:"missed"`
	PerSecond spread  `json:"checksPerSecond"`
	CPU       spread  `json:"cpuSecondsPer100000"`
	ToStock   *spread `json:"cpuToStock,omitempty"`
	ToFloor   *spread `json:"cpuToFloor,omitempty"`
	Objects   spread  `json:"allocationsPerCheck"`
	HeapBytes spread  `json:"allocatedBytesPerCheck"`
	P50       spread  `json:"p50Micros"`
	P99       spread  `json:"p99Micros"`
	P999      spread  `json:"p999Micros"`
	P99Stock  *spread `json:"p99ToStock,omitempty"`
	Resident  spread  `json:"residentBytes"`
}

// summarise returns a row for each level and variant, in the order in which
// they are given.
func summarise(all []measurement, levels []level, variants []string) []row {
	rows := make([]row, 0, len(levels)*len(variants))
	for _, l := range levels {
		for _, name := range variants {
			rows = append(rows, rowOf(of(all, l.name, name), of(all, l.name, stock), of(all, l.name, floor)))
		}
	}
	return rows
}

func of(all []measurement, level, variant string) []measurement {
	var some []measurement
	for i := range all {
		if all[i].Level == level && all[i].Variant == variant {
			some = append(some, all[i])
		}
	}
	return some
}

func rowOf(rounds, stocks, floors []measurement) row {
	perCheck := func(f func(*measurement) float64) spread {
		return spreadOf(each(rounds, func(m *measurement) float64 { return f(m) / float64(max(m.Checks, 1)) }))
	}
	r := row{
		Level: rounds[0].Level, Variant: rounds[0].Variant,
		PerSecond: spreadOf(each(rounds, func(m *measurement) float64 { return float64(m.Checks) / m.Seconds })),
		CPU:       perCheck(func(m *measurement) float64 { return m.CPUSeconds * 100_000 }),
		ToStock:   ratio(rounds, stocks, (*measurement).perCheck),
		ToFloor:   ratio(rounds, floors, (*measurement).perCheck),
		Objects:   perCheck(func(m *measurement) float64 { return m.Objects }),
		HeapBytes: perCheck(func(m *measurement) float64 { return m.HeapBytes }),
		P50:       spreadOf(each(rounds, func(m *measurement) float64 { return m.P50 })),
		P99:       spreadOf(each(rounds, p99)),
		P999:      spreadOf(each(rounds, func(m *measurement) float64 { return m.P999 })),
		P99Stock:  ratio(rounds, stocks, p99),
		Resident:  spreadOf(each(rounds, func(m *measurement) float64 { return float64(m.Resident) })),
	}
	for i := range rounds {
		r.Checks += rounds[i].Checks
		r.Errors += rounds[i].Errors
		r.Missed += rounds[i].Missed
	}
	return r
}

func p99(m *measurement) float64 { return m.P99 }

func each(rounds []measurement, f func(*measurement) float64) []float64 {
	values := make([]float64, len(rounds))
	for i := range rounds {
		values[i] = f(&rounds[i])
	}
	return values
}

// ratio compares round by round; nil where there is nothing to compare with.
func ratio(rounds, yardstick []measurement, f func(*measurement) float64) *spread {
	if len(yardstick) != len(rounds) {
		return nil
	}
	var values []float64
	for i := range rounds {
		if base := f(&yardstick[i]); base > 0 {
			values = append(values, f(&rounds[i])/base)
		}
	}
	if len(values) != len(rounds) {
		return nil
	}
	s := spreadOf(values)
	return &s
}
