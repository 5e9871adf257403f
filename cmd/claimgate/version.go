package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by -ldflags "-X main.version=v1.2.3" and otherwise what the
// go command recorded.
var version string

// buildInfo says what was built.
type buildInfo struct{ version, revision string }

// String returns one line for people.
func (b buildInfo) String() string {
	return fmt.Sprintf("claimgate %s (revision %s, %s, %s/%s)", b.version, b.revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func buildVersion() buildInfo {
	build := buildInfo{version: "unknown", revision: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		build = fromBuildInfo(info)
	}
	if version != "" {
		build.version = version
	}
	return build
}

func fromBuildInfo(info *debug.BuildInfo) buildInfo {
	build := buildInfo{version: info.Main.Version, revision: "unknown"}
	if build.version == "" {
		build.version = "unknown"
	}
	modified := false
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			build.revision = setting.Value
		case "vcs.modified":
			modified = setting.Value == "true"
		}
	}
	if modified {
		build.revision += "+modified"
	}
	return build
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say what was built",
		Example: `  claimgate version`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return write(cmd.OutOrStdout(), buildVersion().String()+"\n")
		},
	}
}
