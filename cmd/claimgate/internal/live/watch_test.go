package live

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestP6WatcherSeesReplacedDirectories: a directory that is replaced, by rename
// or by another link, is watched again, and drafts of editors are no changes.
func TestP6WatcherSeesReplacedDirectories(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(path("releases/1"), 0o700))
	must(os.MkdirAll(path("releases/2"), 0o700))
	must(os.Symlink("releases/1", path("tenants")))
	must(os.WriteFile(path("main.yaml"), nil, 0o600))
	watcher, err := WatchDirectories()
	must(err)
	defer func() { must(watcher.Close()) }()
	watch := func(want bool) {
		t.Helper()
		if began, err := watcher.Watch(path("main.yaml"), []string{path("tenants")}); err != nil || began != want {
			t.Errorf("began %v, want %v; %v", began, want, err)
		}
	}
	sees := func(what string) {
		t.Helper()
		select {
		case <-watcher.Changes():
		case <-time.After(10 * time.Second):
			t.Fatalf("%s is not seen", what)
		}
	}
	drain := func() {
		for {
			select {
			case <-watcher.Changes():
			case <-time.After(50 * time.Millisecond): // two events of one change
				return
			}
		}
	}
	watch(true)
	watch(false)
	must(os.WriteFile(path("releases/1/acme.yaml"), nil, 0o600))
	sees("a new file")
	drain()
	must(os.WriteFile(path("main.yaml"), []byte("x"), 0o600))
	sees("the main file")
	drain()
	must(os.WriteFile(path("unrelated.txt"), nil, 0o600))
	must(os.WriteFile(path("releases/1/.acme.yaml.swp"), nil, 0o600))
	select {
	case <-watcher.Changes():
		t.Error("what concerns nobody is a change")
	case <-time.After(100 * time.Millisecond):
	}
	must(os.Symlink("releases/2", path("next")))
	must(os.Rename(path("next"), path("tenants")))
	sees("another link")
	drain()
	watch(true)
	must(os.WriteFile(path("releases/2/acme.yaml"), nil, 0o600))
	sees("a file of the other directory")
	drain()
	must(os.Rename(path("tenants"), path("old")))
	sees("that the directory is gone")
	drain()
	if _, err := watcher.Watch(path("main.yaml"), []string{path("tenants")}); err == nil {
		t.Error("a directory that is gone is watched")
	}
	must(os.Mkdir(path("tenants"), 0o700))
	sees("that it is back")
	watch(true)
}

// TestP6WatcherSeesDirectoriesThatCameBack: a directory that went and came back
// before anybody looked is the same one, and its watch was lost with it.
func TestP6WatcherSeesDirectoriesThatCameBack(t *testing.T) {
	for name, leave := range map[string]func(path string) error{
		"renamed there and back": func(path string) error {
			if err := os.Rename(path, path+".away"); err != nil {
				return err
			}
			return os.Rename(path+".away", path)
		},
		"removed and made anew": func(path string) error { // often with the same inode
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tenants := filepath.Join(dir, "tenants")
			if err := os.Mkdir(tenants, 0o700); err != nil {
				t.Fatal(err)
			}
			watcher, err := WatchDirectories()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = watcher.Close() }()
			main := filepath.Join(dir, "main.yaml")
			if _, err := watcher.Watch(main, []string{tenants}); err != nil {
				t.Fatal(err)
			}
			if err := leave(tenants); err != nil {
				t.Fatal(err)
			}
			limit := time.After(10 * time.Second)
			quiet := time.NewTimer(time.Hour)
			for settled := false; !settled; { // as Run does: watch again on each change
				select {
				case <-watcher.Changes():
					if _, err := watcher.Watch(main, []string{tenants}); err != nil {
						t.Fatal(err)
					}
					quiet.Reset(200 * time.Millisecond)
				case <-quiet.C:
					settled = true
				case <-limit:
					t.Fatal("nothing was seen")
				}
			}
			if err := os.WriteFile(filepath.Join(tenants, "acme.yaml"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			select {
			case <-watcher.Changes():
			case <-limit:
				t.Fatal("a file in the directory is not seen")
			}
		})
	}
}
