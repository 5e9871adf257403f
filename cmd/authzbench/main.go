package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

func main() {
	if spec := os.Getenv(childEnv); spec != "" {
		exit(runChild(spec))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := authzbench(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	exit(err)
}

func exit(err error) {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	default:
		fmt.Fprintln(os.Stderr, "authzbench:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	plan     plan
	chosen   []variant
	tokens   int
	tenants  int
	gate     string
	jsonFile string
}

// Bounds of the flags.
const (
	maxTokens  = 1_000_000
	maxTenants = 100_000 // as many as have a name of five digits
	maxRounds  = 1_000
)

var (
	errFlag   = errors.New("a flag is out of bounds")
	errBinary = errors.New("there is no claimgate to run: make build, or name one with -claimgate")
	errErrors = errors.New("checks failed, so that no figure counts")
)

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{plan: plan{levels: levels()}}
	flags := flag.NewFlagSet("authzbench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&s.plan.rounds, "rounds", 9, "`n` rounds, each with every variant at every level")
	flags.DurationVar(&s.plan.duration, "duration", 3*time.Second, "how long each variant is measured at each level in each round")
	flags.IntVar(&s.tokens, "tokens", 1000, "`n` different tokens; each takes a millisecond to make and 2.2 KB")
	flags.IntVar(&s.tenants, "tenants", 1, "`n` tenants, among whom the tokens are spread")
	flags.StringVar(&s.gate, "claimgate", ".build/bin/claimgate", "`path` of the claimgate binary to measure")
	flags.StringVar(&s.jsonFile, "json", "", "`file` to write the whole result to")
	names := flags.String("variants", strings.Join(variantNames(), ","), "variants to measure, separated by commas")
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if s.chosen, err = choose(*names); err != nil {
		return nil, err
	}
	return s, s.check(flags.Args())
}

func usage(flags *flag.FlagSet) {
	out := flags.Output()
	_, _ = fmt.Fprintf(out, "Usage: authzbench [flags]\n\nMeasures what an authorization server costs Envoy, in variants:\n\n")
	for _, v := range variants() {
		_, _ = fmt.Fprintf(out, "  %-10s %s\n", v.name, v.does)
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
	case s.tokens < 1 || s.tokens > maxTokens:
		return fmt.Errorf("%w: -tokens is 1 to %d", errFlag, maxTokens)
	case s.tenants < 1 || s.tenants > maxTenants:
		return fmt.Errorf("%w: -tenants is 1 to %d", errFlag, maxTenants)
	}
	for _, v := range s.chosen {
		if _, err := os.Stat(s.gate); v.serve == nil && err != nil {
			return fmt.Errorf("%w: %w", errBinary, err)
		}
	}
	return nil
}

// authzbench runs the whole benchmark. An interrupt ends it without a result.
func authzbench(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	r, err := s.run(ctx, stderr)
	if err != nil {
		return err
	}
	if err := r.print(stdout); err != nil {
		return err
	}
	if s.jsonFile != "" {
		if err := r.keep(s.jsonFile); err != nil {
			return err
		}
	}
	if n := r.errors(); n > 0 {
		return fmt.Errorf("%w: %d, such as: %s", errErrors, n, r.firstError())
	}
	return nil
}

func (s *settings) run(ctx context.Context, progress io.Writer) (*report, error) {
	debug.SetGCPercent(400) // of the load generator: fewer pauses of its own in the latencies
	r := &report{
		Started: time.Now().UTC(), Machine: thisMachine(), Versions: versions(), Rounds: s.plan.rounds,
		Seconds: s.plan.duration.Seconds(), Tokens: s.tokens, Tenants: s.tenants,
	}
	dir, err := os.MkdirTemp("", "authzbench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := newWorld(ctx, s.tokens, s.tenants)
	if err != nil {
		return nil, err
	}
	defer w.close()
	r.RequestBytes = len(w.frames[0])
	b := &bench{world: w, dir: dir, gate: s.gate}
	defer b.stop()
	if err := b.start(ctx, s.chosen); err != nil {
		return nil, err
	}
	if r.Measurements, err = b.run(ctx, s.plan, progress); err != nil {
		return nil, err
	}
	r.Rows = summarise(r.Measurements, s.plan.levels, b.names())
	return r, nil
}

func (b *bench) names() []string {
	names := make([]string, 0, len(b.servers))
	for _, s := range b.servers {
		names = append(names, s.name)
	}
	return names
}

func (r *report) firstError() string {
	for i := range r.Measurements {
		if r.Measurements[i].Error != "" {
			return r.Measurements[i].Variant + ": " + r.Measurements[i].Error
		}
	}
	return ""
}
