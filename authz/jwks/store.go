package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// ErrState is matched by every error of OpenStore.
var ErrState = errors.New("jwks: key sets cannot be kept")

const (
	storeDir     = "keys"
	storeSuffix  = ".json"
	maxRecord    = 1 << 20              // bytes of a file: a body in base64 and what stands beside it
	storeReaders = 16                   // reads at a time
	forgotten    = 31 * 24 * time.Hour  // age of files that no source can use any more
	leastKey     = 16                   // bytes of the key of the HMAC
	futureSlack  = 5 * time.Minute      // of a fetch that lies ahead, since clocks are set back now and then
	partialAge   = time.Hour            // age of files that a process left half written
	partialMark  = storeSuffix + ".new" // part of their names
)

// Store keeps the last good key set of each remote source in a directory, one
// file a source, named by its fingerprint, so that a process that starts while
// an issuer is down can serve. What it reads is checked as if it came from the
// network: file and directory belong to the user of this process and nobody
// else can write to them, the checksum (an HMAC where there is a key) covers
// the source and the time of the fetch, and the age is limited by MaxStale.
// Safe for concurrent use; one store is for one Registry.
type Store struct {
	root    *os.Root // the directory that was checked, whatever its name leads to later
	key     []byte
	readers *semaphore.Weighted
	wake    chan struct{}

	mu      sync.Mutex
	pending map[string]record // by fingerprint; the latest
	counts  StoreStatus
}

// StoreStatus counts since the start.
type StoreStatus struct {
	Usable   bool   // there is a store
	Failing  bool   // the last write failed
	Failures uint64 // writes that failed
	Ignored  uint64 // files that were there and not used
	Restored uint64 // sources that began with a set of the store
}

// OpenStore returns the store in a directory, in which it makes a directory
// `keys`. The directory must belong to the user of this process and be
// writable by nobody else. With a key, of at least 16 bytes, only files that
// were written with it are used. Errors match ErrState.
func OpenStore(dir string, key []byte) (*Store, error) {
	if len(key) > 0 && len(key) < leastKey {
		return nil, stateError("its key has %d bytes: write at least %d", len(key), leastKey)
	}
	outer, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = outer.Close() }() // the inner one stays open by itself
	if err := outer.Mkdir(storeDir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, stateError("%w", err)
	}
	if info, err := outer.Lstat(storeDir); err != nil || !info.IsDir() {
		return nil, stateError("%s in the state directory is no directory: remove it", storeDir)
	}
	inner, err := outer.OpenRoot(storeDir)
	if err != nil {
		return nil, stateError("%w", err)
	}
	if err := checkDir(inner, dir+"/"+storeDir); err != nil {
		_ = inner.Close()
		return nil, err
	}
	return &Store{
		root: inner, key: key, readers: semaphore.NewWeighted(storeReaders),
		wake: make(chan struct{}, 1), pending: make(map[string]record), counts: StoreStatus{Usable: true},
	}, nil
}

func openDir(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, stateError("%w", err)
	}
	if err := checkDir(root, dir); err != nil {
		_ = root.Close()
		return nil, err
	}
	return root, nil
}

// checkDir checks the directory that is open.
func checkDir(root *os.Root, name string) error {
	info, err := root.Stat(".")
	switch {
	case err != nil:
		return stateError("%w", err)
	case !ownedByUs(info):
		return stateError("%s belongs to another user: give it to the user of this process", name)
	case info.Mode().Perm()&0o022 != 0:
		return stateError("others can write to %s: take that away with chmod go-w", name)
	}
	return nil
}

func stateError(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrState, fmt.Errorf(format, args...))
}

// Close gives the directory back.
func (s *Store) Close() error { return s.root.Close() }

