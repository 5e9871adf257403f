package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

// settings are the flags.
type settings struct {
	plan   plan
	chosen []variant
	load   workload
	lineup *lineup
	smoke  bool
	cross  bool

	gate, other string
	envoy       string
	jsonFile    string
	reportDir   string
	from        string
	profileDir  string
}

const (
	maxRounds     = 1_000
	shortestSlice = 10 * time.Millisecond // 20 checks at the lowest rate
)

var (
	errFlag   = errors.New("a flag is out of bounds")
	errBinary = errors.New("there is no claimgate to run: make build, or name one with -claimgate")
	errOther  = errors.New("-other names the binary of the variant other")
)

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{load: usual()}
	flags := flag.NewFlagSet("authzbench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&s.plan.rounds, "rounds", 9, "`n` rounds, each with every variant at every level")
	flags.DurationVar(&s.plan.duration, "duration", 3*time.Second, "how long each variant is measured at each level in each round")
	flags.IntVar(&s.plan.slices, "slices", 0, "`n` slices that -duration is cut into: in a round the variants take turns slice by slice, so that those that are compared are measured close in time; 0: slices of 125ms, or one where -duration is shorter")
	flags.IntVar(&s.load.Tokens, "tokens", s.load.Tokens, "`n` different tokens; each takes a millisecond to make and 2.2 KB")
	flags.IntVar(&s.load.Tenants, "tenants", s.load.Tenants, "`n` tenants, among whom the tokens are spread")
	flags.Float64Var(&s.load.Hits, "hits", s.load.Hits, "`share` of checks whose token was seen lately, 0 to 1")
	flags.StringVar(&s.load.Algorithm, "alg", s.load.Algorithm, "`algorithm` of the tokens: RS256, PS256, ES256, EdDSA")
	flags.BoolVar(&s.cross, "h2load", false, "have h2load ask stock, floor and claimgate once, as a cross-check; acceptance does")
	frame := flags.String("frame", "full", "`what` Envoy sends: full (20 headers) or lean (only those that are needed)")
	flags.StringVar(&s.gate, "claimgate", ".build/bin/claimgate", "`path` of the claimgate binary to measure")
	flags.StringVar(&s.other, "other", "", "`path` of another claimgate binary, for the variant other")
	flags.StringVar(&s.envoy, "envoy", "", "`path` of Envoy; otherwise $CLAIMGATE_ENVOY, what make envoy fetched, or envoy of PATH")
	flags.StringVar(&s.jsonFile, "json", "", "`file` to write the whole result to")
	flags.StringVar(&s.reportDir, "report", "", "`directory` to write a report with plots to, and the result as JSON")
	flags.StringVar(&s.from, "from", "", "`file` of a result: measure nothing and write its report to -report")
	flags.StringVar(&s.profileDir, "profile", "", "`directory` to write processor profiles to: each variant at each level for -duration; nothing is measured")
	names := flags.String("variants", usualVariants(), "variants of the scenario standard, separated by commas; +tuning behind a name changes one thing")
	scenario := flags.String("scenario", standard, "scenarios, separated by commas, or acceptance or smoke")
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if err := s.settle(flags, *frame, *names, *scenario); err != nil {
		return nil, err
	}
	return s, s.check(flags.Args())
}

// settle works out what is not a value of its own.
func (s *settings) settle(flags *flag.FlagSet, frame, names, scenario string) (err error) {
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	s.load.Lean = frame == "lean"
	if frame != "lean" && frame != "full" {
		return fmt.Errorf("%w: -frame is full or lean", errFlag)
	}
	s.smoke = scenario == smoke
	s.cross = s.cross || scenario == acceptance
	if !given["duration"] {
		s.plan.duration = s.presetDuration(scenario)
	}
	if s.smoke && !given["rounds"] {
		s.plan.rounds = 1
	}
	if s.plan.slices == 0 {
		s.plan.slices = slicesOf(s.plan.duration)
	}
	if s.chosen, err = chooseVariants(names); err != nil {
		return err
	}
	if err := s.load.check(); err != nil {
		return err
	}
	s.lineup, err = s.choose(scenario)
	return err
}

func (s *settings) presetDuration(scenario string) time.Duration {
	switch scenario {
	case acceptance:
		return time.Second
	case smoke:
		return 100 * time.Millisecond
	default:
		return s.plan.duration
	}
}

func usage(flags *flag.FlagSet) {
	out := flags.Output()
	_, _ = fmt.Fprintf(out, "Usage: authzbench [flags]\n\nMeasures what an authorization server costs Envoy, in variants:\n\n")
	all := variants()
	for i := range all {
		_, _ = fmt.Fprintf(out, "  %-12s %s\n", all[i].name, all[i].does)
	}
	_, _ = fmt.Fprintf(out, "\nin scenarios:\n\n")
	for _, c := range scenarios() {
		_, _ = fmt.Fprintf(out, "  %-12s %s\n", c.name, c.does)
	}
	_, _ = fmt.Fprintf(out, "  %-12s all of them, nine rounds of a second\n  %-12s all of them in small, one round: that everything works\n", acceptance, smoke)
	_, _ = fmt.Fprintf(out, "\nand with one thing changed, as in -variants floor,floor+tcp:\n\n")
	tuned := tunings()
	for i := range tuned {
		_, _ = fmt.Fprintf(out, "  %-12s %s\n", tuned[i].name, tuned[i].does)
	}
	_, _ = fmt.Fprintln(out)
	flags.PrintDefaults()
}

func (s *settings) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%w: %q is no flag", errFlag, rest[0])
	case s.plan.rounds < 1 || s.plan.rounds > maxRounds:
		return fmt.Errorf("%w: -rounds is 1 to %d", errFlag, maxRounds)
	case s.plan.duration < 10*time.Millisecond || s.plan.duration > time.Minute:
		return fmt.Errorf("%w: -duration is 10ms to 1m", errFlag)
	case s.plan.slices < 1 || s.plan.length() < shortestSlice:
		return fmt.Errorf("%w: -slices is at least 1, and at most so many that each has %v of -duration", errFlag, shortestSlice)
	case s.from != "" && s.reportDir == "":
		return fmt.Errorf("%w: -from needs -report", errFlag)
	case s.from != "", s.profileDir != "": // measures nothing, or builds its own
		return nil
	}
	for _, e := range s.lineup.entries {
		if e.variant.serve != nil {
			continue
		}
		if e.variant.other && s.other == "" {
			return errOther
		}
		if _, err := os.Stat((&bench{gate: s.gate, other: s.other}).binary(e.variant)); err != nil {
			return fmt.Errorf("%w: %w", errBinary, err)
		}
	}
	return nil
}
