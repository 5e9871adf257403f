package live

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Status is what is in force, what is not, and why. It is shared and read-only.
type Status struct {
	Generation uint64
	Loaded     time.Time // when the generation was put in force
	Tenants    map[State]int
	Troubled   []Troubled // tenants whose file is not in force, by name
	Main       *Problem   // why the main file is not in force; nil: it is
	Dirs       *Problem   // why the tenant directories could not be judged
	Vanishing  []string   // tenants that would vanish: they wait for confirmation
	Ignored    []string   // problems of files that are no tenant files
	Warnings   []string   // of what is in force; at most 1000
	Insecure   []string   // insecure... words in force
	Sample     float64    // share of the requests without a trace that are traced
	Remembers  bool       // the order of acceptance outlives the process
	Restart    []string   // fields of the main file that take effect with the next start

	Results     map[Result]uint64
	LastSuccess time.Time // of the last reload that put in force all that changed
	LastFailure time.Time // of the last one that could not; zero: none
	Failure     string    // what it was
	Compiled    int       // tenants that the last reload compiled
}

// Problem is something on disk that is not in force.
type Problem struct {
	Text     string    `json:"problem"` // file:line:column: what is wrong; a line each
	Since    time.Time `json:"since"`
	Confirms bool      `json:"waitsForConfirmation,omitempty"`
}

// Troubled is a tenant whose file is not in force.
type Troubled struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	Problem
}

// Failing tells since when something on disk is not in force; zero: everything
// is.
func (s *Status) Failing() time.Time {
	var since time.Time
	earliest := func(p *Problem) {
		if p != nil && (since.IsZero() || p.Since.Before(since)) {
			since = p.Since
		}
	}
	earliest(s.Main)
	earliest(s.Dirs)
	for k := range s.Troubled {
		earliest(&s.Troubled[k].Problem)
	}
	return since
}

// Waiting reports whether something waits for confirmation.
func (s *Status) Waiting() bool {
	return s.Main != nil && s.Main.Confirms || slices.ContainsFunc(s.Troubled, func(t Troubled) bool { return t.Confirms })
}

func problemOf(t *trouble) *Problem {
	if t == nil {
		return nil
	}
	return &Problem{Text: t.text, Since: t.since, Confirms: t.kind == cut || t.kind == gone}
}

// maxWarnings bounds the warnings that are told; check tells all.
const maxWarnings = 1000

// describe makes the status of now.
func (c *Configuration) describe(found finding) *Status {
	w := c.world
	s := &Status{
		Generation:  w.generation,
		Loaded:      c.history.loaded,
		Tenants:     map[State]int{Active: len(w.tenants) - len(w.notable), Stale: 0, Suspended: 0, Quarantined: 0},
		Main:        problemOf(c.badMain),
		Dirs:        problemOf(c.badDirs),
		Ignored:     found.ignored,
		Warnings:    slices.Clone(w.main.Warnings),
		Sample:      w.main.Settings.Tracing.Sample,
		Insecure:    slices.Clone(w.main.Settings.Insecure),
		Remembers:   c.remembers(),
		Restart:     c.opts.Fixed(c.started, w.main.Settings),
		Results:     maps.Clone(c.history.results),
		LastSuccess: c.history.lastSuccess,
		LastFailure: c.history.lastFailure,
		Failure:     c.history.failure,
		Compiled:    found.compiled,
	}
	for name, t := range w.notable {
		s.Tenants[t.state()]++
		if t.good != nil {
			s.Insecure = append(s.Insecure, t.good.Insecure...)
			s.Warnings = append(s.Warnings, t.good.Warnings...)
		}
		if t.trouble == nil {
			continue
		}
		s.Troubled = append(s.Troubled, Troubled{name, t.state(), *problemOf(t.trouble)})
		if t.trouble.kind == gone {
			s.Vanishing = append(s.Vanishing, name)
		}
	}
	if c.badMain != nil && c.badMain.kind == gone {
		s.Vanishing = append(s.Vanishing, c.lost...)
	}
	slices.Sort(s.Insecure)
	slices.Sort(s.Warnings)
	s.Warnings = s.Warnings[:min(len(s.Warnings), maxWarnings)]
	slices.SortFunc(s.Troubled, func(a, b Troubled) int { return cmp.Compare(a.Name, b.Name) })
	slices.Sort(s.Vanishing)
	s.Vanishing = slices.Compact(s.Vanishing)
	return s
}

// troubles lists what is wrong now, by what it concerns.
func (c *Configuration) troubles() map[string]*trouble {
	troubles := map[string]*trouble{}
	if c.badMain != nil {
		troubles["/main"] = c.badMain
	}
	if c.badDirs != nil {
		troubles["/dirs"] = c.badDirs
	}
	for name, t := range c.world.notable {
		if t.trouble != nil {
			troubles[name] = t.trouble
		}
	}
	return troubles
}

// result tells how a reload ended, by what it changed.
func (c *Configuration) result(before *world, known map[string]*trouble, how ask) Result {
	now := c.troubles()
	news := how.all && len(now) > 0
	for name, t := range now {
		if old := known[name]; old == nil || old.kind != t.kind || old.text != t.text {
			news = true
		}
	}
	switch changed := c.world.generation != before.generation; {
	case changed && news:
		return Partial
	case changed, !news && len(now) < len(known):
		return Applied
	case news:
		return Refused
	}
	return Unchanged
}
