package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the real binary, which the first test that needs it builds.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// theBinary returns the path of a claimgate that was built from this tree.
func theBinary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "cg-bin-"); built.err != nil {
			return
		}
		cmd := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-o", built.dir, "../..")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "claimgate")
}

func removeBinary() {
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
}

// transcript is a log that may be read while it is written.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// server is one process of the real binary.
type server struct {
	cmd       *exec.Cmd
	log       *transcript
	addresses map[string]string
	took      time.Duration // from its start until it was ready
	ended     chan error
	stopOnce  sync.Once
	err       error
}

// startServer runs `claimgate serve` and returns once it is ready.
func startServer(t *testing.T, config string) *server {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	s := &server{log: &transcript{}, ended: make(chan error, 1)}
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), theBinary(t), "serve", "--config", config, "--ready-file", ready)
	s.cmd.Stderr, s.cmd.SysProcAttr = s.log, dieWithParent()
	began := time.Now()
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.stop() })
	eventually(t, "the server is ready", func() bool {
		select {
		case err := <-s.ended:
			t.Fatalf("it ended with %v:\n%s", err, s.log)
		default:
		}
		text, err := os.ReadFile(ready)
		if err != nil || json.Unmarshal(text, &s.addresses) != nil {
			return false
		}
		status, _, err := s.http(http.MethodGet, "health", "/readyz")
		return err == nil && status == http.StatusOK
	})
	s.took = time.Since(began)
	return s
}

// run starts the process on a thread of its own, which the death signal of
// Linux follows.
func (s *server) run() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		if started <- err; err == nil {
			s.ended <- s.cmd.Wait()
		}
	}()
	return <-started
}

// stop asks the process to end and waits until it has.
func (s *server) stop() error {
	s.stopOnce.Do(func() {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // or it has ended
		timer := time.NewTimer(20 * time.Second)
		defer timer.Stop()
		select {
		case s.err = <-s.ended:
		case <-timer.C:
			_ = s.cmd.Process.Kill()
			s.err = fmt.Errorf("it did not end in time: %w", <-s.ended)
		}
	})
	return s.err
}

// http asks one of the pages.
func (s *server) http(method, listener, path string) (status int, body string, err error) {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+s.addresses[listener]+path, nil)
	if err != nil {
		return 0, "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// shows waits until the metrics, the status page and the log hold these texts.
func (s *server) shows(t *testing.T, what string, metrics, page, log []string) {
	t.Helper()
	missing := ""
	holds := func(where, text string, all []string) bool {
		for _, one := range all {
			if !strings.Contains(text, one) {
				missing = where + ": " + one + "\n" + text
				return false
			}
		}
		return true
	}
	defer func() {
		if t.Failed() {
			t.Logf("%s: missing in %s", what, missing)
		}
	}()
	eventually(t, what, func() bool {
		_, measured, err := s.http(http.MethodGet, "metrics", "/metrics")
		if err != nil {
			missing = err.Error()
			return false
		}
		_, status, err := s.http(http.MethodGet, "admin", "/")
		if err != nil {
			missing = err.Error()
			return false
		}
		return holds("metrics", measured, metrics) && holds("page", status, page) && holds("log", s.log.String(), log)
	})
}

// memory tells how much of it the process uses, as far as the system does.
func (s *server) memory() string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return "memory unknown"
	}
	var figures []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "VmRSS:") || strings.HasPrefix(line, "VmHWM:") {
			figures = append(figures, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(figures, ", ")
}
