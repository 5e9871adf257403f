package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Names of the runtime's counters.
const (
	metricObjects = "go_memstats_mallocs_total"
	metricBytes   = "go_memstats_alloc_bytes_total"
)

var errMetric = errors.New("the page of metrics lacks a counter")

// Names of claimgate's counters of its cache of tokens.
const (
	metricHits   = "claimgate_token_cache_hits_total"
	metricMisses = "claimgate_token_cache_misses_total"
)

// heap counts what was ever allocated, and what the cache of tokens answered;
// servers without one tell nothing of it.
type heap struct{ objects, bytes, hits, misses float64 }

func (h heap) minus(o heap) heap {
	return heap{h.objects - o.objects, h.bytes - o.bytes, h.hits - o.hits, h.misses - o.misses}
}

func (s *server) heap(ctx context.Context) (h heap, err error) {
	text, err := fetch(ctx, s.page)
	if err != nil {
		return heap{}, err
	}
	if h.objects, err = counter(text, metricObjects); err != nil {
		return heap{}, err
	}
	if h.bytes, err = counter(text, metricBytes); err != nil {
		return heap{}, err
	}
	h.hits, _ = counter(text, metricHits)
	h.misses, _ = counter(text, metricMisses)
	return h, nil
}

// counter reads one line of Prometheus' text format.
func counter(text []byte, name string) (float64, error) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("%w: %s", errMetric, name)
}

// cost is what a server spent, up to a moment or between two.
type cost struct {
	cpu      time.Duration
	heap     heap
	resident int64 // bytes, at the end
}

// meter starts to measure; the function that it returns ends that. Reading the
// heap allocates in the server, so it is read twice at first: the second time
// costs the third as much as the first cost the second.
func (s *server) meter(ctx context.Context) (func() (cost, error), error) {
	first, err := s.heap(ctx)
	if err != nil {
		return nil, err
	}
	second, err := s.heap(ctx)
	if err != nil {
		return nil, err
	}
	pid := s.command.Process.Pid
	cpu, err := cpuTime(pid)
	if err != nil {
		return nil, err
	}
	return func() (cost, error) {
		now, err := cpuTime(pid)
		if err != nil {
			return cost{}, err
		}
		last, err := s.heap(ctx)
		if err != nil {
			return cost{}, err
		}
		resident, err := residentBytes(pid)
		return cost{cpu: now - cpu, heap: last.minus(second).minus(second.minus(first)), resident: resident}, err
	}, nil
}