// Status returns the counts. A nil store is not usable.
func (s *Store) Status() StoreStatus {
	if s == nil {
		return StoreStatus{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// load returns what is kept of a source. Nothing kept is no error; what is not
// fit for use is one, that holds nothing of the file.
func (s *Store) load(ctx context.Context, source string) (record, bool, error) {
	if err := s.readers.Acquire(ctx, 1); err != nil {
		return record{}, false, nil
	}
	defer s.readers.Release(1)
	kept, err := s.kept(source)
	if errors.Is(err, os.ErrNotExist) {
		return record{}, false, nil
	}
	return kept, err == nil, err
}

func (s *Store) kept(source string) (record, error) {
	text, err := s.read(source + storeSuffix)
	if err != nil {
		return record{}, err
	}
	return decodeRecord(text, source, s.key)
}

// FetchedAt returns when a fetch last confirmed the kept set of a source; zero
// where none is kept. The error says why one that is there is of no use.
func (s *Store) FetchedAt(source string) (time.Time, error) {
	kept, err := s.kept(source)
	if errors.Is(err, os.ErrNotExist) {
		return time.Time{}, nil
	}
	return kept.fetched, err
}

// read reads a regular file that only this user can write to.
func (s *Store) read(name string) ([]byte, error) {
	info, err := s.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errRecordFile
	}
	file, err := s.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	opened, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !opened.Mode().IsRegular() || !ownedByUs(opened) || opened.Mode().Perm()&0o022 != 0 {
		return nil, errRecordFile
	}
	text, err := io.ReadAll(io.LimitReader(file, maxRecord+1))
	if err == nil && len(text) > maxRecord {
		err = errRecordDamaged
	}
	return text, err
}

// put has a record written soon. It never waits for the disk.
func (s *Store) put(next record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if waiting, there := s.pending[next.source]; there && next.body == nil {
		next.body = waiting.body // a confirmation of what is still to be written
	}
	s.pending[next.source] = next
	select {
	case s.wake <- struct{}{}:
	default: // it is awake
	}
}

// run writes what is put until ctx ends.
func (s *Store) run(ctx context.Context, now func() time.Time, warn func(string)) {
	s.prune(now())
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		for next, there := s.next(); there && ctx.Err() == nil; next, there = s.next() {
			s.settle(s.save(next), warn)
		}
	}
}

func (s *Store) next() (record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for source, next := range s.pending {
		delete(s.pending, source)
		return next, true
	}
	return record{}, false
}

// settle counts the result of a write; the log hears of changes alone.
func (s *Store) settle(err error, warn func(string)) {
	s.mu.Lock()
	news := s.counts.Failing != (err != nil)
	s.counts.Failing = err != nil
	if err != nil {
		s.counts.Failures++
	}
	s.mu.Unlock()
	switch {
	case news && err != nil:
		warn("key sets cannot be written to the state directory, so that a restart has those written before: " + err.Error())
	case news:
		warn("key sets can be written to the state directory again")
	}
}

// save writes a record. One without a body confirms what is on disk, which is
// then checked first; where it is of no use, the source is told to fetch anew.
func (s *Store) save(next record) error {
	if next.body == nil {
		kept, _ := s.kept(next.source) // what is wrong with it does not matter here
		if next.body = kept.body; next.body == nil {
			next.lost()
			return nil
		}
	}
	text, err := next.encode(s.key)
	if err != nil {
		return err
	}
	return s.replace(next.source+storeSuffix, text)
}

// replace writes a file that appears whole or not at all. There is one writer,
// so that the name of what is half written is fixed.
func (s *Store) replace(name string, text []byte) error {
	partial := strings.TrimSuffix(name, storeSuffix) + partialMark
	_ = s.root.Remove(partial) // of a process that died
	file, err := s.root.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = s.root.Rename(partial, name)
	}
	if err != nil {
		_ = s.root.Remove(partial) // best effort
	}
	return err
}

// prune removes files that are too old for any source, so that the directory
// does not grow with every change of the configuration.
func (s *Store) prune(now time.Time) {
	dir, err := s.root.Open(".")
	if err != nil {
		return
	}
	defer func() { _ = dir.Close() }()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		age := now.Sub(info.ModTime())
		whole := strings.HasSuffix(entry.Name(), storeSuffix) && age > forgotten
		partial := strings.HasSuffix(entry.Name(), partialMark) && age > partialAge
		if whole || partial {
			_ = s.root.Remove(entry.Name()) // it is tried again at the next start
		}
	}
}

func (s *Store) count(what func(*StoreStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what(&s.counts)
}
