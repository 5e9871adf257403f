package main

import (
	"bytes"
	"errors"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// brokenPipe is a reader that went away.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestOutputThatCannotBeWrittenIsTrouble(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"schema"}} {
		var stderr bytes.Buffer
		if code := run(args, streams{strings.NewReader(""), brokenPipe{}, &stderr}); code != exitTrouble {
			t.Errorf("%v: exit code %d", args, code)
		}
		if strings.Count(stderr.String(), "broken pipe") != 1 {
			t.Errorf("%v: %s", args, stderr.String())
		}
	}
}

// TestEveryCommandTeaches: each has a sentence and an example.
func TestEveryCommandTeaches(t *testing.T) {
	root := newRootCommand()
	for _, command := range append(root.Commands(), root) {
		if command.Short == "" {
			t.Errorf("%s has no short text", command.CommandPath())
		}
		if command.Runnable() && command.Example == "" {
			t.Errorf("%s has no example", command.CommandPath())
		}
	}
}

func TestReport(t *testing.T) {
	command := &cobra.Command{Use: "claimgate"}
	for name, tc := range map[string]struct {
		err  error
		code int
		text string
	}{
		"nothing":     {nil, exitOK, ""},
		"said before": {&failure{code: exitInvalid}, exitInvalid, ""},
		"with a hint": {&failure{exitTrouble, errors.New("no"), "try this"}, exitTrouble, "claimgate: error: no\nhint: try this\n"},
		"usage":       {errors.New("unknown flag"), exitTrouble, "claimgate: error: unknown flag\nhint: run 'claimgate --help'\n"},
	} {
		var out bytes.Buffer
		if code := report(&out, command, tc.err); code != tc.code || out.String() != tc.text {
			t.Errorf("%s: %d %q, want %d %q", name, code, out.String(), tc.code, tc.text)
		}
	}
}

func TestBuildInfo(t *testing.T) {
	settings := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}
	for name, tc := range map[string]struct {
		info debug.BuildInfo
		want buildInfo
	}{
		"installed": {debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, buildInfo{"v1.2.3", "unknown"}},
		"built":     {debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: settings[:1]}, buildInfo{"(devel)", "abc"}},
		"modified":  {debug.BuildInfo{Settings: settings}, buildInfo{"unknown", "abc+modified"}},
	} {
		if got := fromBuildInfo(&tc.info); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
