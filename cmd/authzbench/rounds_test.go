package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var errFake = errors.New("no figure")

// fakeContender notes what is asked of it and of all others.
type fakeContender struct {
	name   string
	at     []level
	log    *[]string
	fails  string // the step that does
	slices int
}

func (f *fakeContender) levels() []level { return f.at }

func (f *fakeContender) note(step string) error {
	*f.log = append(*f.log, step+" "+f.name)
	if strings.Fields(step)[0] == f.fails {
		return errFake
	}
	return nil
}

func (f *fakeContender) begin(context.Context, level) (session, error) {
	f.slices = 0
	return f, f.note("begin")
}

func (f *fakeContender) slice(_ context.Context, lead, length time.Duration) (reading, error) {
	f.slices++
	seen := sample{latencies: []time.Duration{length}, elapsed: length}
	return reading{seen: seen}, f.note(fmt.Sprintf("slice %v+%v", lead, length))
}

func (f *fakeContender) end(context.Context) (tally, error) {
	return tally{variant: f.name, asked: f.slices}, f.note("end")
}

func (f *fakeContender) close() { _ = f.note("close") }

// steps runs a plan with contenders a, b and c, of whom c takes part in the
// second level alone, and returns what was asked of them.
func steps(t *testing.T, p plan, fails string) ([]string, []measurement, error) {
	t.Helper()
	var log []string
	first, second := levels()[0], levels()[1]
	all := []contender{
		&fakeContender{name: "a", at: []level{first, second}, log: &log},
		&fakeContender{name: "b", at: []level{first, second}, log: &log, fails: fails},
		&fakeContender{name: "c", at: []level{second}, log: &log},
	}
	done, err := p.run(t.Context(), all, &bytes.Buffer{})
	return log, done, err
}

// TestTurns: within a round each contender of a level has one slice a turn, who
// is first in one is last in the next, from round to round, too, and nothing
// else is done between the first slice and the last.
func TestTurns(t *testing.T) {
	log, done, err := steps(t, plan{rounds: 2, duration: 300 * time.Millisecond, slices: 3}, "")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, step := range log {
		words := strings.Fields(step)
		if words[0] == "slice" {
			words[0] = ""
		} else {
			words[0] = " " + words[0] + ":"
		}
		got.WriteString(words[0] + words[len(words)-1])
	}
	const want = " begin:a begin:bab" + "ba" + "ab end:a end:b close:a close:b" +
		" begin:a begin:b begin:cabc" + "bca" + "cab end:a end:b end:c close:a close:b close:c" +
		" begin:a begin:bba" + "ab" + "ba end:a end:b close:a close:b" +
		" begin:a begin:b begin:cabc" + "bca" + "cab end:a end:b end:c close:a close:b close:c"
	if got.String() != want {
		t.Errorf("the order is\n%s, want\n%s", &got, want)
	}
	if len(done) != 2*(2+3) {
		t.Fatalf("%d measurements, want one of each contender, level and round", len(done))
	}
	for i := range done {
		if m := &done[i]; m.Checks != 3 || m.Seconds != 0.3 || m.Round != 1+i/5 {
			t.Errorf("not the slices of one round: %+v", m)
		}
	}
}

// TestLeads: a level change is preceded by more load than a change of turns,
// and slices together are as long as the measurement.
func TestLeads(t *testing.T) {
	for _, c := range []struct {
		duration            time.Duration
		slices              int
		first, again, slice time.Duration
	}{
		{time.Second, 8, 100 * time.Millisecond, 25 * time.Millisecond, 125 * time.Millisecond},
		{3 * time.Second, 24, 300 * time.Millisecond, 25 * time.Millisecond, 125 * time.Millisecond},
		{500 * time.Millisecond, 4, 50 * time.Millisecond, 25 * time.Millisecond, 125 * time.Millisecond},
		{100 * time.Millisecond, 1, 25 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond},
		{10 * time.Millisecond, 1, 10 * time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond},
	} {
		p := plan{duration: c.duration, slices: slicesOf(c.duration)}
		if p.slices != c.slices || p.lead(0) != c.first || p.lead(1) != c.again || p.length() != c.slice {
			t.Errorf("%v: %d slices, leads %v and %v, length %v; want %+v", c.duration, p.slices, p.lead(0), p.lead(1), p.length(), c)
		}
	}
	if got := (plan{duration: time.Second, slices: 1}).lead(0); got != 100*time.Millisecond {
		t.Errorf("uncut: a lead of %v", got)
	}
}

// TestFailures: a failure ends the run, and everything that was begun is closed.
func TestFailures(t *testing.T) {
	for step, closed := range map[string]string{"begin": "close a", "slice": "close a, close b", "end": "close a, close b"} {
		log, done, err := steps(t, plan{rounds: 1, duration: time.Second, slices: 1}, step)
		if !errors.Is(err, errFake) || done != nil {
			t.Errorf("%s: %v with %d measurements", step, err, len(done))
		}
		if got := strings.Join(log, ", "); !strings.HasSuffix(got, "b, "+closed) {
			t.Errorf("%s: %s", step, got)
		}
	}
}
