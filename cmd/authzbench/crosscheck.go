package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// crossCheck is what h2load, another load generator, says of the same servers:
// saturated, one token, answers looked at no further than their HTTP status.
type crossCheck struct {
	Version string            `json:"version,omitempty"` // or why it was not run
	Results []crossCheckEntry `json:"results,omitempty"`
}

type crossCheckEntry struct {
	Variant    string  `json:"variant"`
	Requests   int     `json:"requests"`
	Failed     int     `json:"failed"`
	CPUSeconds float64 `json:"cpuSeconds"`
}

const (
	crossRequests = 100_000
	crossLimit    = time.Minute
)

var (
	errCross  = errors.New("h2load says nothing that can be read")
	succeeded = regexp.MustCompile(`(\d+) succeeded, (\d+) failed, (\d+) errored`)
)

// crossCheck asks stock, floor and claimgate by h2load, where it is installed.
func (b *bench) crossCheck(ctx context.Context) (*crossCheck, error) {
	if !b.cross {
		return nil, nil
	}
	binaryFile, err := exec.LookPath("h2load")
	if err != nil {
		return &crossCheck{Version: "not installed"}, nil //nolint:nilerr // the result says it
	}
	c := &crossCheck{Version: "unknown"}
	if out, err := exec.CommandContext(ctx, binaryFile, "--version").Output(); err == nil { //nolint:gosec // found on PATH
		c.Version = strings.TrimSpace(string(out))
	}
	for _, name := range []string{stock, floor, claimgate} {
		s := b.server(name, usual())
		if s == nil {
			continue
		}
		entry, err := s.h2load(ctx, binaryFile, b.dir)
		if err != nil {
			return nil, err
		}
		c.Results = append(c.Results, entry)
	}
	return c, nil
}

// h2load runs it once and measures the server meanwhile.
func (s *server) h2load(ctx context.Context, binaryFile, dir string) (crossCheckEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, crossLimit)
	defer cancel()
	file := filepath.Join(dir, "frame")
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(s.traffic.frames[0])))
	if err := os.WriteFile(file, append(frame, s.traffic.frames[0]...), 0o600); err != nil {
		return crossCheckEntry{}, err
	}
	base := strings.Replace(s.address, "unix://", "unix:", 1)
	command := exec.CommandContext(ctx, binaryFile, "-n", strconv.Itoa(crossRequests), "-c", strconv.Itoa(connections), "-m", "50", "-p", "h2c", //nolint:gosec // found on PATH
		"-d", file, "-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "grpc-timeout: 5S",
		"--base-uri", base, "http://authz/envoy.service.auth.v3.Authorization/Check")
	before, err := cpuTime(s.command.Process.Pid)
	if err != nil {
		return crossCheckEntry{}, err
	}
	out, err := command.CombinedOutput()
	if err != nil {
		return crossCheckEntry{}, fmt.Errorf("h2load: %w: %s", err, bytes.TrimSpace(out))
	}
	after, err := cpuTime(s.command.Process.Pid)
	if err != nil {
		return crossCheckEntry{}, err
	}
	found := succeeded.FindSubmatch(out)
	if found == nil {
		return crossCheckEntry{}, fmt.Errorf("%w: %s", errCross, bytes.TrimSpace(out))
	}
	good, _ := strconv.Atoi(string(found[1]))
	return crossCheckEntry{Variant: s.name, Requests: crossRequests, Failed: crossRequests - good, CPUSeconds: (after - before).Seconds()}, nil
}
