package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/proxy"
)

// TestExamples runs every example as it stands, with a real Envoy.
func TestExamples(t *testing.T) {
	requireEnvoy(t)
	for name := range demo.Stories() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := demo.Run(t.Context(), demo.Options{Out: &out, Example: name, Once: true, Prepare: inTheCodecOf}); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			if !strings.Contains(out.String(), "client -> Envoy ") {
				t.Errorf("no Envoy took part:\n%s", &out)
			}
		})
	}
}

// inTheCodecOf has the files of a folder run with the codec that is asked for.
func inTheCodecOf(folder string) error {
	file := filepath.Join(folder, "claimgate.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(inTheCodec(string(text))), 0o600)
}

// TestExampleBootstraps has Envoy validate the bootstraps as they stand and
// holds that they name no cluster that is not there, which Envoy would accept.
func TestExampleBootstraps(t *testing.T) {
	requireEnvoy(t)
	folders := os.DirFS("../../../../examples") // those that are no story, too
	files, err := fs.Glob(folders, "*/envoy.yaml")
	if err != nil || len(files) <= len(demo.Stories()) {
		t.Fatalf("%v: no bootstraps", err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			if err := proxy.Validate(t.Context(), "../../../../examples/"+file); err != nil {
				t.Error(err)
			}
			text, err := fs.ReadFile(folders, file)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{
				"envoy_grpc: {cluster_name: claimgate", "- name: claimgate\n", "path_with_escaped_slashes_action: REJECT_REQUEST",
				"headers_with_underscores_action: REJECT_REQUEST", "validate_mutations: true", "code: ServiceUnavailable",
			} {
				if !strings.Contains(string(text), want) {
					t.Errorf("no %q", want)
				}
			}
			if strings.Contains(string(text), "failure_mode_allow:") {
				t.Error("the bootstrap fails open")
			}
		})
	}
}
