package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/certs"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/live"
	"github.com/claimgate/claimgate/envoy"
)

// Gate is a claimgate in this process, put together from the parts that
// `claimgate serve` is put together from.
type Gate struct {
	engine   *authz.Engine
	keys     *jwks.Registry
	live     *live.Configuration
	codec    envoy.Codec
	store    *certs.Store // nil: plain text
	service  *envoy.Service
	records  *recorder
	cancel   context.CancelFunc
	running  sync.WaitGroup
	stopOnce sync.Once
}

// firstFetches is how long a start waits at most for the keys of the issuers, of
// which an example may have thousands.
const firstFetches = time.Minute

// StartGate loads the configuration and serves it on the listener, which it
// owns from then on. It returns once the keys of every issuer were asked for.
// It serves TLS where listen.tls says so. The gate follows its files, and ends
// with Stop.
func StartGate(ctx context.Context, file string, l net.Listener) (*Gate, error) {
	g := &Gate{keys: jwks.NewRegistry(jwks.Options{}), engine: authz.NewEngine(authz.Options{}), records: &recorder{}}
	if err := g.load(file); err != nil {
		return nil, errors.Join(fmt.Errorf("demo: %w", err), l.Close())
	}
	g.serve(context.WithoutCancel(ctx), l) // until Stop, not until the caller's start is over
	if err := g.awaitKeys(ctx); err != nil {
		g.Stop() //nolint:contextcheck // it ends at once
		return nil, err
	}
	g.service.SetReady(true)
	return g, nil
}

// load puts the configuration in force. A bad tenant file is an error here, as
// it is for `claimgate check`; once the gate runs, its tenant is quarantined.
func (g *Gate) load(file string) error {
	document, err := config.Load(file)
	if err != nil {
		return err
	}
	checked, err := document.Build(config.Runtime{})
	if err != nil {
		return err
	}
	if files := checked.Settings.Listen.TLS; files != nil {
		if g.store, err = certs.Open(certs.Options{Listener: "listen", Files: *files, Protocols: []string{"h2"}}); err != nil {
			return err
		}
	}
	g.codec = checked.Settings.Codec
	rt := config.Runtime{Keys: g.keys, Cache: token.NewCache(checked.Settings.CacheTokens)}
	g.live = live.New(live.Options{Documents: live.Files(file, rt), Keys: g.keys, Swap: g.engine.Swap, Watch: live.WatchDirectories})
	return g.live.Start()
}

func (g *Gate) serve(ctx context.Context, l net.Listener) {
	server := envoy.NewServer(envoy.ServerOptions{Decider: g.engine, Observer: g.records})
	// No demo is in a hurry, and tests of the parts together run in gates: what
	// keeps a part of a request is to show.
	options := envoy.ServiceOptions{DrainWait: time.Millisecond, Codec: g.codec, OverwriteFreed: true}
	ctx, g.cancel = context.WithCancel(ctx)
	if g.store != nil {
		options.TLS = g.store.TLS()
		g.running.Go(func() { g.store.Run(ctx) })
	}
	g.service = envoy.NewService(server, options)
	g.running.Go(func() { g.keys.Run(ctx) })
	g.running.Go(func() { g.live.Run(ctx) })
	g.running.Go(func() { _ = g.service.Serve(l) }) // ends by Stop; a listener that fails shows as 503
}

func (g *Gate) awaitKeys(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, firstFetches)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !g.keys.FirstFetchesEnded() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("demo: the issuers' keys were not fetched: %w", context.Cause(ctx))
		}
	}
	return nil
}

// Reload looks at the files of the gate's certificate now.
func (g *Gate) Reload() error { return g.store.Reload() }

// Engine returns what decides, as it is asked by the server.
func (g *Gate) Engine() *authz.Engine { return g.engine }

// Decision returns what was concluded under a decision id.
func (g *Gate) Decision(id string) (Record, bool) { return g.records.find(id) }

// Stop ends the server at once, as a crash would, and waits for its parts.
func (g *Gate) Stop() {
	g.stopOnce.Do(func() {
		g.service.Stop()
		g.cancel()
		g.running.Wait()
	})
}
