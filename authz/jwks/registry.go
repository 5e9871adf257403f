package jwks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	defaultMaxFetches = 32
	latePart          = 4 // so many times as large is the room for late first and regular fetches
)

// Registry owns the sources, their schedules and the fetch pool. Safe for
// concurrent use.
type Registry struct {
	opts     Options
	periodic *share
	retries  *share
	onDemand *share
	waiting  atomic.Int64 // requests that wait for a fetch

	mu         sync.Mutex
	sources    map[string]*entry
	transports map[transportKey]*http.Transport
	start      func(*entry) // set while Run runs
	ended      bool         // Run has returned, or is about to
}

// entry is a source with the way to stop it.
type entry struct {
	source    *Source
	transport transportKey
	cancel    context.CancelFunc // nil until it is started
}

// NewRegistry returns an empty registry.
func NewRegistry(opts Options) *Registry {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rand == nil {
		opts.Rand = rand.Float64
	}
	if opts.Warn == nil {
		opts.Warn = func(string) {}
	}
	if opts.MaxFetches <= 0 {
		opts.MaxFetches = defaultMaxFetches
	}
	return &Registry{
		opts:       opts,
		periodic:   newShare(opts.MaxFetches, latePart*opts.MaxFetches, rate.Inf),
		retries:    newShare(opts.MaxFetches, 0, rate.Inf),
		onDemand:   newShare(opts.MaxFetches, opts.MaxFetches, askedPerSecond),
		sources:    make(map[string]*entry),
		transports: make(map[transportKey]*http.Transport),
	}
}

// Source returns the source of the spec, new or shared. Static sources are
// parsed here; a remote one is fetched once Run is called, or at once where it
// already is. Files are read each time, so that a changed file makes another
// source. Errors are mistakes of the spec, and match ErrSpec.
func (r *Registry) Source(spec SourceSpec) (*Source, error) {
	spec = spec.withDefaults()
	if err := spec.validate(); err != nil {
		return nil, err
	}
	files, err := spec.readFiles()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := spec.fingerprint(files)
	if known, there := r.sources[id]; there {
		return known.source, nil
	}
	if err := spec.checkBearer(); err != nil {
		return nil, err
	}
	made, err := r.build(spec, files)
	if err != nil {
		return nil, err
	}
	made.source.id = id
	r.sources[id] = made
	switch {
	case r.start != nil:
		r.start(made)
	case r.ended:
		made.stop()
	}
	return made.source, nil
}

func (r *Registry) build(spec SourceSpec, files sourceFiles) (*entry, error) {
	source := &Source{issuer: spec.Issuer, now: r.opts.Now}
	if !spec.static() {
		key := transportKey{rules: spec.rules(), ca: sha256.Sum256(files.ca)}
		fetcher, err := r.fetcher(spec, key, files)
		if err != nil {
			return nil, err
		}
		source.refresher = r.refresher(spec, source, fetcher)
		return &entry{source: source, transport: key}, nil
	}
	loaded, warnings, err := loadStatic(spec, files)
	if err != nil {
		return nil, err
	}
	source.warnings, source.loaded = warnings, r.opts.Now()
	loaded.fetched = source.loaded
	source.state.Store(loaded)
	return &entry{source: source}, nil
}

func (r *Registry) fetcher(spec SourceSpec, key transportKey, files sourceFiles) (*fetcher, error) {
	start, err := spec.start()
	if err != nil {
		return nil, err
	}
	return &fetcher{
		client:  newClient(r.transport(key, files)),
		rules:   key.rules,
		start:   start,
		issuer:  spec.Issuer,
		direct:  spec.URI != "",
		timeout: spec.Timeout,
		uses:    spec.Uses,
		bearer:  spec.BearerTokenFile,
	}, nil
}

// transport returns the transport that equal rules share. The caller holds mu.
func (r *Registry) transport(key transportKey, files sourceFiles) http.RoundTripper {
	if r.opts.Transport != nil {
		return r.opts.Transport
	}
	if r.transports[key] == nil {
		r.transports[key] = newTransport(key.rules, files.pool)
	}
	return r.transports[key]
}

