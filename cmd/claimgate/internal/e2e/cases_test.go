package e2e

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/issuer"
)

// The cases are six ways to run claimgate, each with files of its own below
// testdata/cases, a claimgate that follows them, and an Envoy with the
// recommended profile.

// caseIssuer is an issuer that the files of a case name by its address.
type caseIssuer struct {
	name, address, algorithm string
	handler                  http.Handler // in place of one issuer
}

// theCase is a running case.
type theCase struct {
	*world
	dir string // the files as they are run
}

const caseFiles = "testdata/cases"

// openCase runs a case until the test ends. prepare may write more files.
func openCase(t *testing.T, name string, prepare func(dir string), issuers ...caseIssuer) *theCase {
	t.Helper()
	return openFiles(t, filepath.Join(caseFiles, name), prepare, issuers...)
}

func openFiles(t *testing.T, folder string, prepare func(dir string), issuers ...caseIssuer) *theCase {
	t.Helper()
	requireEnvoy(t)
	c := &theCase{world: &world{issuers: map[string]*issuer.Issuer{}}, dir: t.TempDir()}
	t.Cleanup(c.stop)
	if err := c.startUpstream(""); err != nil {
		t.Fatal(err)
	}
	c.copyFiles(t, folder, c.startCaseIssuers(t, issuers))
	if prepare != nil {
		prepare(c.dir)
	}
	l, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	gate, err := demo.StartGate(t.Context(), filepath.Join(c.dir, "claimgate.yaml"), l)
	if err != nil {
		t.Fatal(err)
	}
	c.gates, c.stops = []*demo.Gate{gate}, append(c.stops, gate.Stop)
	if err := c.startCaseEnvoy(at); err != nil {
		t.Fatal(err)
	}
	return c
}

// startCaseIssuers returns the addresses of the files and those in use.
func (c *theCase) startCaseIssuers(t *testing.T, issuers []caseIssuer) []string {
	t.Helper()
	var moved []string
	for _, spec := range issuers {
		l, err := listen()
		if err != nil {
			t.Fatal(err)
		}
		moved = append(moved, spec.address, l.Addr().String())
		if spec.handler == nil {
			idp, err := issuer.New(issuer.Options{URL: "http://" + l.Addr().String(), Algorithm: spec.algorithm})
			if err != nil {
				t.Fatal(err)
			}
			c.issuers[spec.name], spec.handler = idp, idp
		}
		c.serveHTTP(l, spec.handler)
	}
	return moved
}

func (c *theCase) copyFiles(t *testing.T, folder string, moved []string) {
	t.Helper()
	files := os.DirFS(folder)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(c.dir, path), 0o700)
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		changed := strings.NewReplacer(moved...).Replace(string(text))
		if path == "claimgate.yaml" {
			changed = inTheCodec(changed)
		}
		return os.WriteFile(filepath.Join(c.dir, path), []byte(changed), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (c *theCase) startCaseEnvoy(gate string) error {
	grpcUpstream, err := c.startGRPCUpstream()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	err = template.Must(template.New("").Parse(envoyTemplate)).Execute(&text, map[string]any{
		"Listeners": []listenerSpec{{Name: viaProfile, Cluster: "gate", Raw: true, Normalises: true}},
		"Clusters": []clusterSpec{
			{Name: "gate", Port: portOf(gate), HTTP2: true},
			{Name: "upstream", Port: portOf(c.upstream.address)},
			{Name: "grpc_upstream", Port: portOf(grpcUpstream), HTTP2: true},
		},
	})
	if err != nil {
		return err
	}
	return c.runEnvoy(text.Bytes())
}

// write puts a file in force as an operator does, by rename.
func (c *theCase) write(t *testing.T, path, text string) {
	t.Helper()
	target := filepath.Join(c.dir, path)
	draft := filepath.Join(filepath.Dir(target), ".draft")
	if err := os.WriteFile(draft, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(draft, target); err != nil {
		t.Fatal(err)
	}
}

// send sends a request and returns the answer.
func (c *theCase) send(t *testing.T, method, host, target string, header ...string) answer {
	t.Helper()
	return c.raw(t, viaProfile, lines(method, target, host, header...))
}

// question is one request of a case and what must come of it.
type question struct {
	what, method, host, target string
	header                     []string
	status                     int
	reason                     string
	saw                        string // of the upstream: name=value for the headers asked about
}

// ask asks every question; watch names the headers of `saw`.
func (c *theCase) ask(t *testing.T, watch []string, questions []question) {
	t.Helper()
	for _, q := range questions {
		t.Run(q.what, func(t *testing.T) {
			got := c.send(t, q.method, q.host, q.target, q.header...)
			if got.status != q.status || got.reason != q.reason {
				t.Fatalf("%s %s%s: got %d %s, want %d %s", q.method, q.host, q.target, got.status, got.reason, q.status, q.reason)
			}
			if (got.seen != nil) != (q.status == http.StatusOK) {
				t.Fatalf("the upstream was reached: %v", got.seen != nil)
			}
			if got.seen != nil {
				if saw := strings.Join(got.seen.With(watch), " "); saw != q.saw {
					t.Errorf("the upstream saw %q, want %q", saw, q.saw)
				}
			}
		})
	}
}

// TestCaseFiles: the files of each case are good as they stand, without a
// warning, and no case is left unrun.
func TestCaseFiles(t *testing.T) {
	run := []string{"claim", "machines", "own-idp", "public", "realms", "two-issuers"}
	entries, err := os.ReadDir(caseFiles)
	if err != nil || len(entries) != len(run) {
		t.Fatalf("%d cases, %v; want %v", len(entries), err, run)
	}
	for i, entry := range entries {
		if entry.Name() != run[i] {
			t.Errorf("no test runs case %s", entry.Name())
		}
		document, err := config.Load(filepath.Join(caseFiles, entry.Name(), "claimgate.yaml"))
		if err != nil {
			t.Error(err)
			continue
		}
		if built, err := document.Build(config.Runtime{}); err != nil || len(built.Warnings) > 0 {
			t.Errorf("%s: %v, warnings %v", entry.Name(), err, built)
		}
	}
}
