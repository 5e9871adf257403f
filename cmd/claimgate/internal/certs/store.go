package certs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

// Files says where the parts are and who is let in.
type Files struct {
	Certificate string // PEM, the chain with the leaf first
	Key         string // PEM
	ClientCA    string // PEM bundle; "": clients are not asked who they are

	// AllowedClientSANs are names as NewNames takes them, of which a client's
	// certificate must have one; nil: any certificate of ClientCA will do.
	AllowedClientSANs []string
}

// Kind is a part of the files that is replaced as one.
type Kind string

// The kinds.
const (
	Certificate Kind = "certificate" // and its key
	ClientCA    Kind = "client_ca"
)

// Observer counts. Its methods must not wait.
type Observer interface {
	CertificateReloaded(listener string, kind Kind, good bool)
	ClientRefused(listener string, reason Reason)
}

// Options of a Store. Observer, Log, Now and Watch may be nil.
type Options struct {
	Listener  string // for logs and metrics
	Files     Files
	Protocols []string // of the application (RFC 7301), the best first
	Observer  Observer
	Log       *zap.Logger
	Now       func() time.Time
	Watch     func() (Watcher, error) // nil: the file system's events
}

// Store holds what is in force. Safe for concurrent use.
type Store struct {
	opts    Options
	lines   *rate.Limiter
	inForce atomic.Pointer[inForce]
	moved   chan struct{} // the files are others

	mu    sync.Mutex // held while the files are looked at
	files Files
	parts []*part
}

// inForce is what one handshake works with.
type inForce struct {
	pair        *Pair
	authorities *Authorities // nil: clients are not asked
	names       *Names       // nil: all
}

// part is what is known of the files of one kind.
type part struct {
	kind    Kind
	files   []string
	parse   func(texts [][]byte, now time.Time) (func(*inForce), error)
	digest  [sha256.Size]byte // of what is in force
	problem string            // why what is on disk is not in force
	since   time.Time         // of the problem
}

// Lines of refused clients in the log.
const (
	refusalEvery = time.Second
	refusalBurst = 5
)

// Open reads the files. Here an expired certificate is in force nevertheless,
// since there is no better one: the log says so, and clients refuse it until
// the files are replaced.
func Open(opts Options) (*Store, error) {
	s := &Store{
		opts:  opts.withDefaults(),
		lines: rate.NewLimiter(rate.Every(refusalEvery), refusalBurst),
		moved: make(chan struct{}, 1),
	}
	if err := s.Use(opts.Files); err != nil {
		return nil, err
	}
	return s, nil
}

// Use puts other files in force, with other names of clients, all or nothing.
// What is in use already is left alone. Connections that stand are not cut,
// whoever is no longer listed.
func (s *Store) Use(files Files) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts != nil && reflect.DeepEqual(files, s.files) {
		return nil
	}
	next, err := namesIn(files)
	if err != nil {
		return err
	}
	parts := partsOf(files)
	for _, p := range parts {
		if err := s.first(p, next); err != nil {
			return fmt.Errorf("certs: %s of %s: %w", p.kind, s.opts.Listener, err)
		}
	}
	s.files, s.parts = files, parts
	s.inForce.Store(next)
	select {
	case s.moved <- struct{}{}:
	default:
	}
	return nil
}

func namesIn(files Files) (*inForce, error) {
	if files.AllowedClientSANs == nil {
		return &inForce{}, nil
	}
	if files.ClientCA == "" {
		return nil, errors.New("certs: names of clients are allowed, but no authority vouches for them")
	}
	names, err := NewNames(files.AllowedClientSANs)
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	return &inForce{names: names}, nil
}

func partsOf(files Files) []*part {
	parts := []*part{{kind: Certificate, files: []string{files.Certificate, files.Key}, parse: parsePair}}
	if files.ClientCA != "" {
		parts = append(parts, &part{kind: ClientCA, files: []string{files.ClientCA}, parse: parseAuthorities})
	}
	return parts
}

func (o Options) withDefaults() Options {
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Watch == nil {
		o.Watch = WatchFiles
	}
	return o
}

// nobody observes nothing.
type nobody struct{}

func (nobody) CertificateReloaded(string, Kind, bool) {}
func (nobody) ClientRefused(string, Reason)           {}

func (s *Store) first(p *part, into *inForce) error {
	texts, err := p.read()
	if err != nil {
		return err
	}
	apply, err := p.parse(texts, s.opts.Now())
	if apply == nil || err != nil && s.inForce.Load() != nil {
		return err
	}
	if err != nil {
		s.opts.Log.Error("in force for want of a better one", s.fields(p, zap.Error(err))...)
	}
	apply(into)
	p.digest = digest(texts...)
	return nil
}

