package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

func newSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration",
		Long: `Prints the JSON Schema (draft 2020-12) of the main file; its definition
tenantFile is that of a file with one tenant. Editors use it to complete and
check as you type.`,
		Example: `  claimgate schema > claimgate.schema.json

  # then, as the first line of claimgate.yaml, for editors with a YAML language server:
  # yaml-language-server: $schema=claimgate.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return write(cmd.OutOrStdout(), string(config.Schema()))
		},
	}
}

// newConfigTopic is a page of help, no command: `claimgate help config`.
func newConfigTopic() *cobra.Command {
	topic := &cobra.Command{
		Use:   "config",
		Short: "Every field of the configuration, with its type and default",
	}
	topic.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		_ = write(cmd.OutOrStdout(), config.Reference()) // as cobra does with its own pages
	})
	return topic
}

// newDelegationTopic is a page of help, no command: `claimgate help delegation`.
func newDelegationTopic() *cobra.Command {
	topic := &cobra.Command{
		Use:   "delegation",
		Short: "Directories that the tenants' own administrators write",
	}
	topic.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		_ = write(cmd.OutOrStdout(), config.Delegation()) // as cobra does with its own pages
	})
	return topic
}

// newLeversTopic is a page of help, no command: `claimgate help levers`.
func newLeversTopic() *cobra.Command {
	topic := &cobra.Command{
		Use:   "levers",
		Short: "What to change in an emergency: deny a tenant, issuer, subject or token",
	}
	topic.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		_ = write(cmd.OutOrStdout(), config.Levers()) // as cobra does with its own pages
	})
	return topic
}

// write writes all of the text or fails as the exit code says.
func write(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return &failure{code: exitTrouble, err: fmt.Errorf("cannot write the output: %w", err)}
	}
	return nil
}
