package e2e

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/demo"
)

//go:embed testdata/many.yaml
var manyTemplate string

// many is a configuration of many tenants, m0 and on, in real files.
type many struct {
	dir, config string
	main        string // text of the good main file
}

func newMany(t *testing.T, w *world, tenants int) *many {
	t.Helper()
	m := &many{dir: t.TempDir()}
	m.config = filepath.Join(m.dir, "claimgate.yaml")
	var text bytes.Buffer
	fields := map[string]string{"Socket": w.binary, "Issuer": w.common}
	if err := template.Must(template.New("").Parse(manyTemplate)).Execute(&text, fields); err != nil {
		t.Fatal(err)
	}
	m.main = inTheCodec(text.String())
	m.replace(t, "claimgate.yaml", m.main)
	for _, dir := range []string{"state", "tenants"} {
		if err := os.Mkdir(filepath.Join(m.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for k := range tenants {
		m.tenant(t, fmt.Sprint("m", k), version("v1"))
	}
	return m
}

func version(v string) string { return "labels: {version: " + v + "}\n" }

// replace replaces a file by rename.
func (m *many) replace(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(m.dir, name)
	draft := filepath.Join(filepath.Dir(path), ".draft")
	if err := os.WriteFile(draft, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(draft, path); err != nil {
		t.Fatal(err)
	}
}

func (m *many) tenant(t *testing.T, name, text string) {
	t.Helper()
	m.replace(t, "tenants/"+name+".yaml", text)
}

func (m *many) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(m.dir, "tenants", name+".yaml")); err != nil {
		t.Fatal(err)
	}
}

func (m *many) move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(m.dir, from), filepath.Join(m.dir, to)); err != nil {
		t.Fatal(err)
	}
}

// enquiry is one request and its right answer.
type enquiry struct {
	host, path, token string
	status            int
	tenant            string // x-tenant at the upstream; "" where it must not get there
}

// ask sends it and returns what is wrong with the answer, or "".
func (q *enquiry) ask(ctx context.Context, client *http.Client, url string) (status int, wrong string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+q.path, nil)
	if err != nil {
		return 0, err.Error()
	}
	req.Host = q.host
	req.Header.Set("x-tenant", "forged")
	if q.token != "" {
		req.Header.Set("Authorization", "Bearer "+q.token)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	var seen demo.Seen
	reached := json.NewDecoder(res.Body).Decode(&seen) == nil && seen.Host != ""
	tenant, version := strings.Join(seen.Headers["x-tenant"], "|"), strings.Join(seen.Headers["x-version"], "|")
	if res.StatusCode == q.status && reached == (q.tenant != "") && tenant == q.tenant && (version == "v1" || !reached) {
		return res.StatusCode, ""
	}
	return res.StatusCode, fmt.Sprintf("%s%s: %d, upstream reached %t as %q %q; want %d as %q", q.host, q.path, res.StatusCode, reached, tenant, version, q.status, q.tenant)
}

// enquiries are four for each of so many tenants.
func (w *world) enquiries(t *testing.T, tenants int) []enquiry {
	t.Helper()
	tokens := make([]string, tenants)
	for k := range tokens {
		tokens[k] = w.mint(t, commonIssuer, map[string]any{"org_id": fmt.Sprint("m", k)})
	}
	all := make([]enquiry, 0, 4*tenants)
	for k := range tokens {
		name := fmt.Sprint("m", k)
		host := name + ".api.example"
		all = append(all,
			enquiry{host, "/orders/1", tokens[k], http.StatusOK, name},
			enquiry{host, "/orders/1", tokens[(k+1)%tenants], http.StatusForbidden, ""},
			enquiry{host, "/orders/secret/1", tokens[k], http.StatusForbidden, ""},
			enquiry{host, "/orders/1", "", http.StatusUnauthorized, ""})
	}
	return all
}

// crowd asks all the time, at a steady rate, and counts wrong answers.
type crowd struct {
	asked, wrong, down atomic.Int64
	first              atomic.Pointer[string]
	away               atomic.Bool // the server is being restarted: 503 is right
	running            sync.WaitGroup
	cancel             context.CancelFunc
}

const (
	crowdWorkers = 3
	crowdPace    = 5 * time.Millisecond
)

func (w *world) crowd(t *testing.T, questions []enquiry) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &crowd{cancel: cancel}
	url := "http://" + w.address(t, viaBinary)
	for worker := range crowdWorkers {
		c.running.Go(func() { c.work(ctx, url, questions, worker) })
	}
	t.Cleanup(c.leave)
	return c
}

func (c *crowd) work(ctx context.Context, url string, questions []enquiry, k int) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	pace := time.NewTicker(crowdPace)
	defer pace.Stop()
	for ; ; k += 7 { // no factor of their number, so that each comes up
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		away := c.away.Load()
		status, wrong := questions[k%len(questions)].ask(ctx, client, url)
		switch away = away || c.away.Load(); {
		case ctx.Err() != nil:
			return
		case wrong == "":
		case away && status == http.StatusServiceUnavailable:
			c.down.Add(1)
		default:
			c.wrong.Add(1)
			c.first.CompareAndSwap(nil, &wrong)
		}
		c.asked.Add(1)
	}
}

func (c *crowd) leave() { c.cancel(); c.running.Wait() }

// each waits until so many more were answered.
func (c *crowd) more(t *testing.T, n int64) {
	t.Helper()
	until := c.asked.Load() + n
	eventually(t, "the load goes on", func() bool { return c.asked.Load() >= until })
}
