package live

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// secondProcess is the variable by which this test binary is a process of its own
// that has the toy files in a directory in force.
const secondProcess = "CLAIMGATE_TEST_TOY"

func newToy(dir string) *toy {
	return &toy{dir: dir, compiles: map[string]int{}, snapshots: map[*authz.Snapshot]toyWorld{}, built: map[*authz.Snapshot]map[string]*Tenant{}}
}

// runToy has the files in force, says how that went, and ends with its input.
func runToy(dir string, in io.Reader, out io.Writer) {
	c := New(Options{Documents: newToy(dir), Keys: &toyKeys{}, Swap: func(*authz.Snapshot) {}, Now: later, Lock: LockDirectory})
	if err := c.Start(); err != nil {
		_, _ = fmt.Fprintln(out, err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { c.Run(ctx); close(ended) }()
	_, _ = fmt.Fprintln(out, "remembers", c.Status().Remembers)
	_, _ = io.Copy(io.Discard, in)
	cancel()
	<-ended
}

// A lock that cannot be had for another reason than another process is said, and
// changes nothing.
func TestP6AStateDirectoryThatCannotBeLocked(t *testing.T) {
	s := newStage(t, modelMain, map[string]string{"a": "host a\n"})
	s.mkdir("state")
	s.boot()
	s.live.opts.Lock = func(string) (io.Closer, error) { return nil, io.ErrNoProgress }
	if err := s.live.Start(); err != nil {
		t.Fatal(err)
	}
	if !s.live.Status().Remembers || s.logs.FilterMessageSnippet("cannot be locked").Len() != 1 {
		t.Errorf("remembers %v; %v", s.live.Status().Remembers, s.logs.All())
	}
	if list, err := s.live.memory.load(); err != nil || len(list) != 1 {
		t.Errorf("kept are %v, %v", list, err)
	}
}

// TestP6WhatAnotherProcessWritesIsReadWhole: of what was kept before a look, nothing
// is missed by it, though everything is written again meanwhile.
func TestP6WhatAnotherProcessWritesIsReadWhole(t *testing.T) {
	const changes = 100
	k := newKeeping(t)
	reader, err := openMemory(k.dir)
	if err != nil {
		t.Fatal(err)
	}
	var saved atomic.Int64
	saved.Store(3)
	var writing sync.WaitGroup
	defer writing.Wait()
	writing.Go(func() {
		for n := range changes {
			before := k.world
			k.put(fmt.Sprint("n", n)) // to the journal
			if err := k.save(before, k.world, n%2 == 0); err != nil {
				t.Error(err)
				return
			}
			saved.Add(1)
		}
	})
	for looks := 0; saved.Load() < changes+3 && !t.Failed(); looks++ {
		least := int(saved.Load())
		list, err := reader.load()
		if err != nil || len(list) < least {
			t.Fatalf("look %d: %d are known of %d: %v", looks, len(list), least, err)
		}
	}
}
