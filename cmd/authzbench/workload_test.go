package main

import (
	"bytes"
	"testing"
)

// TestTrafficMisses: so many frames as are to be new are those that did not
// come for long, whatever client sends them.
func TestTrafficMisses(t *testing.T) {
	for _, c := range []struct {
		hits   float64
		misses int
	}{{1, 0}, {0.99, 10}, {0.5, 500}, {0, 1000}} {
		load := usual()
		load.Hits = c.hits
		sent := &traffic{workload: load, frames: make([][]byte, load.Tokens)}
		for i := range sent.frames {
			sent.frames[i] = []byte{byte(i >> 8), byte(i)}
		}
		hot, misses := sent.hot(), 0
		var own cursor
		for range 1000 {
			frame := sent.frame(&own)
			if at := int(frame[0])<<8 | int(frame[1]); at >= hot {
				misses++
			}
		}
		if misses != c.misses {
			t.Errorf("hits %v: %d misses of 1000, want %d", c.hits, misses, c.misses)
		}
	}
}

// TestColdComesLate: a frame that is to be new comes again only after all
// others that are, and long after as many as a server is to keep.
func TestColdComesLate(t *testing.T) {
	load := usual()
	load.Hits = 0
	sent := &traffic{workload: load, frames: make([][]byte, load.Tokens)}
	for i := range sent.frames {
		sent.frames[i] = []byte{byte(i >> 8), byte(i)}
	}
	clients := make([]cursor, 7)
	last := map[string]int{}
	for n := range 5000 {
		frame := string(sent.frame(&clients[n%len(clients)]))
		if before, seen := last[frame]; seen && n-before < 10*load.cache() {
			t.Fatalf("frame %x comes again after %d checks, and %d are kept", frame, n-before, load.cache())
		}
		last[frame] = n
	}
}

// TestPoolsAreShared: workloads of one pool send the same tokens, in the frames
// that each asks for.
func TestPoolsAreShared(t *testing.T) {
	w := smallWorld(t)
	few, more, lean := usual(), usual(), usual()
	few.Tokens, more.Tokens, lean.Tokens, lean.Lean = 2, 3, 2, true
	var all []*traffic
	for _, load := range []workload{few, more, lean} {
		sent, err := w.traffic(load)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sent)
	}
	if !bytes.Equal(all[0].frames[1], all[1].frames[1]) {
		t.Error("the second token is another one where there are more")
	}
	if len(all[2].frames[0]) >= len(all[0].frames[0])*3/4 {
		t.Errorf("a lean frame has %d bytes of %d", len(all[2].frames[0]), len(all[0].frames[0]))
	}
}

func TestWorkloadNames(t *testing.T) {
	odd := workload{Tokens: 5, Tenants: 2, Hits: 1, Algorithm: "ES256", Lean: true}
	for want, load := range map[string]workload{"": usual(), "tokens=5 tenants=2 ES256 lean": odd} {
		if got := load.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
