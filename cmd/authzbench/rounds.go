package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// contender is what is measured next to others.
type contender interface {
	// levels are those that it is measured at.
	levels() []level
	// begin makes ready for one level of one round.
	begin(ctx context.Context, l level) (session, error)
}

// session is a contender at one level in one round.
type session interface {
	// slice loads it, for lead unmeasured, so that threads, stacks, windows and
	// caches are as the level has them, and then measured for length.
	slice(ctx context.Context, lead, length time.Duration) (reading, error)
	// end tells what all of its slices had in common.
	end(ctx context.Context) (tally, error)
	// close gives back what it holds; nothing is asked of it afterwards.
	close()
}

// plan is how much is measured.
type plan struct {
	rounds   int
	duration time.Duration // of each contender at each level in each round
	slices   int           // that the duration is cut into
}

const (
	// usualSlice is how long a slice is unless somebody says otherwise: at the
	// lowest rate it holds 250 checks, and one turn of twenty contenders takes
	// three seconds.
	usualSlice = 125 * time.Millisecond
	// usualLead is enough for a server that stood idle for a turn. It had the
	// level a moment ago, so only threads have to wake up and caches to fill.
	usualLead = 25 * time.Millisecond
)

// slicesOf returns how many slices a duration is cut into by default.
func slicesOf(duration time.Duration) int { return max(1, int(duration/usualSlice)) }

// length is that of one slice.
func (p plan) length() time.Duration { return p.duration / time.Duration(p.slices) }

// lead is for how long a slice is preceded by load that does not count. In the
// first turn the level is new to the servers, which takes longer.
func (p plan) lead(turn int) time.Duration {
	again := min(usualLead, p.length())
	if turn > 0 {
		return again
	}
	return max(again, p.duration/10)
}

// run measures every contender at every level of its own in every round.
func (p plan) run(ctx context.Context, all []contender, progress io.Writer) ([]measurement, error) {
	var done []measurement
	for round := range p.rounds {
		for _, l := range allLevels() {
			some, err := p.level(ctx, l, at(l, all), round)
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", l.name, round+1, err)
			}
			done = append(done, some...)
		}
		_, _ = fmt.Fprintf(progress, "round %d of %d\n", round+1, p.rounds)
	}
	return done, nil
}

// at returns those that are measured at a level.
func at(l level, all []contender) []contender {
	return slices.DeleteFunc(slices.Clone(all), func(c contender) bool { return !slices.Contains(c.levels(), l) })
}

// level measures contenders at one level in one round. They take turns slice by
// slice, so that what is compared lies close in time. What costs a server or
// this process something besides, reading pages and sorting latencies, is done
// before the first slice and after the last.
func (p plan) level(ctx context.Context, l level, all []contender, round int) ([]measurement, error) {
	sessions := make([]session, 0, len(all))
	defer func() {
		for _, s := range sessions {
			s.close()
		}
	}()
	for _, c := range all {
		s, err := c.begin(ctx, l)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	readings, err := p.take(ctx, sessions, round)
	if err != nil {
		return nil, err
	}
	done := make([]measurement, 0, len(all))
	for i, s := range sessions {
		t, err := s.end(ctx)
		if err != nil {
			return nil, err
		}
		m := pooled(t, readings[i])
		m.Round, m.Level = round+1, l.name
		done = append(done, m)
	}
	return done, nil
}

// take returns the readings of each session. The order moves on by one each
// turn, and goes on so from round to round.
func (p plan) take(ctx context.Context, sessions []session, round int) ([][]reading, error) {
	readings := make([][]reading, len(sessions))
	for turn := range p.slices {
		for i := range sessions {
			who := (i + round*p.slices + turn) % len(sessions)
			r, err := sessions[who].slice(ctx, p.lead(turn), p.length())
			if err != nil {
				return nil, err
			}
			readings[who] = append(readings[who], r)
		}
	}
	return readings, nil
}
