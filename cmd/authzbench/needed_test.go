package main

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// allowed is the setting that names the headers, as YAML has it.
type allowed struct {
	Patterns []struct {
		Exact     string `yaml:"exact"`
		Prefix    string `yaml:"prefix"`
		SafeRegex struct {
			Regex string `yaml:"regex"`
		} `yaml:"safe_regex"`
	} `yaml:"patterns"`
}

// TestNeededHeadersAreThoseOfTheExamples: what is measured as lean is what the
// examples and the page on performance tell operators to send, in frames and
// through Envoy.
func TestNeededHeadersAreThoseOfTheExamples(t *testing.T) {
	lean := front{name: "lean", server: claimgate, lean: true}
	b := &bench{world: &world{issuer: "http://127.0.0.1:7"}}
	b.servers = []*server{{variant: variant{name: claimgate}, address: "unix:///run/x.sock", traffic: &traffic{workload: lean.load()}}}
	written, err := b.envoyConfig([]front{lean}, []int{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string][]byte{"the benchmark's Envoy": written}
	for _, file := range []string{"mesh-sidecar/envoy.yaml", "mesh-sidecar/mutual-tls/envoy.yaml", "multi-tenant/envoy.yaml"} {
		if sources[file], err = os.ReadFile("../../examples/" + file); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile("PERFORMANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := bytes.Cut(page, []byte("```yaml\ngrpc_service:"))
	block, _, _ = bytes.Cut(block, []byte("```"))
	sources["PERFORMANCE.md"] = append([]byte("grpc_service:"), block...)
	for name, text := range sources {
		if got := patternsOf(t, text); !reflect.DeepEqual(got, neededHeaders()) {
			t.Errorf("%s allows %q, the lean frames have %q", name, got, neededHeaders())
		}
	}
}

func patternsOf(t *testing.T, text []byte) (patterns []pattern) {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var setting allowed
	if node := settingOf(&document, "allowed_headers"); node == nil || node.Decode(&setting) != nil {
		t.Fatal("there are no allowed_headers")
	}
	for _, p := range setting.Patterns {
		patterns = append(patterns, pattern{p.Exact, p.Prefix, p.SafeRegex.Regex})
	}
	return patterns
}

// settingOf finds the first member of a name, at any depth.
func settingOf(node *yaml.Node, name string) *yaml.Node {
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 && child.Value == name {
			return node.Content[i+1]
		}
		if found := settingOf(child, name); found != nil {
			return found
		}
	}
	return nil
}

func TestNeededNames(t *testing.T) {
	for name, want := range map[string]bool{
		"authorization": true, ":path": true, "content-type": true, "x-http-method-override": true, "x-http-method": true,
		"x-method-override": true, "x.user.id": true, "x_user_id": true, "X-User": true,
		":authority": false, ":method": false, "accept": false, "cookie": false, "x-method": false, "x-request-id": false, "traceparent": false,
	} {
		if got := isNeeded(name); got != want {
			t.Errorf("%s is needed: %t", name, got)
		}
	}
	if got := neededNames(); !strings.HasPrefix(got, "authorization, :path, ") || !strings.HasSuffix(got, ", content-type, odd names") {
		t.Error(got)
	}
}
