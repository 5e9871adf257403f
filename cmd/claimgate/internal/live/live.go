package live

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// Keys are the key sources that versions share.
type Keys interface {
	// WaitFirstFetches waits until the sources of these fingerprints ended
	// their first fetch, whatever its result, or for ctx.
	WaitFirstFetches(ctx context.Context, ids ...string) error
	// Retain stops every source but these.
	Retain(ids []string)
}

// Options are what a Configuration works with. Log, Now and Observe may be nil.
type Options struct {
	Documents Documents
	Keys      Keys
	Swap      func(*authz.Snapshot) // puts a generation in force
	Watch     func() (Watcher, error)
	// Fixed tells the settings that took effect when the process began, by
	// comparison: the fields that differ need a restart.
	Fixed   func(started, now config.Settings) []string
	Log     *zap.Logger
	Now     func() time.Time
	Observe func(Status) // after every reload
	Lock    Lock         // of the state directory; nil: nobody else writes there
}

// Configuration is the configuration in force and what is on disk. Safe for
// concurrent use.
type Configuration struct {
	opts   Options
	status atomic.Pointer[Status]

	mu      sync.Mutex // held during a reload
	world   *world
	disk    *disk
	memory  *memory
	waiting confirmation        // what can be confirmed
	granted confirmation        // what was, until it has happened
	pending map[string]struct{} // keys that nobody waits for yet
	asked   map[string]struct{} // keys that are being waited for
	waited  map[string]struct{} // keys that were waited for
	broken  suspects            // why the main file was bad
	badMain *trouble            // why the main file is not in force
	mainCut [sha256.Size]byte   // of the main file where it was cut in place
	lost    []string            // tenants that would vanish with the main file
	dirs    []string            // that were read last
	listed  bool                // directories were listed since the watcher was told of them
	ignored []string            // problems of files in them that are no tenant files
	badDirs *trouble            // why the directories could not be read
	history history
	started config.Settings

	mainSince time.Time   // when a main file in the making was first seen
	mainSeen  os.FileInfo // what it was then or later
	forgetful bool        // what is to be remembered cannot be written
	barred    bool        // the state directory is another process's
	lock      io.Closer   // of the state directory; nil: not locked

	wake chan struct{} // something is to be looked at again
}

// history is what is told of past reloads.
type history struct {
	results     map[Result]uint64
	lastSuccess time.Time
	lastFailure time.Time
	failure     string
	loaded      time.Time // of the generation in force
}

// New returns a configuration with nothing in force.
func New(opts Options) *Configuration {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	if opts.Observe == nil {
		opts.Observe = func(Status) {}
	}
	if opts.Fixed == nil {
		opts.Fixed = func(config.Settings, config.Settings) []string { return nil }
	}
	return &Configuration{
		opts:    opts,
		world:   &world{tenants: map[string]*tenant{}},
		disk:    &disk{documents: opts.Documents, now: opts.Now, files: map[string]*seen{}},
		pending: map[string]struct{}{},
		asked:   map[string]struct{}{},
		waited:  map[string]struct{}{},
		history: history{results: map[Result]uint64{}},
		wake:    make(chan struct{}, 1),
	}
}

// Status tells what is in force and what is wrong. It never waits for a reload.
func (c *Configuration) Status() Status {
	if status := c.status.Load(); status != nil {
		return *status
	}
	return Status{}
}

// Settings returns the settings of the main file in force.
func (c *Configuration) Settings() config.Settings {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.world.main == nil {
		return config.Settings{}
	}
	return c.world.main.Settings
}

// Start puts the first generation in force. The error is that of the main file,
// of a tenant directory or of a tenant in the main file; nothing is in force
// then. A bad tenant file is none: its tenant is quarantined.
func (c *Configuration) Start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, err := c.opts.Documents.ReadMain()
	if err != nil {
		return err
	}
	main, err := c.opts.Documents.CompileMain()
	if err != nil {
		return err
	}
	list, err := main.List()
	if err != nil {
		return err
	}
	tenants, lastRank := c.recall(main.StateDir)
	before := &world{tenants: tenants, lastRank: lastRank}
	j := c.judging(before, main)
	j.start, j.found = true, c.disk.scan(list, true)
	next, err := j.run()
	if err != nil {
		c.unlock()
		return err
	}
	next.text, c.started, c.dirs, c.ignored, c.listed = text, main.Settings, list.Dirs, list.Ignored, true
	c.enforce(before, next)
	c.retain()
	c.report(before, finding{ignored: list.Ignored, compiled: j.compiles}, Started)
	c.again() // files that changed a moment ago
	return nil
}

// recall opens the state directory. Without a usable one the order of
// acceptance is forgotten with the process.
func (c *Configuration) recall(dir string) (map[string]*tenant, uint64) {
	memory, err := openMemory(dir)
	if err != nil {
		c.opts.Log.Warn("nothing is kept beyond this process: of two tenants that contest a place at a start, neither gets it", zap.Error(err))
	}
	c.memory = memory
	c.occupy(dir)
	list, err := memory.load()
	if err != nil {
		c.opts.Log.Warn("the order in which tenants were accepted is lost", zap.Error(err))
	}
	return recalled(list)
}

func (c *Configuration) judging(old *world, main *Main) *judging {
	return &judging{
		old:     old,
		main:    main,
		maxLoss: main.maxLoss(len(old.tenants)),
		now:     c.opts.Now(),
		ready:   c.wasWaitedFor,
	}
}

func (c *Configuration) wasWaitedFor(keys []string) bool {
	for _, key := range keys {
		if _, done := c.waited[key]; !done {
			return false
		}
	}
	return true
}

// again asks for another look, soon.
func (c *Configuration) again() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
