package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// configEnv names the configuration where the command line does not.
const configEnv = "CLAIMGATE_CONFIG"

// defaultConfig is used where nothing names one.
const defaultConfig = "claimgate.yaml"

func configPath(flag string) string { return cmp.Or(flag, os.Getenv(configEnv), defaultConfig) }

func newCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check [file...]",
		Aliases: []string{"validate"},
		Short:   "Find every mistake of a configuration",
		Long: `Loads and compiles configurations as serve does, without listening anywhere and
without asking any issuer. Every problem goes to standard error on a line of its
own: file:line:column: field: what is wrong; how to mend it. Warnings are marked
and do not count as mistakes.

Without a file it checks $CLAIMGATE_CONFIG, or else claimgate.yaml.

Exit codes: 0 all are good, 1 a file cannot be read, 2 a configuration is invalid.`,
		Example: `  claimgate check
  claimgate check claimgate.yaml
  claimgate check examples/*/claimgate.yaml`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 {
				files = []string{configPath("")}
			}
			return checkAll(files, streams{out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()})
		},
	}
}

// checkAll checks every file, whatever is wrong with the ones before it.
func checkAll(files []string, std streams) error {
	code := exitOK
	for _, file := range files {
		switch err := checkFile(file, std); {
		case err == nil || code == exitTrouble:
		case errors.As(err, new(config.Problems)):
			code = exitInvalid
		default:
			code = exitTrouble
		}
	}
	if code != exitOK {
		return &failure{code: code}
	}
	return nil
}

// checkFile prints what is to be said about one file.
func checkFile(file string, std streams) error {
	summary, warnings, err := compile(file)
	var mistakes config.Problems
	switch {
	case errors.As(err, &mistakes):
		summary = count(len(mistakes), "problem")
		_, _ = fmt.Fprintln(std.err, mistakes)
	case err != nil:
		_, _ = fmt.Fprintf(std.err, "claimgate: error: %v\nhint: %s\n", err, unreadable(err))
		return err
	case len(warnings) > 0:
		_, _ = fmt.Fprintln(std.err, warnings)
	}
	if wrote := write(std.out, fmt.Sprintf("%s: %s\n", file, summary)); wrote != nil {
		return wrote
	}
	return err
}

// unreadable says what to do about a file that cannot be read.
func unreadable(err error) string {
	switch {
	case errors.Is(err, syscall.EISDIR):
		return "this is a directory: name the file in it"
	case errors.Is(err, fs.ErrPermission):
		return "let this user read the file"
	default:
		return "name the configuration; 'claimgate help config' explains how to write one"
	}
}

// compile builds a configuration as serve does and says what is in it.
func compile(file string) (summary string, warnings config.Problems, err error) {
	document, err := config.Load(file)
	if err != nil {
		return "", nil, err
	}
	built, err := document.Build(config.Runtime{})
	if err != nil {
		return "", nil, err
	}
	contents := []string{count(built.Counts.Tenants, "tenant")}
	if n := built.Counts.Delegated; n > 0 {
		contents = append(contents, fmt.Sprintf("%d of them delegated", n))
	}
	contents = append(contents, count(built.Counts.Issuers, "issuer"), count(built.Counts.Rules, "rule"))
	if n := len(built.Warnings); n > 0 {
		contents = append(contents, count(n, "warning"))
	}
	return fmt.Sprintf("ok (%s)", strings.Join(contents, ", ")), built.Warnings, nil
}

// count returns "1 tenant" or "2 tenants".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
