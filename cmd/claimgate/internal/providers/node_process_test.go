package providers

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	nodeFiles    = "testdata/oidc-provider"
	buildFolder  = "../../../../.build"
	nodeModules  = "node_modules"
	installLimit = 5 * time.Minute
	startLimit   = time.Minute
	endLimit     = 5 * time.Second
)

// startNode runs testdata/oidc-provider/server.mjs until the test ends and
// returns its issuer identifier.
func startNode(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		nodeUnavailable(t, err)
	}
	modules, err := installModules(t)
	if err != nil {
		nodeUnavailable(t, err)
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "server.mjs"} {
		copyFile(t, dir, name)
	}
	if err := os.Symlink(modules, filepath.Join(dir, nodeModules)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "server.mjs")
	cmd.Dir = dir
	return run(t, cmd)
}

// nodeUnavailable skips the test, or fails it where Node is demanded.
func nodeUnavailable(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CLAIMGATE_REQUIRE_NODE") == "1" {
		t.Fatalf("CLAIMGATE_REQUIRE_NODE=1: %v", err)
	}
	t.Skipf("THIS TEST NEEDS NODE AND NPM AND PROVES NOTHING NOW: %v", err)
}

// installModules returns the folder of the locked npm packages, which it
// installs below .build unless they are there already.
func installModules(t *testing.T) (string, error) {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join(nodeFiles, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	build, err := filepath.Abs(buildFolder)
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(build, "oidc-provider-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(home); err == nil {
		return filepath.Join(home, nodeModules), nil
	}
	if err := os.MkdirAll(build, 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(build, "oidc-provider-new-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	if err := install(t, fresh); err != nil {
		return "", err
	}
	err = os.Rename(fresh, home) // whole or not at all
	if _, there := os.Stat(home); err != nil && there != nil {
		t.Fatal(err)
	}
	return filepath.Join(home, nodeModules), nil
}

func install(t *testing.T, dir string) error {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		return err
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		copyFile(t, dir, name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), installLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

func copyFile(t *testing.T, dir, name string) {
	t.Helper()
	text, err := fs.ReadFile(os.DirFS(nodeFiles), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// run starts the command and returns the first line that it writes. The
// command ends when its standard input does: with the test, and with this
// process however it ends.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var errors bytes.Buffer
	cmd.Stderr = &errors
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Cancel, cmd.WaitDelay = stdin.Close, endLimit // then it is killed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		first <- strings.TrimSpace(line)
	}()
	timer := time.NewTimer(startLimit)
	defer timer.Stop()
	var line string
	select {
	case line = <-first:
	case <-timer.C:
	}
	if line == "" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("%s did not start: %s", cmd, errors.String())
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context ended it
	return line
}
