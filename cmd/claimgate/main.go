// Command claimgate is an Envoy external authorization server: it verifies
// bearer JWTs per tenant and applies each tenant's claim policy.
//
//	claimgate check claimgate.yaml      find every mistake
//	claimgate serve -c claimgate.yaml   answer Envoy
//	claimgate help                      everything else
//
// It exits with 0 when all went well, 1 on wrong usage and on trouble with
// files, sockets or the network, and 2 on an invalid configuration.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})) }

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run runs one command line and returns its exit code.
func run(args []string, std streams) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	command, err := root.ExecuteC()
	return report(std.err, command, err)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "claimgate",
		Short: "Decide Envoy's requests by the claims of their tokens",
		Long: `claimgate is an external authorization server for Envoy. It finds out
whose a request is, verifies its bearer token against that tenant's issuers, asks
that tenant's policy about the claims, and tells Envoy to refuse the request or
to pass it on with headers that the upstream can trust.`,
		Example: `  claimgate check claimgate.yaml
  claimgate serve --config claimgate.yaml
  claimgate help config`,
		Version:       buildVersion().String(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(commands()...)
	refuseUnknown(root)
	return root
}

// refuseUnknown makes the library's own commands fail on names that do not
// exist, where they print a page and succeed.
func refuseUnknown(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, command := range root.Commands() {
		switch command.Name() {
		case "help":
			command.Example = "  claimgate help serve\n  claimgate help config"
			command.Args = func(_ *cobra.Command, topic []string) error {
				if found, rest, err := root.Find(topic); err != nil || found == nil || len(rest) > 0 {
					return &failure{exitTrouble, fmt.Errorf("there is no help on %q", strings.Join(topic, " ")), "run 'claimgate help'"}
				}
				return nil
			}
		case "completion":
			command.Example = "  source <(claimgate completion bash)"
			command.RunE = func(command *cobra.Command, _ []string) error { return command.Help() } // Args is NoArgs
		}
	}
}

// commands is the index.
func commands() []*cobra.Command {
	return []*cobra.Command{
		newServeCommand(),    // answer Envoy
		newCheckCommand(),    // find every mistake of a configuration
		newKeysCommand(),     // fetch and show the keys of issuers
		newSchemaCommand(),   // print the JSON Schema of the configuration
		newDemoCommand(),     // run an example with a real Envoy
		newVersionCommand(),  // say what was built
		newConfigTopic(),     // help: every field of the configuration
		newLeversTopic(),     // help: what to change in an emergency
		newDelegationTopic(), // help: what tenants' own administrators may write
		newReloadTopic(),     // help: changing the configuration of a running server
		newReasonsTopic(),    // help: what each reason of a decision means
		newLimitsTopic(),     // help: every limit and what happens beyond it
		newLicencesTopic(),   // help: the licences of all that is part of the binary
	}
}
