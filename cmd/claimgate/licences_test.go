package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// thirdParty lists the modules that are part of the binary.
const thirdParty = "THIRD_PARTY.md"

// licenceMarks are the licences that a dependency may have, by words that no
// other one of them has; the first one found counts.
var licenceMarks = [][2]string{
	{"Apache-2.0", "Apache License"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"BSD-3-Clause", "Neither the name"},
	{"BSD-3-Clause", "Neither name of"},
	{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
}

// TestLicences: each module of the binary has a licence of the list, and the
// document names it. A new dependency is seen here.
func TestLicences(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	modules := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(modules)
	modules = slices.Compact(modules)
	if len(modules) < 10 {
		t.Fatalf("%d modules: the test would prove nothing", len(modules))
	}
	var table strings.Builder
	for _, line := range modules {
		name, dir, _ := strings.Cut(line, " ")
		fmt.Fprintf(&table, "| %s | %s |\n", name, licence(t, name, dir))
	}
	text, err := os.ReadFile(filepath.Join(root, thirdParty))
	if err != nil {
		t.Fatal(err)
	}
	if _, listed, _ := strings.Cut(string(text), "|---|---|\n"); listed != table.String() {
		t.Errorf("%s does not list the modules of the binary, which are\n%s", thirdParty, table.String())
	}
}

// licence returns what the module's licence file is.
func licence(t *testing.T, module, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "LICEN[CS]E*"))
	if err != nil || len(files) == 0 {
		t.Errorf("%s has no licence file", module)
		return ""
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Join(strings.Fields(string(text)), " ")
	for _, mark := range licenceMarks {
		if strings.Contains(words, mark[1]) {
			return mark[0]
		}
	}
	t.Errorf("%s has a licence that is not on the list: %s", module, files[0])
	return ""
}
