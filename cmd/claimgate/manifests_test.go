package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// manifest is what this test reads of a Kubernetes object.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Args         []string
					VolumeMounts []struct {
						Name      string
						MountPath string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
				}
				Volumes []struct {
					Name      string
					ConfigMap struct{ Name string } `yaml:"configMap"`
				}
			}
		}
	}
}

func manifests(t *testing.T) []manifest {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "examples/kubernetes/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests, %v", err)
	}
	var all []manifest
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var m manifest
			if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			all = append(all, m)
		}
	}
	return all
}

// mount lays the ConfigMaps out below dir as a kubelet does, a directory behind
// a link each, and returns the path of the main file.
func mount(t *testing.T, dir string) string {
	t.Helper()
	data, volumes, main := map[string]map[string]string{}, map[string]string{}, ""
	all := manifests(t)
	for _, m := range all {
		if m.Kind == "ConfigMap" {
			data[m.Metadata.Name] = m.Data
		}
	}
	for _, m := range all {
		pod := m.Spec.Template.Spec
		for _, volume := range pod.Volumes {
			volumes[volume.Name] = volume.ConfigMap.Name
		}
		for _, container := range pod.Containers {
			main = container.Args[len(container.Args)-1]
			for _, at := range container.VolumeMounts {
				kubelet(t, filepath.Join(dir, at.MountPath), data[volumes[at.Name]])
			}
		}
	}
	return filepath.Join(dir, main)
}

func kubelet(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	const version = "..2026_01_01_00_00_00.1"
	if err := os.MkdirAll(filepath.Join(dir, version), 0o700); err != nil {
		t.Fatal(err)
	}
	links := map[string]string{"..data": version}
	for name, text := range files {
		links[name] = filepath.Join("..data", name)
		if err := os.WriteFile(filepath.Join(dir, version, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKubernetesConfiguration: the ConfigMaps, mounted as the Deployment says,
// are a good configuration, and a mistake in either of them is found.
func TestKubernetesConfiguration(t *testing.T) {
	t.Setenv("CLAIMGATE_HASH_KEY", strings.Repeat("k", 32))
	dir := t.TempDir()
	main := mount(t, dir)
	for name, from := range map[string]string{"tls.crt": "tls.crt", "tls.key": "tls.key", "ca.crt": "tls.crt"} {
		text, err := os.ReadFile(filepath.Join("internal/config/testdata/files", from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "etc/claimgate/tls", name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	summary, warnings, err := compile(main)
	if err != nil || len(warnings) > 0 || summary != "ok (3 tenants, 1 issuer, 2 rules)" {
		t.Errorf("%q, %v, %v", summary, warnings, err)
	}
	for _, file := range []string{main, filepath.Join(dir, "etc/claimgate/tenants/acme.yaml")} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(text, "nonsense: true\n"...), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := compile(main); !errors.As(err, new(config.Problems)) || !strings.Contains(err.Error(), "nonsense") {
			t.Errorf("a mistake in %s: %v", filepath.Base(file), err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