func (r *Registry) refresher(spec SourceSpec, source *Source, fetcher *fetcher) *refresher {
	return &refresher{
		source:   source,
		fetcher:  fetcher,
		maxStale: spec.MaxStale,
		wait:     spec.UnknownKIDWait,
		observer: r.opts.Observer,
		periodic: r.periodic,
		retries:  r.retries,
		onDemand: r.onDemand,
		store:    r.opts.Store,
		warn:     r.opts.Warn,
		waiting:  &r.waiting,
		demand:   make(chan struct{}, 1),
		changed:  make(chan struct{}, 1),
		first:    make(chan struct{}),
		gate:     gate{cooldown: spec.UnknownKIDCooldown},
		schedule: schedule{interval: spec.RefreshInterval, maxBackoff: spec.MaxBackoff, rand: r.opts.Rand},
	}
}

// Run fetches and refreshes until ctx ends, then returns once every goroutine
// of the registry has ended. A registry runs once; a second call returns at
// once.
func (r *Registry) Run(ctx context.Context) {
	var running sync.WaitGroup
	if !r.begin(ctx, &running) {
		return
	}
	if r.opts.Store != nil {
		running.Go(func() { r.opts.Store.run(ctx, r.opts.Now, r.opts.Warn) })
	}
	<-ctx.Done()
	r.end()
	running.Wait()
	r.closeIdle()
}

// begin starts every source there is and, from now on, those that are made.
func (r *Registry) begin(ctx context.Context, running *sync.WaitGroup) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.start != nil || r.ended {
		return false
	}
	r.start = func(e *entry) {
		if e.source.refresher == nil {
			return
		}
		own, cancel := context.WithCancel(ctx)
		e.cancel = cancel
		running.Go(func() { defer cancel(); e.source.refresher.run(own) })
	}
	for _, e := range r.sources {
		r.start(e)
	}
	return true
}

func (r *Registry) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.start, r.ended = nil, true
}

func (r *Registry) closeIdle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, transport := range r.transports {
		transport.CloseIdleConnections()
	}
}

// Retain stops and forgets every source but those of the ids. A stopped source
// still answers from the keys it has, until they are too stale, so that a
// request in flight is not disturbed. A source made after ids was drawn up is
// lost, so the caller makes the sources of a generation first and retains
// them then.
func (r *Registry) Retain(ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keep := make(map[string]bool, len(ids))
	for _, id := range ids {
		keep[id] = true
	}
	for id, e := range r.sources {
		if keep[id] {
			continue
		}
		delete(r.sources, id)
		e.stop()
	}
	r.dropTransports()
}

func (e *entry) stop() {
	switch {
	case e.cancel != nil:
		e.cancel()
	case e.source.refresher != nil:
		e.source.refresher.stop()
	}
}

// dropTransports closes those that no source uses. The caller holds mu.
func (r *Registry) dropTransports() {
	used := make(map[transportKey]bool)
	for _, e := range r.sources {
		used[e.transport] = true
	}
	for key, transport := range r.transports {
		if !used[key] {
			delete(r.transports, key)
			transport.CloseIdleConnections()
		}
	}
}

// FirstFetchesEnded reports whether every remote source ended its first fetch,
// whatever its result.
func (r *Registry) FirstFetchesEnded() bool {
	for _, source := range r.all() {
		if source.refresher != nil && !source.refresher.firstEnded() {
			return false
		}
	}
	return true
}

// WaitFirstFetches waits until the remote sources of these ids ended their
// first fetch, whatever its result, or for ctx, whose error it then returns.
// Without ids it waits for every source there is now; ids that nobody has are
// not waited for.
func (r *Registry) WaitFirstFetches(ctx context.Context, ids ...string) error {
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	for _, source := range r.all() {
		if source.refresher == nil || len(ids) > 0 && !wanted[source.id] {
			continue
		}
		select {
		case <-source.refresher.first:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Status describes every source, ordered by issuer, then by fingerprint.
func (r *Registry) Status() []Status {
	sources := r.all()
	all := make([]Status, 0, len(sources))
	for _, source := range sources {
		all = append(all, source.Status())
	}
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.ID, b.ID))
	})
	return all
}

func (r *Registry) all() []*Source {
	r.mu.Lock()
	defer r.mu.Unlock()
	sources := make([]*Source, 0, len(r.sources))
	for _, e := range r.sources {
		sources = append(sources, e.source)
	}
	return sources
}

// StoreStatus describes what is kept of key sets; it is zero where nothing is.
func (r *Registry) StoreStatus() StoreStatus { return r.opts.Store.Status() }
