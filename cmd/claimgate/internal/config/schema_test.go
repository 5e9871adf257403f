package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

const schemaFile = "claimgate.schema.json"

func TestSchemaIsCurrent(t *testing.T) { golden(t, schemaFile, string(Schema())) }

// compileSchema compiles the checked-in schema, or one of its definitions.
func compileSchema(t *testing.T, definition string) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err = compiler.AddResource("claimgate.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("claimgate.json" + definition)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON reads a YAML file as an editor with a schema would.
func asJSON(t *testing.T, file string) any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err = yaml.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func TestSchemaAcceptsGoodFiles(t *testing.T) {
	schema := compileSchema(t, "")
	for _, file := range goodFiles(t) {
		if err := schema.Validate(asJSON(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	tenants := compileSchema(t, "#/$defs/tenantFile")
	files := append(goldenFiles(t, "../../../../examples/*/tenants/*.yaml", 2), goldenFiles(t, "testdata/good/*.d/*.yaml", 5)...)
	for _, file := range files {
		if err := tenants.Validate(asJSON(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestSchemaRefusesBadShapes(t *testing.T) {
	schema := compileSchema(t, "")
	for _, file := range goldenFiles(t, "testdata/bad/shape-*.yaml", 40) {
		if schema.Validate(asJSON(t, file)) == nil {
			t.Errorf("%s: the schema accepts what the loader refuses", file)
		}
	}
	tenants := compileSchema(t, "#/$defs/tenantFile")
	if tenants.Validate(asJSON(t, filepath.Join("testdata", "bad", "dir-problems.d", "named.yaml"))) == nil {
		t.Error("the schema of tenant files accepts a name")
	}
}

// The reference has two lines a field, the second of which is the description.
func TestEveryFieldIsDescribed(t *testing.T) {
	fields := strings.ReplaceAll(strings.TrimPrefix(Reference(), referenceHead), "\n\n", "\n") // blocks
	lines := strings.Split(strings.Trim(fields, "\n"), "\n")
	if len(lines) < 200 || len(lines)%2 != 0 {
		t.Fatalf("%d lines", len(lines))
	}
	for i := 0; i < len(lines); i += 2 {
		description := strings.TrimSpace(lines[i+1])
		if !strings.HasPrefix(lines[i+1], "    ") || !strings.HasSuffix(description, ".") && !strings.HasSuffix(description, "-") {
			t.Errorf("%s: description %q is no sentence", lines[i], description)
		}
	}
	for _, want := range []string{
		"apiVersion (claimgate.dev/v1alpha1, required)",
		"listen.drainWait (duration, default 5s)",
		"issuers[].types (list of text, default [at+jwt, JWT])",
		"policies[].namedConditions.<name>.equals (value, list or {path | header | claim | tenant: ...})",
		"policies[].namedConditions.<name>.not (mapping, fields as in ",
		"tenantDefaults.dynamicMetadata.<name>.claim (name or list of names)",
		"tenantDefaults.issuers[].until (time)",
	} {
		if !strings.Contains(Reference(), want) {
			t.Errorf("the reference lacks %q", want)
		}
	}
}