func (s *Store) fields(p *part, more ...zap.Field) []zap.Field {
	return append([]zap.Field{zap.String("listener", s.opts.Listener), zap.String("kind", string(p.kind)), zap.Strings("files", p.files)}, more...)
}

func (p *part) read() ([][]byte, error) {
	texts := make([][]byte, len(p.files))
	for i, file := range p.files {
		text, err := read(file)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", file, err)
		}
		texts[i] = text
	}
	return texts, nil
}

// parsePair and parseAuthorities return what puts the part in force; nil where
// it cannot be, and an error with it where it should not.
func parsePair(texts [][]byte, now time.Time) (func(*inForce), error) {
	pair, err := ParsePair(texts[0], texts[1])
	if err != nil {
		return nil, err
	}
	return func(f *inForce) { f.pair = pair }, pair.Valid(now)
}

func parseAuthorities(texts [][]byte, now time.Time) (func(*inForce), error) {
	authorities, err := ParseAuthorities(texts[0])
	if err != nil {
		return nil, err
	}
	return func(f *inForce) { f.authorities = authorities }, authorities.Valid(now)
}

// Reload looks at the files now. What is wrong with them is logged and in
// Status, and the error.
func (s *Store) Reload() error {
	s.look(true)
	var failed []error
	for _, p := range s.Status().Parts {
		if p.Problem != "" {
			failed = append(failed, fmt.Errorf("certs: %s of %s: %s", p.Kind, s.opts.Listener, p.Problem))
		}
	}
	return errors.Join(failed...)
}

// look puts in force what is new and good, and reports whether anything is bad
// that nobody was told of. With final it is told; without, it may be that files
// are being replaced one after the other.
func (s *Store) look(final bool) (unsettled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.parts {
		sum, apply, err := s.try(p)
		switch {
		case err == nil:
			s.accept(p, sum, apply)
		case err.Error() == p.problem:
		case final:
			s.complain(p, err)
		default:
			unsettled = true
		}
	}
	return unsettled
}

func (s *Store) try(p *part) (sum [sha256.Size]byte, apply func(*inForce), err error) {
	texts, err := p.read()
	if err != nil {
		return sum, nil, err
	}
	if sum = digest(texts...); sum == p.digest {
		return sum, nil, nil
	}
	apply, err = p.parse(texts, s.opts.Now())
	return sum, apply, err
}

func (s *Store) accept(p *part, sum [sha256.Size]byte, apply func(*inForce)) {
	mended := p.problem != ""
	p.problem, p.since = "", time.Time{}
	if apply == nil {
		if mended {
			s.opts.Log.Info("what is in force is on disk again", s.fields(p)...)
		}
		return
	}
	next := *s.inForce.Load()
	apply(&next)
	s.inForce.Store(&next)
	p.digest = sum
	s.opts.Observer.CertificateReloaded(s.opts.Listener, p.kind, true)
	s.opts.Log.Info("replaced, new connections use it", s.fields(p, zap.Time("notAfter", next.notAfter(p.kind)))...)
}

func (s *Store) complain(p *part, err error) {
	p.problem, p.since = err.Error(), s.opts.Now()
	s.opts.Observer.CertificateReloaded(s.opts.Listener, p.kind, false)
	s.opts.Log.Error("not replaced, the last good one stays in force",
		s.fields(p, zap.Error(err), zap.Time("notAfter", s.inForce.Load().notAfter(p.kind)))...)
}

func (f *inForce) notAfter(kind Kind) time.Time {
	if kind == ClientCA {
		return f.authorities.NotAfter
	}
	return f.pair.NotAfter
}

// Status is what is in force and what is wrong on disk.
type Status struct {
	Listener string
	Parts    []Part
}

// Part is the status of one kind.
type Part struct {
	Kind     Kind
	NotAfter time.Time // of what is in force: when the first certificate of it ends
	Problem  string    // why what is on disk is not in force; "": it is
	Since    time.Time // of the problem
}

// Status returns the status of now.
func (s *Store) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := Status{Listener: s.opts.Listener, Parts: make([]Part, len(s.parts))}
	for i, p := range s.parts {
		status.Parts[i] = Part{Kind: p.kind, NotAfter: s.inForce.Load().notAfter(p.kind), Problem: p.problem, Since: p.since}
	}
	return status
}
