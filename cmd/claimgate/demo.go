package main

import (
	"errors"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
)

func newDemoCommand() *cobra.Command {
	var opts demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run an example with a real Envoy, real tokens and real requests",
		Long: `Runs an example as it stands: throw-away issuers, claimgate, a real Envoy and an
upstream that tells what it saw. Sends requests, prints a table of what came of
them, then commands to go on by hand, and stays until Ctrl-C.

The reason in the table is what claimgate itself recorded under the decision id
of the answer; clients are told less. Ports that are taken are replaced. The
tokens that it prints are worth nothing outside this process.`,
		Example: `  claimgate demo
  claimgate demo --once
  claimgate demo --example quickstart`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
			defer stop()
			opts.Out = cmd.OutOrStdout()
			return demoFailure(demo.Run(ctx, opts))
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.Once, "once", false, "end after the table: 0 if every row came out as expected, else 1")
	flags.StringVar(&opts.Example, "example", "demo", "the example to run: demo, multi-tenant or quickstart")
	flags.BoolVar(&opts.WithoutEnvoy, "without-envoy", false, "use the stand-in even where there is an Envoy")
	return cmd
}

func demoFailure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, demo.ErrUnexpected):
		return &failure{code: exitTrouble, err: err, hint: "the lines that say UNEXPECTED tell what differs"}
	default:
		return &failure{code: exitTrouble, err: err}
	}
}
