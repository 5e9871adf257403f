package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	pprof "github.com/google/pprof/profile"
)

// part is a share of the processor's time. A sample belongs to the first part,
// from the innermost function outwards, that one of its functions is in.
type part struct {
	name     string
	prefixes []string
}

// parts returns all of them. The order decides where a function is in several.
func parts() []part {
	return []part{
		{"system calls", []string{"internal/runtime/syscall.", "syscall.", "runtime.futex", "runtime.epoll", "runtime.usleep", "runtime.write1", "runtime.nanotime", "runtime.osyield"}},
		{"garbage collection", []string{"runtime.gc", "runtime.bgsweep", "runtime.bgscavenge", "runtime.scanobject", "runtime.markroot", "runtime.(*sweep", "runtime.wbBuf"}},
		{"growing of stacks", []string{"runtime.newstack", "runtime.copystack", "runtime.morestack"}},
		{"allocation", []string{"runtime.mallocgc", "runtime.newobject", "runtime.makeslice", "runtime.growslice", "runtime.makemap", "runtime.concatstring", "runtime.slicebytetostring", "runtime.rawstring"}},
		{"scheduler", []string{"runtime.schedule", "runtime.findRunnable", "runtime.park_m", "runtime.goready", "runtime.ready", "runtime.mcall", "runtime.gopark", "runtime.goexit0", "runtime.newproc", "runtime.chansend", "runtime.chanrecv", "runtime.selectgo", "runtime.mstart", "runtime.wakep", "runtime.resetspinning", "runtime.netpoll", "runtime.sysmon", "runtime.entersyscall", "runtime.exitsyscall", "runtime.reentersyscall"}},
		{"protobuf", []string{"google.golang.org/protobuf/", "google.golang.org/grpc/encoding/proto", "github.com/envoyproxy/go-control-plane/"}},
		{"cryptography", []string{"crypto/"}},
		{"JWT libraries", []string{"github.com/golang-jwt/", "github.com/MicahParks/", "encoding/json"}},
		{"Rego", []string{"github.com/open-policy-agent/"}},
		{"claimgate: token", []string{"github.com/claimgate/claimgate/authz/token."}},
		{"claimgate: policy", []string{"github.com/claimgate/claimgate/policy."}},
		{"claimgate: engine", []string{"github.com/claimgate/claimgate/authz."}},
		{"claimgate: protocol", []string{"github.com/claimgate/claimgate/envoy."}},
		{"claimgate: telemetry", []string{"github.com/claimgate/claimgate/cmd/claimgate/internal/telemetry", "github.com/prometheus/", "go.uber.org/zap"}},
		{"HPACK and frames", []string{"golang.org/x/net/http2", "google.golang.org/grpc/internal/transport.(*framer)"}},
		{"gRPC", []string{"google.golang.org/grpc"}},
	}
}

const elsewhere = "elsewhere"

// printShares reads a processor profile and prints the parts, the greatest
// first.
func printShares(out io.Writer, profile []byte) error {
	p, err := pprof.Parse(bytes.NewReader(profile))
	if err != nil {
		return err
	}
	shares, total := sharesOf(p)
	names := slices.SortedFunc(maps.Keys(shares), func(a, b string) int {
		return cmp.Or(cmp.Compare(shares[b], shares[a]), cmp.Compare(a, b))
	})
	for _, name := range names {
		if _, err := fmt.Fprintf(out, "%6.1f %%  %s\n", 100*float64(shares[name])/float64(max(total, 1)), name); err != nil {
			return err
		}
	}
	return nil
}

func sharesOf(p *pprof.Profile) (shares map[string]int64, total int64) {
	shares = map[string]int64{}
	last := len(p.SampleType) - 1 // nanoseconds
	for _, sample := range p.Sample {
		shares[partOf(sample)] += sample.Value[last]
		total += sample.Value[last]
	}
	return shares, total
}

// partOf looks from the innermost function outwards.
func partOf(sample *pprof.Sample) string {
	all := parts()
	for _, location := range sample.Location {
		for _, line := range location.Line {
			if line.Function == nil {
				continue
			}
			for _, one := range all {
				if slices.ContainsFunc(one.prefixes, func(prefix string) bool { return strings.HasPrefix(line.Function.Name, prefix) }) {
					return one.name
				}
			}
		}
	}
	return elsewhere
}
