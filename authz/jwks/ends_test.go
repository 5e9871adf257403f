package jwks

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestP2CertificateAuthoritiesAreThoseOfTheSource: a transport trusts those that
// it was made with, so that only sources with the same share one.
func TestP2CertificateAuthoritiesAreThoseOfTheSource(t *testing.T) {
	server := httptest.NewUnstartedServer(answers(keySetOf(ecKey("a"))))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	registry := NewRegistry(Options{})
	defer registry.closeIdle()
	for n, row := range []struct {
		bundle string
		want   FetchResult
	}{{string(own), FetchOK}, {anotherAuthority(t), FetchTLS}, {string(own), FetchOK}, {"", FetchTLS}} {
		spec := SourceSpec{Issuer: fmt.Sprint(n), URI: server.URL}
		if row.bundle != "" {
			spec.CAFile = filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(spec.CAFile, []byte(row.bundle), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		f := mustSource(t, registry, spec).refresher.fetcher
		if got := f.fetch(t.Context(), validator{}, nil); got.result != row.want {
			t.Errorf("source %d: %s, want %s", n, got.result, row.want)
		}
	}
	if len(registry.transports) != 3 {
		t.Errorf("%d transports for two bundles and the system's", len(registry.transports))
	}
}

// anotherAuthority returns a bundle with a certificate that signed nothing.
func anotherAuthority(t *testing.T) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestP8MaxFetchesIsTheSizeOfEachPool, with the room for late ones.
func TestP8MaxFetchesIsTheSizeOfEachPool(t *testing.T) {
	for given, want := range map[int]int64{-1: defaultMaxFetches, 0: defaultMaxFetches, 1: 1, 2: 2, 64: 64} {
		registry := NewRegistry(Options{MaxFetches: given})
		for name, row := range map[string]struct {
			share *share
			late  int64
		}{"periodic": {registry.periodic, latePart * want}, "retries": {registry.retries, 0}, "on demand": {registry.onDemand, want}} {
			full := row.share.slots.TryAcquire(want) && !row.share.slots.TryAcquire(1)
			late := row.share.late.TryAcquire(row.late) && !row.share.late.TryAcquire(1)
			if !full || !late || row.share.perOrigin != max(1, want/originPart) {
				t.Errorf("%d, %s: slots %t, late %t, %d an origin", given, name, full, late, row.share.perOrigin)
			}
		}
	}
}

// TestAStoreNeedsNoListener: who hears no warning is not stopped by one.
func TestAStoreNeedsNoListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		s.saves("a")
		if err := os.WriteFile(s.file(), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		store, err := OpenStore(s.dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = store.Close() }()
		registry := NewRegistry(Options{Transport: newIDP("a"), Store: store})
		source := mustSource(t, registry, s.spec)
		stop := start(t, registry)
		synctest.Wait()
		if !source.Status().Usable || registry.StoreStatus().Ignored != 1 {
			t.Errorf("%+v, %+v", source.Status(), registry.StoreStatus())
		}
		stop()
	})
}

// lingering answers once its request was given up, and takes a while for that.
type lingering struct{ fetches, ended int }

func (l *lingering) RoundTrip(req *http.Request) (*http.Response, error) {
	l.fetches++
	<-req.Context().Done()
	elapse(time.Second)
	l.ended++
	return nil, req.Context().Err()
}

// TestRunOutlastsEverythingOfIt: when it returns no fetch is in flight, and
// sources that come later start none.
func TestRunOutlastsEverythingOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lingering{}
		registry, stop := run(t, l)
		_ = mustSource(t, registry, SourceSpec{Issuer: demoIssuer})
		synctest.Wait()
		stop()
		if l.fetches != 1 || l.ended != 1 {
			t.Errorf("%d of %d fetches ended", l.ended, l.fetches)
		}
		late := mustSource(t, registry, SourceSpec{Issuer: "https://late.example.com/"})
		if registry.start != nil || !late.refresher.stopped {
			t.Error("a source that comes later is started")
		}
	})
}

// TestWhatEndsLeavesNoConnection: neither a registry nor the last source with its
// rules.
func TestWhatEndsLeavesNoConnection(t *testing.T) {
	for name, retained := range map[string]bool{"the registry": false, "the source": true} {
		t.Run(name, func(t *testing.T) {
			server, closed := serveOnce(t)
			registry := NewRegistry(Options{})
			_ = mustSource(t, registry, SourceSpec{Issuer: demoIssuer, URI: server.URL})
			stop := start(t, registry)
			if err := registry.WaitFirstFetches(t.Context()); err != nil {
				t.Fatal(err)
			}
			if retained {
				registry.Retain(nil)
				<-closed
			}
			stop()
			<-closed
		})
	}
}

// TestARequestIsNotLeftBehind where the source ends between its question and
// the fetch for it.
func TestARequestIsNotLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := fixed(t, 1)
		source.refresher.wait = time.Minute
		elapse(time.Hour)
		began, answered := time.Now(), make(chan error)
		go func() {
			_, err := source.KeySet(context.Background(), "x")
			answered <- err
		}()
		synctest.Wait()
		source.refresher.stop()
		if err := <-answered; err == nil || time.Since(began) != 0 {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
