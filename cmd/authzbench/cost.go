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

func (h heap) times(f float64) heap {
	return heap{h.objects * f, h.bytes * f, h.hits * f, h.misses * f}
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

// cost is what was spent, up to a moment or between two.
type cost struct {
	server, envoy time.Duration // of processors
	resident      int64         // bytes of the server, at the end
}

// costOf reads it of a server from outside.
func costOf(pid int) (cost, error) {
	cpu, err := cpuTime(pid)
	if err != nil {
		return cost{}, err
	}
	resident, err := residentBytes(pid)
	return cost{server: cpu, resident: resident}, err
}

func (c cost) since(o cost) cost {
	return cost{server: c.server - o.server, envoy: c.envoy - o.envoy, resident: c.resident}
}

// add takes what was spent later.
func (c *cost) add(later cost) {
	c.server += later.server
	c.envoy += later.envoy
	c.resident = later.resident
}

// countHeap starts to count; the function that it returns tells what came on
// top. Reading the heap costs the server up to two milliseconds, allocates, and
// ends a while after the answer, so it is not done beside what is measured. It
// is read twice at first: the second time costs the third as much as the first
// cost the second.
func (s *server) countHeap(ctx context.Context) (func(context.Context) (heap, error), error) {
	first, err := s.heap(ctx)
	if err != nil {
		return nil, err
	}
	second, err := s.heap(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (heap, error) {
		last, err := s.heap(ctx)
		return last.minus(second).minus(second.minus(first)), err
	}, nil
}
