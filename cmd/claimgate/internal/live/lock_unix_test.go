//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package live

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// process is another process on the same files.
type process struct {
	*exec.Cmd
	stdin io.WriteCloser
	says  string // when it began
}

func (s *scene) process() *process {
	s.t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0])}
	p.Env = append(os.Environ(), secondProcess+"="+s.dir)
	var err error
	if p.stdin, err = p.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	stdout, err := p.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	if p.says, err = bufio.NewReader(stdout).ReadString('\n'); err != nil {
		s.t.Fatal(err)
	}
	p.says = strings.TrimSpace(p.says)
	return p
}

// kept returns all that is written in the state directory.
func (s *scene) kept() []byte {
	s.t.Helper()
	var all []byte
	for _, pattern := range []string{memoryFile, "tenants.*.log"} {
		paths, err := filepath.Glob(s.path("state", pattern))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				s.t.Fatal(err)
			}
			all = append(append(append(all, path...), '\n'), text...)
		}
	}
	return all
}

// lockedScene is a scene whose process tells by the channel of every change.
func lockedScene(t *testing.T) (s *scene, status chan Status) {
	t.Helper()
	s = newStage(t, modelMain, map[string]string{"a": "host a\n", "b": "host b\n"})
	s.mkdir("state")
	s.boot()
	status = make(chan Status, 64)
	s.live.opts.Lock, s.live.opts.Observe = LockDirectory, func(now Status) { status <- now }
	return s, status
}

// TestP6TwoProcessesOfOneStateDirectory: a process that begins while another has the
// state directory serves, knows what was kept, and writes nothing there; when the
// other one ends, however it ends, it takes the directory over.
func TestP6TwoProcessesOfOneStateDirectory(t *testing.T) {
	for how, end := range map[string]func(*process) error{
		"killed":  func(p *process) error { return p.Process.Kill() },
		"stopped": func(p *process) error { return p.stdin.Close() },
	} {
		t.Run(how, func(t *testing.T) {
			s, status := lockedScene(t)
			first := s.process()
			if first.says != "remembers true" {
				t.Fatalf("the first says %q", first.says)
			}
			before := s.kept()
			s.tenant("b", "garbage")
			if err := s.live.Start(); err != nil {
				t.Fatal(err)
			}
			s.tenant("c", "host c\n")
			s.reload()
			s.want("beside the first", "a=active b=quarantined c=active", map[string]string{"a": "a: ", "b": unavailable, "c": "c: "})
			if now := s.kept(); !bytes.Equal(now, before) || s.live.Status().Remembers {
				t.Errorf("it wrote\n%s\nwhere there was\n%s", now, before)
			}
			if lines := s.logs.FilterMessageSnippet("another process has stateDir").Len(); lines != 1 {
				t.Errorf("%d lines about the other process, want 1: %v", lines, s.logs.All())
			}

			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); s.live.Run(ctx) }()
			defer func() { cancel(); <-ended }()
			if err := end(first); err != nil {
				t.Fatal(err)
			}
			limit := time.After(20 * time.Second)
			for remembers := false; !remembers; {
				select {
				case now := <-status:
					remembers = now.Remembers
				case <-limit:
					t.Fatal("it never took the directory over")
				}
			}
			list, err := s.live.memory.load()
			if err != nil || list["a"].Rank != 1 || list["b"].Rank != 2 || list["c"].Rank != 3 {
				t.Errorf("kept are %v, %v", list, err)
			}
			if third := s.process(); third.says != "remembers false" {
				t.Errorf("a third says %q", third.says)
			}
		})
	}
}

// TestP6TheStateDirectoryIsLeft: whoever has ended writes nothing there any more,
// and the next one has it at once.
func TestP6TheStateDirectoryIsLeft(t *testing.T) {
	s, _ := lockedScene(t)
	if err := s.live.Start(); err != nil || !s.live.Status().Remembers {
		t.Fatalf("remembers %v, %v", s.live.Status().Remembers, err)
	}
	if _, err := LockDirectory(s.path("state")); !errors.Is(err, ErrInUse) {
		t.Errorf("meanwhile: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.live.Run(ctx)
	before := s.kept()
	next, err := LockDirectory(s.path("state"))
	if err != nil {
		t.Fatal(err)
	}
	s.tenant("c", "host c\n")
	s.reload()
	if now := s.kept(); !bytes.Equal(now, before) {
		t.Errorf("it wrote\n%s\nwhere there was\n%s", now, before)
	}
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}

// A start that fails leaves the directory to others.
func TestP6AStartThatFailsLeavesTheStateDirectory(t *testing.T) {
	s, _ := lockedScene(t)
	s.write("main", modelMain+"tenant x h\ntenant y h\n")
	if err := s.live.Start(); err == nil {
		t.Fatal("it started")
	}
	lock, err := LockDirectory(s.path("state"))
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}

// A link in place of the lock is not followed: nothing outside is made or locked.
func TestTheLockIsNoLink(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Symlink(outside, filepath.Join(dir, lockFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := LockDirectory(dir); err == nil || errors.Is(err, ErrInUse) {
		t.Errorf("locked: %v", err)
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("a file was made outside")
	}
}
