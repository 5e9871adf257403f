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

var errErrors = errors.New("checks failed, so that no figure counts")

// authzbench runs the whole benchmark. An interrupt ends it without a result.
func authzbench(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	switch {
	case s.from != "":
		return s.render()
	case s.profileDir != "":
		return s.profile(ctx, stdout, stderr)
	}
	r, err := s.run(ctx, stderr)
	if err != nil {
		return err
	}
	if err := errors.Join(r.print(stdout), s.save(r)); err != nil {
		return err
	}
	if n := r.errors(); n > 0 {
		return fmt.Errorf("%w: %d, such as: %s", errErrors, n, r.firstError())
	}
	return nil
}

// save writes the result where the flags say so.
func (s *settings) save(r *report) error {
	if s.jsonFile != "" {
		if err := r.keep(s.jsonFile); err != nil {
			return err
		}
	}
	if s.reportDir == "" {
		return nil
	}
	return r.publish(s.reportDir)
}

// render writes the report of a result that was kept.
func (s *settings) render() error {
	r, err := readReport(s.from)
	if err != nil {
		return err
	}
	return r.publish(s.reportDir)
}

func (s *settings) run(ctx context.Context, progress io.Writer) (*report, error) {
	debug.SetGCPercent(400) // of the load generator: fewer pauses of its own in the latencies
	r := &report{
		Started: time.Now().UTC(), Machine: thisMachine(), Versions: versions(), Rounds: s.plan.rounds,
		Seconds: s.plan.duration.Seconds(), Slices: s.plan.slices,
	}
	var err error
	err = s.withServers(ctx, progress, func(b *bench, all []contender) error {
		r.note(b)
		if r.Measurements, err = s.plan.run(ctx, all, progress); err != nil {
			return err
		}
		r.CrossCheck, err = b.crossCheck(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	r.Rows = summarise(r.Measurements)
	return r, nil
}

// withServers starts all that take part, warms them up, and stops them after f.
func (s *settings) withServers(ctx context.Context, progress io.Writer, f func(*bench, []contender) error) error {
	dir, err := os.MkdirTemp("", "authzbench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := newWorld(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	b := &bench{world: w, dir: dir, gate: s.gate, other: s.other, profile: s.profileDir != "", envoyPath: s.envoy, cross: s.cross}
	defer b.stop()
	_, _ = fmt.Fprintf(progress, "starting %d servers and making their tokens\n", len(s.lineup.entries))
	all, err := b.assemble(ctx, s.lineup)
	if err != nil {
		return err
	}
	return f(b, all)
}

// assemble starts everybody and fills what keeps tokens.
func (b *bench) assemble(ctx context.Context, l *lineup) ([]contender, error) {
	var all []contender
	for _, e := range l.entries {
		s, err := b.start(ctx, e)
		if err != nil {
			return nil, err
		}
		s.fill(ctx)
		all = append(all, s)
	}
	if l.bare != nil {
		one, err := newBare(b.world, *l.bare)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	passages, err := b.startEnvoy(ctx, l.fronts)
	if err != nil {
		return nil, err
	}
	return append(all, passages...), nil
}
