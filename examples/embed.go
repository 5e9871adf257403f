// Package examples holds the example configurations, so that the program can
// run them wherever it is installed:
//
//	file, err := examples.FS.Open("quickstart/claimgate.yaml")
//
// Each folder is one story. README.md says how to run it by hand, and a test
// runs it as it stands.
package examples

import "embed"

// FS holds the folders of the examples.
//
//go:embed quickstart demo multi-tenant
var FS embed.FS
