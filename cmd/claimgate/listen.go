package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"syscall"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/admin"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
	"github.com/claimgate/claimgate/envoy"
)

// page is one HTTP listener and its server.
type page struct {
	name     string
	listener net.Listener
	server   *http.Server
}

// listen opens every configured address, or none.
func (p *process) listen() error {
	settings := &p.settings
	listener, err := open("listen", settings.Listen)
	if err != nil {
		return err
	}
	p.listener = listener
	for _, next := range []struct {
		name     string
		settings config.Listener
		handler  http.Handler
		tls      *tls.Config
	}{
		{"health", settings.Health, admin.HealthHandler(p.readiness), nil},
		{"metrics", settings.Metrics, admin.MetricsHandler(p.telemetry.Metrics().Gatherer(), settings.Metrics.BearerToken), tlsOf(p.certificates.metrics)},
		{"admin", settings.Admin, p.adminHandler(), nil},
	} {
		if next.settings.Address == "" {
			continue
		}
		listener, err := open(next.name, next.settings)
		if err != nil {
			p.close()
			return err
		}
		server := admin.NewServer(next.handler, p.log())
		server.TLSConfig = next.tls
		p.pages = append(p.pages, &page{next.name, listener, server})
	}
	return nil
}

func (p *process) adminHandler() http.Handler {
	return admin.PageHandler(admin.PageOptions{
		Readiness:   p.readiness,
		Hosts:       p.settings.AdminHosts,
		BearerToken: p.settings.Admin.BearerToken,
		Version:     buildVersion().version,
		Started:     p.started,
		Sources:     p.registry.Status,
		Keys:        p.registry.Keys,
		Accepted:    p.accepted,
		Summary:     p.summary,
		Actions:     p.actions(),
	})
}

// accepted returns what each issuer brought since the start.
func (p *process) accepted() []admin.Accepted {
	counted := p.telemetry.Metrics().Accepted()
	all := make([]admin.Accepted, len(counted))
	for i, c := range counted {
		all[i] = admin.Accepted(c)
	}
	return all
}

func open(name string, settings config.Listener) (net.Listener, error) {
	listener, err := envoy.Listen(settings.Address)
	if err != nil {
		return nil, &failure{
			code: exitTrouble,
			err:  fmt.Errorf("%s.address: %w", name, err),
			hint: listenHint(err),
		}
	}
	return listener, nil
}

// listenHint says what to do about an address that cannot be listened on.
func listenHint(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, envoy.ErrInUse):
		return "another process has this address: stop it, or use another; port 0 takes any free one, and --ready-file tells which"
	case errors.Is(err, envoy.ErrNotSocket):
		return "name a path that does not exist yet; nothing but a stale socket is replaced"
	case errors.Is(err, fs.ErrNotExist):
		return "make the directory of the socket first"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not: ports below 1024 need CAP_NET_BIND_SERVICE, a socket needs a directory that this user may write to"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "no interface of this machine has the address"
	default:
		return "is this an address of this machine?"
	}
}

// close closes what listen opened.
func (p *process) close() {
	_ = p.listener.Close()
	for _, page := range p.pages {
		_ = page.listener.Close()
	}
}

// bound returns the addresses in use, with the real port where 0 was asked for.
func (p *process) bound() []admin.Listener {
	all := make([]admin.Listener, 0, 1+len(p.pages))
	all = append(all, admin.Listener{Name: "listen", Address: address(p.listener), TLS: p.settings.Listen.TLS != nil})
	for _, page := range p.pages {
		all = append(all, admin.Listener{Name: page.name, Address: address(page.listener), TLS: page.server.TLSConfig != nil})
	}
	return all
}

func address(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "unix://" + l.Addr().String()
	}
	return l.Addr().String()
}

// serve answers until stop.
func (p *page) serve() error {
	var err error
	if p.server.TLSConfig != nil {
		err = p.server.ServeTLS(p.listener, "", "")
	} else {
		err = p.server.Serve(p.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", p.name, err)
}

// stop ends the server, and cuts what does not end in time.
func (p *page) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pageStop)
	defer cancel()
	if p.server.Shutdown(ctx) != nil {
		_ = p.server.Close()
	}
}

// publish writes the bound addresses to the ready file, by name. The file
// appears whole or not at all.
func (p *process) publish(file string) error {
	if file == "" {
		return nil
	}
	addresses := make(map[string]string)
	for _, bound := range p.bound() {
		addresses[bound.Name] = bound.Address
	}
	text, err := json.MarshalIndent(addresses, "", "  ")
	if err == nil {
		err = replaceFile(file, append(text, '\n'))
	}
	if err != nil {
		return &failure{code: exitTrouble, err: fmt.Errorf("ready file: %w", err)}
	}
	return nil
}

func replaceFile(file string, text []byte) error {
	temporary := file + ".tmp"
	if err := os.WriteFile(temporary, text, 0o644); err != nil { //nolint:gosec // addresses are no secret
		return err
	}
	return os.Rename(temporary, file)
}

// unpublish removes the ready file.
func (p *process) unpublish(file string) {
	if file != "" {
		_ = os.Remove(file) // somebody else was faster
	}
}
