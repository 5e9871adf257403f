package config

import "github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"

// Schema returns the JSON Schema (draft 2020-12) of the main file. Its
// definition `tenantFile` is that of a tenant file.
func Schema() []byte {
	return yamldoc.Schema(&mainDoc{}, "https://claimgate.dev/schema/v1alpha1.json", "claimgate configuration",
		yamldoc.Extra{Name: "tenantFile", Type: &fileTenant{}})
}

// Reference returns a text about every field of the main file: its path, type,
// default and what it is.
func Reference() string { return yamldoc.Reference(&mainDoc{}) }
