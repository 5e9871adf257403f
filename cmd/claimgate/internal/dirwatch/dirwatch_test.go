package dirwatch

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func expectChange(t *testing.T, w *Watcher, what string) {
	t.Helper()
	select {
	case <-w.Changes():
	case <-time.After(10 * time.Second):
		t.Fatalf("%s is not told of", what)
	}
}

func open(t *testing.T, concerns func(string) bool) *Watcher {
	t.Helper()
	w, err := New(concerns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A directory that goes and comes back, as another one or as the same, is
// watched again.
func TestDirectoryThatComesBack(t *testing.T) {
	for name, same := range map[string]bool{"the same": true, "another": false} {
		t.Run(name, func(t *testing.T) {
			above := t.TempDir()
			dir, away := filepath.Join(above, "dir"), filepath.Join(above, "away")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			w := open(t, nil)
			if began, err := w.Watch([]string{dir}); !began || err != nil {
				t.Fatalf("began %v, %v", began, err)
			}
			write(t, filepath.Join(dir, "a"))
			expectChange(t, w, "a new file")
			if err := os.Rename(dir, away); err != nil {
				t.Fatal(err)
			}
			expectChange(t, w, "the directory that went")
			back := os.Rename
			if !same {
				back = func(_, to string) error { return os.Mkdir(to, 0o700) }
			}
			if err := back(away, dir); err != nil {
				t.Fatal(err)
			}
			for began := false; !began; { // the watch of the old one ends in its own time
				var err error
				if began, err = w.Watch([]string{dir}); err != nil {
					t.Fatal(err)
				}
				if t.Context().Err() != nil {
					t.Fatal("it is never watched again")
				}
			}
			for len(w.Changes()) > 0 {
				<-w.Changes()
			}
			write(t, filepath.Join(dir, "b"))
			expectChange(t, w, "a file of the directory that came back")
		})
	}
}

func TestOnlyWhatConcernsIsTold(t *testing.T) {
	dir := t.TempDir()
	w := open(t, func(path string) bool { return filepath.Base(path) == "mine" })
	if _, err := w.Watch([]string{dir}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "other"))
	write(t, filepath.Join(dir, "mine"))
	expectChange(t, w, "our file")
}

func TestWhatCannotBeWatchedIsSaid(t *testing.T) {
	w := open(t, nil)
	if began, err := w.Watch([]string{filepath.Join(t.TempDir(), "none")}); began || err == nil {
		t.Errorf("began %v, %v", began, err)
	}
}

// What changed is told by name, once, as far as the names are few.
func TestNamesOfWhatChanged(t *testing.T) {
	dir := t.TempDir()
	w := open(t, func(path string) bool { return filepath.Base(path) != "other" })
	if _, err := w.Watch([]string{dir}); err != nil {
		t.Fatal(err)
	}
	a := filepath.Join(dir, "a")
	write(t, filepath.Join(dir, "other"))
	write(t, a)
	expectChange(t, w, "a new file")
	paths, anything := w.Changed()
	for len(paths) == 0 { // it may have been told of when it was made, and is told of when it is written
		expectChange(t, w, "what is written")
		paths, anything = w.Changed()
	}
	if len(paths) != 1 || paths[0] != a || anything {
		t.Errorf("%v %v", paths, anything)
	}
	for n := range maxNames + 1 {
		w.note(strconv.Itoa(n))
	}
	if paths, anything := w.Changed(); len(paths) > maxNames || !anything {
		t.Errorf("%d names, anything %v", len(paths), anything)
	}
	w.note("") // lost events
	if _, anything := w.Changed(); !anything {
		t.Error("lost events are not told of")
	}
}
