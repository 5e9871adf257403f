package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitOK      = 0
	exitTrouble = 1 // usage, files, sockets, network
	exitInvalid = 2 // an invalid configuration
)

// failure is an error with an exit code and a hint on how to go on.
type failure struct {
	code int
	err  error // nil: everything has been said
	hint string
}

// Error implements error.
func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.err }

// report prints an error once, with its hint, and returns the exit code. What
// is no failure comes from the command line parser.
func report(w io.Writer, command *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{exitTrouble, err, fmt.Sprintf("run '%s --help'", command.CommandPath())}
	}
	if f.err != nil {
		_, _ = fmt.Fprintf(w, "claimgate: error: %v\n", f.err) // nowhere else to report it
	}
	if f.hint != "" {
		_, _ = fmt.Fprintf(w, "hint: %s\n", f.hint)
	}
	return f.code
}
