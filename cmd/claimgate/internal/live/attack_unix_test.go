//go:build unix

package live

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// within fails the test where the work is not done in time: it would hold up
// every later reload.
func within(t *testing.T, what string, work func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: a reload never ends", what)
	}
}

// TestP6NoFileHoldsUpAReload puts something else than a file in the place of
// one. Tenants in force stay, the others go on, and nothing waits for a writer.
func TestP6NoFileHoldsUpAReload(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"a FIFO":           func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link to a FIFO": func(path string) error { return linkTo(path, syscall.Mkfifo) },
		"a device":         func(path string) error { return os.Symlink("/dev/zero", path) },
		"a dangling link":  func(path string) error { return os.Symlink("nowhere", path) },
		"a link to itself": func(path string) error { return os.Symlink(filepath.Base(path), path) },
		"a huge file": func(path string) error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 1<<30)
		},
		"a link to the main file": func(path string) error { return os.Symlink("../claimgate.yaml", path) },
		"a link out of it":        func(path string) error { return os.Symlink("/etc/passwd", path) },
	} {
		t.Run(name, func(t *testing.T) {
			a := newArena(t, 2)
			a.open()
			a.onLaterClock()
			for _, tenant := range []string{"t0", "new"} {
				path := a.path("tenants", tenant+".yaml")
				_ = os.Remove(path) // of new there is none
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
			}
			within(t, name, func() { a.live.reload(ask{all: true}) })
			a.live.opts.Now = func() time.Time { return later().Add(settleMost) }
			a.live.disk.now = a.live.opts.Now
			within(t, name, func() { a.live.reload(ask{}) })
			a.tenant("t1", arenaTenant("v2"))
			within(t, name, func() { a.live.reload(ask{}) })
			for tenant, version := range map[string]string{"t0": "v1", "t1": "v2"} {
				got := a.ask(tenant+".api.example.com", "/orders/1", a.token(tenant))
				if got != "allowed x-tenant="+tenant+" x-version="+version {
					t.Errorf("%s: %q; %+v", tenant, got, a.live.Status())
				}
			}
			if got := a.ask("new.api.example.com", "/orders/1", a.token("new")); strings.HasPrefix(got, "allowed") {
				t.Errorf("new: %q", got)
			}
		})
	}
}

func linkTo(path string, special func(string, uint32) error) error {
	target := filepath.Join(filepath.Dir(path), ".target-"+filepath.Base(path))
	if err := special(target, 0o600); err != nil {
		return err
	}
	return os.Symlink(target, path)
}

// TestP6FIFOBetweenListingAndReading: what was a file when it was listed need
// be none when it is read.
func TestP6FIFOBetweenListingAndReading(t *testing.T) {
	a := newArena(t, 1)
	a.open()
	path := a.path("tenants", "t0.yaml")
	before := a.live.world.tenants["t0"].good.File
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	documents := a.live.opts.Documents
	for what, known := range map[string]*File{"first": nil, "again": before} {
		within(t, what, func() {
			if file, err := documents.ReadTenant(Found{Path: path}, known); file != nil || err == nil {
				t.Errorf("%s: read %v, %v", what, file, err)
			}
		})
	}
}

// TestP6MainFIFO puts a FIFO in the place of the main file.
func TestP6MainFIFO(t *testing.T) {
	a := newArena(t, 1)
	a.open()
	a.onLaterClock()
	if err := os.Remove(a.path("claimgate.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(a.path("claimgate.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	within(t, "without a writer", func() { a.live.reload(ask{all: true}) })
	writer, err := os.OpenFile(a.path("claimgate.yaml"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	within(t, "with a writer that writes nothing", func() { a.live.reload(ask{all: true}) })
	if status := a.live.Status(); status.Main == nil || !strings.Contains(status.Main.Text, "no regular file") {
		t.Errorf("main file: %+v", status.Main)
	}
	a.main(arenaMain)
	within(t, "mended", func() { a.live.reload(ask{}) })
	if status := a.live.Status(); !status.Failing().IsZero() {
		t.Errorf("mended: %+v", status)
	}
}

// TestP6LinksThatMultiply: directories that link to each other lead to a file in
// so many ways that no walk would end.
func TestP6LinksThatMultiply(t *testing.T) {
	a := newArena(t, 1)
	a.open()
	a.onLaterClock()
	for level := range maxDirDepthOfTest {
		dir := a.path(fmt.Sprint("level", level))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for link := range 8 {
			if err := os.Symlink(a.path(fmt.Sprint("level", level+1)), filepath.Join(dir, fmt.Sprint("to", link))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Mkdir(a.path(fmt.Sprint("level", maxDirDepthOfTest)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(a.path("level0"), a.path("tenants", "links")); err != nil {
		t.Fatal(err)
	}
	within(t, "links", func() { a.live.reload(ask{}) })
	if status := a.live.Status(); status.Dirs == nil {
		t.Error("a directory that leads everywhere is no problem")
	}
	if got := a.ask("t0.api.example.com", "/orders/1", a.token("t0")); got != "allowed x-tenant=t0 x-version=v1" {
		t.Errorf("t0: %q", got)
	}
}

const maxDirDepthOfTest = 12
