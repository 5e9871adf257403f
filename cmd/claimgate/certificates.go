package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/admin"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/certs"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// certificates are what the listeners that serve TLS serve it with.
type certificates struct {
	listen, metrics *certs.Store // nil: plain text

	changed chan struct{} // the settings may name other files
}

func (p *process) openCertificates() error {
	p.certificates.changed = make(chan struct{}, 1)
	for _, l := range []struct {
		name      string
		files     *certs.Files
		store     **certs.Store
		protocols []string
	}{
		{"listen", p.settings.Listen.TLS, &p.certificates.listen, []string{"h2"}},
		{"metrics", p.settings.Metrics.TLS, &p.certificates.metrics, []string{"h2", "http/1.1"}},
	} {
		if l.files == nil {
			continue
		}
		store, err := certs.Open(certs.Options{
			Listener: l.name, Files: *l.files, Protocols: l.protocols, Observer: p.telemetry, Log: p.log(),
		})
		if err != nil {
			return &failure{exitTrouble, err, "the files have changed since they were checked: 'claimgate check' finds what is wrong"}
		}
		*l.store = store
	}
	return nil
}

func (c *certificates) all() []*certs.Store {
	var all []*certs.Store
	for _, store := range []*certs.Store{c.listen, c.metrics} {
		if store != nil {
			all = append(all, store)
		}
	}
	return all
}

// tlsOf returns the configuration of a listener's TLS; nil: plain text.
func tlsOf(store *certs.Store) *tls.Config {
	if store == nil {
		return nil
	}
	return store.TLS()
}

// retryUse is when files that could not be taken are tried again.
const retryUse = 2 * time.Second

// run follows the files until ctx ends, and takes others where the settings
// name them.
func (c *certificates) run(ctx context.Context, settings func() config.Settings, log *zap.Logger) {
	var group errgroup.Group
	for _, store := range c.all() {
		group.Go(func() error { store.Run(ctx); return nil })
	}
	retry := time.NewTimer(retryUse)
	retry.Stop()
	defer retry.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			_ = group.Wait() // they return no errors
			return
		case <-c.changed:
		case <-retry.C:
		}
		now := settings()
		err := errors.Join(use(c.listen, now.Listen.TLS), use(c.metrics, now.Metrics.TLS))
		if err == nil {
			told = ""
			continue
		}
		retry.Reset(retryUse)
		if err.Error() != told {
			told = err.Error()
			log.Error("other certificate files or names of clients cannot be put in force yet", zap.Error(err))
		}
	}
}

// use has a listener take other files. To begin with TLS or to end it takes a
// restart.
func use(store *certs.Store, files *certs.Files) error {
	if store == nil || files == nil {
		return nil
	}
	return store.Use(*files)
}

// follow has run look at the settings. It waits for nobody.
func (c *certificates) follow() {
	select {
	case c.changed <- struct{}{}:
	default: // it is about to
	}
}

// reload looks at the files now; what is wrong with them is in the status.
func (c *certificates) reload() {
	for _, store := range c.all() {
		_ = store.Reload() // logged, and in notInForce
	}
}

func (c *certificates) status() []certs.Status {
	all := c.all()
	status := make([]certs.Status, len(all))
	for i, store := range all {
		status[i] = store.Status()
	}
	return status
}

// notInForce lists the files on disk that are not in force.
func (c *certificates) notInForce() []admin.NotInForce {
	var all []admin.NotInForce
	for _, status := range c.status() {
		for _, part := range status.Parts {
			if part.Problem != "" {
				all = append(all, admin.NotInForce{
					What: fmt.Sprintf("%s of %s", part.Kind, status.Listener), State: "stale", Problem: part.Problem, Since: part.Since,
				})
			}
		}
	}
	return all
}

// ends tells when the certificates in force end, by listener.
func (c *certificates) ends() []admin.Certificate {
	all := []admin.Certificate{}
	for _, status := range c.status() {
		for _, part := range status.Parts {
			all = append(all, admin.Certificate{Listener: status.Listener, Kind: string(part.Kind), NotAfter: part.NotAfter})
		}
	}
	return all
}
