package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed childprofile.go
var childProfile string

// profile writes a processor profile of each server at each of its levels, and
// says where the time went. Nothing is measured, since profiling costs, too.
func (s *settings) profile(ctx context.Context, stdout, progress io.Writer) error {
	if err := os.MkdirAll(s.profileDir, 0o755); err != nil { //nolint:gosec // profiles, for everybody to read
		return err
	}
	dir, err := os.MkdirTemp("", "authzbench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if s.gate, err = buildProfiled(ctx, dir); err != nil {
		return err
	}
	return s.withServers(ctx, progress, func(b *bench, _ []contender) error {
		for _, one := range b.servers {
			for _, l := range one.at {
				if err := one.profileAt(ctx, l, s, stdout); err != nil {
					return fmt.Errorf("profile %s at %s: %w", one.name, l.name, err)
				}
			}
		}
		return nil
	})
}

// buildProfiled builds claimgate with what listens to our signals laid over it,
// so that the binary that people run has no such thing.
func buildProfiled(ctx context.Context, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/claimgate/claimgate").Output()
	if err != nil {
		return "", fmt.Errorf("find claimgate's source: %w", err)
	}
	root := strings.TrimSpace(string(out))
	source, overlay, binary := filepath.Join(dir, "profile.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "claimgate")
	text := childProfile + "\nfunc init() { profileOnSignals() }\n"
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		return "", err
	}
	laid, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, "cmd", "claimgate", "profile_overlay.go"): source}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, laid, 0o600); err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, "go", "build", "-C", root, "-overlay", overlay, "-o", binary, "./cmd/claimgate") //nolint:gosec // our own paths
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build claimgate: %w\n%s", err, out)
	}
	return binary, nil
}

// profileAt keeps one profile and prints its shares.
func (s *server) profileAt(ctx context.Context, l level, set *settings, stdout io.Writer) error {
	written := filepath.Join(s.dir, "cpu.pprof")
	s.load(ctx, l, set.plan.duration/10)
	if err := s.command.Process.Signal(syscall.SIGUSR1); err != nil {
		return err
	}
	s.load(ctx, l, set.plan.duration)
	if err := s.command.Process.Signal(syscall.SIGUSR2); err != nil {
		return err
	}
	if err := awaitFile(ctx, written); err != nil {
		return err
	}
	name := strings.NewReplacer("/", "-per-", " ", "-", "=", "-").Replace(strings.TrimSpace(s.name+" "+s.traffic.String()) + " " + l.name)
	kept := filepath.Join(set.profileDir, name+".pprof")
	text, err := os.ReadFile(written)
	if err != nil {
		return err
	}
	if err := os.Remove(written); err != nil {
		return err
	}
	if err := os.WriteFile(kept, text, 0o644); err != nil { //nolint:gosec // a result, for everybody to read
		return err
	}
	_, _ = fmt.Fprintf(stdout, "\n%s\n", kept)
	return printShares(stdout, text)
}

// awaitFile waits until a file is there.
func awaitFile(ctx context.Context, file string) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if _, err := os.Stat(file); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s does not appear: %w", file, context.Cause(ctx))
		}
	}
}
