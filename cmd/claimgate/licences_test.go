package main

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated licence files again")

const (
	thirdParty   = "THIRD_PARTY.md" // lists what is part of the binary
	licencesFile = "licences.txt"   // has the texts, and is part of the binary itself
	goItself     = "Go's standard library"
	licencesHead = `The licences of what is part of claimgate: its own first, then those of the
modules that it is built from, those of equal text together.
`
)

// licenceMarks are the licences that a dependency may have, by words that no
// other one of them has; the first one found counts.
var licenceMarks = [][2]string{
	{"Apache-2.0", "Apache License"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"BSD-3-Clause", "Neither the name"},
	{"BSD-3-Clause", "Neither name of"},
	{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
}

// legalFile is what a licence wants to be passed on.
var legalFile = regexp.MustCompile(`^(LICEN[CS]E|NOTICE|COPYING)(\.(txt|md))?$`)

// TestLicences: each module of a binary, whatever the system, has a licence of
// the list, the document names it, and the binary has its text. A new
// dependency is seen here.
func TestLicences(t *testing.T) {
	dirs := linkedDirs(t)
	if len(dirs) < 10 {
		t.Fatalf("%d directories: the test would prove nothing", len(dirs))
	}
	var table strings.Builder
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		fmt.Fprintf(&table, "| %s | %s |\n", name, licence(t, name, dirs[name]))
	}
	document := filepath.Join(root, thirdParty)
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "|---|---|\n")
	generated(t, document, head+"|---|---|\n"+table.String())
	generated(t, licencesFile, licenceTexts(t, dirs))
}

// generated compares a file with what it should be, or writes it.
func generated(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is not what follows from the modules of the binary (%v): run 'make licences'", filepath.Base(file), err)
	}
}

// linkedDirs returns the directories that have a licence of their own and code
// that is part of the binary on some system, by names: of a module, or of a
// part of one that somebody else wrote.
func linkedDirs(t *testing.T) map[string]string {
	t.Helper()
	dirs := map[string]string{}
	for _, system := range []string{"linux", "darwin", "windows"} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
			"{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}} {{$.Dir}}{{end}}{{end}}", ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64", "GOOS="+system)
		var said bytes.Buffer
		cmd.Stderr = &said // what it downloads, too
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list for %s: %v\n%s", system, err, said.Bytes())
		}
		for line := range strings.Lines(string(out)) {
			fields := strings.Fields(line)
			addLicensed(t, dirs, fields[0], fields[1], fields[2])
		}
	}
	return dirs
}

// addLicensed adds a module and each directory between it and a package that
// has a licence of its own.
func addLicensed(t *testing.T, dirs map[string]string, module, root, pkg string) {
	t.Helper()
	dirs[module] = root
	for dir := pkg; dir != root; dir = filepath.Dir(dir) {
		if len(legalFiles(t, dir)) == 0 {
			continue
		}
		below, err := filepath.Rel(root, dir)
		if err != nil {
			t.Fatal(err)
		}
		dirs[module+"/"+filepath.ToSlash(below)] = dir
	}
}

func legalFiles(t *testing.T, dir string) (texts []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() || !legalFile.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, strings.ReplaceAll(string(text), "\r\n", "\n"))
	}
	return texts
}

// licence returns what the directory's licence is.
func licence(t *testing.T, name, dir string) string {
	t.Helper()
	texts := legalFiles(t, dir)
	if len(texts) == 0 {
		t.Errorf("%s has no licence file", name)
		return ""
	}
	words := strings.Join(strings.Fields(texts[0]), " ")
	for _, mark := range licenceMarks {
		if strings.Contains(words, mark[1]) {
			return mark[0]
		}
	}
	t.Errorf("%s has a licence that is not on the list", name)
	return ""
}

// licenceTexts returns the page: claimgate's own licence, then each text once.
func licenceTexts(t *testing.T, dirs map[string]string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{goItself: strings.TrimSpace(string(out))}
	maps.Copy(all, dirs)
	var order []string
	names := map[string][]string{} // by text
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, text := range legalFiles(t, all[name]) {
			if len(names[text]) == 0 {
				order = append(order, text)
			}
			names[text] = append(names[text], name)
		}
	}
	var page strings.Builder
	page.WriteString(licencesHead)
	section(&page, []string{"claimgate"}, legalFiles(t, root)[0])
	for _, text := range order {
		section(&page, names[text], text)
	}
	return page.String()
}

func section(page *strings.Builder, names []string, text string) {
	line := strings.Repeat("=", 80)
	fmt.Fprintf(page, "\n%s\n%s\n%s\n\n%s\n", line, strings.Join(names, "\n"), line, strings.Trim(text, "\n"))
}
