package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ErrUnexpected says that a request came out otherwise than the story says.
var ErrUnexpected = errors.New("demo: not every request came out as expected")

// Options say what to show. Zero fields have defaults.
type Options struct {
	Out          io.Writer
	Example      string // default "demo"
	Once         bool   // end after the table
	WithoutEnvoy bool   // use the stand-in though there is an Envoy

	// Prepare may change the example's files before they are run.
	Prepare func(dir string) error
}

// Run runs an example and prints what came of each request. Without Once it
// then prints commands to go on by hand and stays until ctx ends, which is no
// error.
func Run(ctx context.Context, opts Options) error {
	if opts.Example == "" {
		opts.Example = "demo"
	}
	story, ok := Stories()[opts.Example]
	if !ok {
		return fmt.Errorf("demo: there is no example %q: choose one of %s",
			opts.Example, strings.Join(slices.Sorted(maps.Keys(Stories())), ", "))
	}
	out := opts.Out
	if out == nil {
		out = io.Discard
	}
	stack, err := StartStack(ctx, StackOptions{Example: story.Example, Issuers: story.Issuers, Script: story.Script, WithoutEnvoy: opts.WithoutEnvoy, Prepare: opts.Prepare})
	if err != nil {
		return err
	}
	defer stack.Stop()
	printParts(out, stack)
	unexpected, err := stack.tell(ctx, out, story)
	switch {
	case ctx.Err() != nil && opts.Once:
		return fmt.Errorf("demo: ended before the last request: %w", context.Cause(ctx))
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	case unexpected > 0:
		return fmt.Errorf("%w: %d of %d", ErrUnexpected, unexpected, len(story.Steps))
	case opts.Once:
		return nil
	}
	printAccessLog(ctx, out, stack)
	if err := printHands(out, stack, story); err != nil {
		return err
	}
	<-ctx.Done()
	_, _ = fmt.Fprintln(out, "\nStopped.")
	return nil
}

// tell asks every request of the story and returns how many came out otherwise
// than it says.
func (s *Stack) tell(ctx context.Context, out io.Writer, story Story) (int, error) {
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	printHead(out)
	unexpected := 0
	for i, step := range story.Steps {
		got, err := s.Ask(ctx, client, step, story.Watch)
		if err != nil {
			return 0, err
		}
		printRow(out, i+1, step, got)
		if got != step.Want {
			unexpected++
		}
	}
	_, _ = fmt.Fprintf(out, "\n%d of %d requests came out as expected.\n", len(story.Steps)-unexpected, len(story.Steps))
	return unexpected, nil
}

func printParts(out io.Writer, s *Stack) {
	front := "Envoy"
	if s.Envoy == nil {
		front = "stand-in"
		_, _ = fmt.Fprintln(out, "THERE IS NO ENVOY HERE: a small proxy of our own stands in for it. It asks claimgate over gRPC and\n"+
			"applies the answers as Envoy does, but it is not Envoy. `make envoy` fetches a real one where it can be had.")
		_, _ = fmt.Fprintln(out)
	}
	_, _ = fmt.Fprintf(out, "  client -> %s %s -> claimgate %s", front, s.Front, s.gate)
	printIssuers(out, s)
	_, _ = fmt.Fprintf(out, "\n  upstream           http://%s (answers with what it saw)\n  files              %s\n\n", s.upstream, s.Dir)
}

// printIssuers prints one line for each server, which may hold many issuers.
func printIssuers(out io.Writer, s *Stack) {
	more := map[int]int{}
	for _, spec := range s.opts.Issuers {
		more[spec.Port]++
	}
	for _, spec := range s.opts.Issuers {
		if more[spec.Port] == 0 {
			continue
		}
		_, _ = fmt.Fprintf(out, "\n  issuer %-11s %s", spec.Name, s.IssuerURL(spec.Name))
		if others := more[spec.Port] - 1; others > 0 {
			_, _ = fmt.Fprintf(out, " (and %d more of this server)", others)
		}
		more[spec.Port] = 0
	}
}

// printAccessLog prints one line of Envoy's access log, where the example has
// one: it shows the dynamic metadata.
func printAccessLog(ctx context.Context, out io.Writer, s *Stack) {
	if s.Envoy == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second) // Envoy writes it a little later
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		for line := range strings.Lines(s.Envoy.Logs()) {
			if strings.Contains(line, " 200 via_upstream {") {
				_, _ = fmt.Fprintf(out, "\nEnvoy's access log has the dynamic metadata of each request:\n  %s", line)
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// printHands prints the requests to send by hand, with their tokens.
func printHands(out io.Writer, s *Stack, story Story) error {
	_, _ = fmt.Fprintln(out, "\nGo on by hand, in another terminal; everything lives until Ctrl-C.")
	_, _ = fmt.Fprintln(out)
	for _, hand := range story.Hands {
		if hand.Claims == nil {
			continue
		}
		token, err := s.Mint(hand.Issuer, hand.Claims)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "%s=%s\n\n", hand.Variable, token)
	}
	for _, hand := range story.Hands {
		credential := ""
		if hand.Variable != "" {
			credential = fmt.Sprintf(` -H "Authorization: Bearer $%s"`, hand.Variable)
		}
		_, _ = fmt.Fprintf(out, "curl -i -H 'Host: %s'%s http://%s%s   # %s\n", hand.Host, credential, s.Front, hand.Target, hand.Say)
	}
	return nil
}
