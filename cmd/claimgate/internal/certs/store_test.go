package certs

import (
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// served returns the serial number of the certificate in force, and the number
// of authorities.
func served(s *Store) (serial int64, authorities int) {
	now := s.inForce.Load()
	leaf, err := x509.ParseCertificate(now.pair.certificate.Certificate[0])
	if err != nil {
		return 0, 0
	}
	if now.authorities != nil {
		authorities = now.authorities.count
	}
	return leaf.SerialNumber.Int64(), authorities
}

func (i *issued) serial() int64 { return i.certificate.SerialNumber.Int64() }

func TestBadReplacementKeepsTheGood(t *testing.T) {
	ca := authority(t, "ours")
	first, second := server(t, ca), server(t, ca)
	expired := issue(t, ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	later := issue(t, ca, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(10 * time.Minute) })
	shortChain := issue(t, issue(t, ca, func(c *x509.Certificate) {
		asAuthority("between")(c)
		c.NotAfter = time.Now().Add(-time.Minute)
	}), named(t, serverName))
	tests := []struct {
		name  string
		spoil func(*folder)
		want  string
	}{
		{"another key", func(f *folder) { f.write("tls.key", second.keyPEM(t)) }, "private key does not match"},
		{"another certificate", func(f *folder) { f.write("tls.crt", second.pem()) }, "private key does not match"},
		{"expired", func(f *folder) { f.pair(expired) }, ErrExpired.Error()},
		{"an expired intermediate", func(f *folder) { f.pair(shortChain) }, ErrExpired.Error()},
		{"not yet valid", func(f *folder) { f.pair(later) }, ErrNotYetValid.Error()},
		{"garbage", func(f *folder) { f.write("tls.crt", []byte("garbage")) }, "no"},
		{"empty", func(f *folder) { f.write("tls.crt", nil) }, ErrPair.Error()},
		{"half written", func(f *folder) { f.write("tls.crt", second.pem()[:100]) }, ErrPair.Error()},
		{"a key in place of the certificate", func(f *folder) { f.write("tls.crt", second.keyPEM(t)) }, ErrPair.Error()},
		{"an encrypted key", func(f *folder) {
			f.write("tls.key", []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"))
		}, ErrPair.Error()},
		{"gone", func(f *folder) { _ = os.Remove(f.path("tls.key")) }, "no such file"},
		{"a directory", func(f *folder) { _ = errors.Join(os.Remove(f.path("tls.key")), os.Mkdir(f.path("tls.key"), 0o700)) }, "no regular file"},
		{"too long", func(f *folder) { f.write("tls.key", []byte(strings.Repeat("#", MaxBytes+1))) }, "more than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			core, lines := observer.New(zap.DebugLevel)
			counts := newCounts()
			f := newFolder(t, first, ca)
			store := f.open(Options{Observer: counts, Log: zap.New(core)})
			tt.spoil(f)
			for range 3 {
				if err := store.Reload(); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %q in it", err, tt.want)
				}
			}
			if serial, _ := served(store); serial != first.serial() {
				t.Error("the good certificate is gone")
			}
			if n := lines.FilterMessage("not replaced, the last good one stays in force").Len(); n != 1 || counts.of("certificate bad") != 1 {
				t.Errorf("%d lines, %d counted, want one", n, counts.of("certificate bad"))
			}
			part := store.Status().Parts[0]
			if part.Problem == "" || part.Since.IsZero() || !part.NotAfter.Equal(first.certificate.NotAfter) {
				t.Errorf("status %+v", part)
			}
			_ = os.Remove(f.path("tls.key"))
			f.pair(second)
			if err := store.Reload(); err != nil {
				t.Error(err)
			}
			if serial, _ := served(store); serial != second.serial() || counts.of("certificate good") != 1 {
				t.Error("mended, and not in force")
			}
			for _, line := range lines.All() {
				if text := line.Message + errorText(line.ContextMap()); strings.Contains(text, "BEGIN") || strings.Contains(text, "garbage") {
					t.Errorf("the log quotes a file: %s", text)
				}
			}
		})
	}
}

func errorText(fields map[string]any) string {
	text, _ := fields["error"].(string)
	return text
}

func TestAuthoritiesAreReplacedAlone(t *testing.T) {
	ca, next := authority(t, "ours"), authority(t, "next")
	expired := issue(t, nil, func(c *x509.Certificate) {
		asAuthority("old")(c)
		c.NotAfter = time.Now().Add(-time.Minute)
	})
	counts := newCounts()
	f := newFolder(t, server(t, ca), ca)
	store := f.open(Options{Observer: counts})
	both := append(ca.pem(), next.pem()...)
	for _, step := range []struct {
		name   string
		bundle []byte
		want   int
		err    error
	}{
		{"two", both, 2, nil},
		{"cut in the second", both[:len(both)-40], 2, ErrAuthorities},
		{"a key beside", append(ca.pem(), next.keyPEM(t)...), 2, ErrAuthorities},
		{"nothing", nil, 2, ErrAuthorities},
		{"garbage", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 2, ErrAuthorities},
		{"expired only", expired.pem(), 2, ErrExpired},
		{"text around", append([]byte("# ours\n"), append(ca.pem(), "# end\n"...)...), 1, nil},
		{"an expired one beside", append(expired.pem(), ca.pem()...), 2, nil},
	} {
		f.write("ca.crt", step.bundle)
		err := store.Reload()
		if (err == nil) != (step.err == nil) || err != nil && !strings.Contains(err.Error(), step.err.Error()) {
			t.Errorf("%s: %v, want %v", step.name, err, step.err)
		}
		if _, n := served(store); n != step.want {
			t.Errorf("%s: %d authorities, want %d", step.name, n, step.want)
		}
	}
	if counts.of("client_ca good") != 3 || counts.of("client_ca bad") != 5 || counts.of("certificate good") != 0 {
		t.Errorf("counted %v", counts.loads)
	}
	if got := store.Status().Parts[1].NotAfter; !got.Equal(expired.certificate.NotAfter) {
		t.Errorf("the first end is %s, want %s", got, expired.certificate.NotAfter)
	}
}

// A bad bundle does not hold up a good certificate, nor the other way round.
func TestPartsAreApart(t *testing.T) {
	ca := authority(t, "ours")
	first, second := server(t, ca), server(t, ca)
	f := newFolder(t, first, ca)
	store := f.open(Options{})
	f.pair(second)
	f.write("ca.crt", []byte("garbage"))
	if err := store.Reload(); err == nil {
		t.Error("garbage is good")
	}
	if serial, n := served(store); serial != second.serial() || n != 1 {
		t.Errorf("serves %d, %d authorities", serial, n)
	}
}

// What is put back as it was is no reload, and no problem any more.
func TestPutBack(t *testing.T) {
	ca := authority(t, "ours")
	first := server(t, ca)
	counts := newCounts()
	f := newFolder(t, first, ca)
	store := f.open(Options{Observer: counts})
	f.write("tls.crt", []byte("garbage"))
	if store.Reload() == nil {
		t.Error("garbage is good")
	}
	f.pair(first)
	if err := store.Reload(); err != nil || store.Status().Parts[0].Problem != "" {
		t.Errorf("%v, %+v", err, store.Status())
	}
	if counts.of("certificate good") != 0 || counts.of("certificate bad") != 1 {
		t.Errorf("counted %v", counts.loads)
	}
}

func TestOpenFails(t *testing.T) {
	ca := authority(t, "ours")
	good := newFolder(t, server(t, ca), ca).Files
	for name, edit := range map[string]func(*Files){
		"no certificate":       func(f *Files) { f.Certificate += "x" },
		"no authorities":       func(f *Files) { f.ClientCA += "x" },
		"a key as authority":   func(f *Files) { f.ClientCA = f.Key },
		"a bad name":           func(f *Files) { f.AllowedClientSANs = []string{"*"} },
		"names without anyone": func(f *Files) { f.ClientCA, f.AllowedClientSANs = "", []string{"a.example"} },
	} {
		files := good
		edit(&files)
		if _, err := Open(Options{Files: files}); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

// At the start there is nothing better than an expired certificate.
func TestOpenExpired(t *testing.T) {
	core, lines := observer.New(zap.DebugLevel)
	old := issue(t, nil, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	store := newFolder(t, old, nil).open(Options{Log: zap.New(core)})
	if serial, _ := served(store); serial != old.serial() || lines.FilterMessage("in force for want of a better one").Len() != 1 {
		t.Errorf("serves %d; %v", serial, lines.All())
	}
}

// TestP1EmptyListLetsNobodyIn: a list without names is no absent list.
func TestP1EmptyListLetsNobodyIn(t *testing.T) {
	ca := authority(t, "ours")
	f := newFolder(t, server(t, ca), ca)
	f.Files.AllowedClientSANs = []string{}
	if _, clientErr, serverErr := shake(t, f.open(Options{}), clientOf(ca, issue(t, ca, named(t, edgeID)))); clientErr == nil || serverErr == nil {
		t.Error("let in")
	}
}

func TestUse(t *testing.T) {
	ca, next := authority(t, "ours"), authority(t, "next")
	old, fresh := newFolder(t, server(t, ca), ca, edgeID), newFolder(t, server(t, next), next, edgeDNS)
	store := old.open(Options{})
	before := store.inForce.Load()
	if err := store.Use(old.Files); err != nil || store.inForce.Load() != before {
		t.Errorf("the same files: %v", err)
	}
	for name, edit := range map[string]func(*Files){
		"gone":     func(f *Files) { f.Key += "x" },
		"bad name": func(f *Files) { f.AllowedClientSANs = []string{"*"} },
		"expired": func(f *Files) {
			bad := newFolder(t, issue(t, ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), ca)
			f.Certificate, f.Key = bad.Files.Certificate, bad.Files.Key
		},
	} {
		files := fresh.Files
		edit(&files)
		if err := store.Use(files); err == nil || store.inForce.Load() != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := store.Use(fresh.Files); err != nil {
		t.Fatal(err)
	}
	if _, clientErr, serverErr := shake(t, store, clientOf(next, issue(t, next, named(t, edgeDNS)))); clientErr != nil || serverErr != nil {
		t.Errorf("client: %v, server: %v", clientErr, serverErr)
	}
	if _, clientErr, _ := shake(t, store, clientOf(next, issue(t, ca, named(t, edgeID)))); clientErr == nil {
		t.Error("who was let in before is let in still")
	}
	names := fresh.Files
	names.AllowedClientSANs = nil
	if err := store.Use(names); err != nil || store.inForce.Load().names != nil {
		t.Errorf("without names: %v", err)
	}
}

// hand is a watcher that the test moves.
type hand struct {
	changes chan struct{}
	dirs    chan []string
}

func newHand() *hand { return &hand{changes: make(chan struct{}), dirs: make(chan []string, 100)} }

func (h *hand) Changes() <-chan struct{} { return h.changes }
func (h *hand) Close() error             { return nil }
func (h *hand) Watch(dirs []string) error {
	select {
	case h.dirs <- dirs:
	default:
	}
	return nil
}

// bubble is a store in a bubble of time.
type bubble struct {
	*folder
	*counts
	hand  *hand
	store *Store
}

// inTime runs a store in a bubble of time; blind: without a watcher.
func inTime(t *testing.T, blind bool, do func(b *bubble)) {
	ca := authority(t, "ours")
	files := newFolder(t, server(t, ca), ca)
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{folder: &folder{t: t, dir: files.dir, Files: files.Files}, counts: newCounts(), hand: newHand()}
		b.store = b.open(Options{Observer: b.counts, Watch: func() (Watcher, error) {
			if blind {
				return nil, errors.New("none")
			}
			return b.hand, nil
		}})
		go b.store.Run(t.Context())
		synctest.Wait()
		do(b)
	})
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the bubble's time
	synctest.Wait()
}

// TestFilesOneAfterTheOther: between the certificate and its key the pair is
// bad, and nobody hears of it.
func TestFilesOneAfterTheOther(t *testing.T) {
	inTime(t, false, func(b *bubble) {
		next := issue(b.t, nil, forEver)
		b.write("tls.crt", next.pem())
		b.hand.changes <- struct{}{}
		pass(time.Second)
		b.write("tls.key", next.keyPEM(b.t))
		pass(quiet + time.Millisecond)
		if serial, _ := served(b.store); serial != next.serial() || b.of("certificate good") != 1 || b.of("certificate bad") != 0 {
			b.t.Errorf("serves %d, counted %v", serial, b.loads)
		}
		b.write("tls.crt", issue(b.t, nil, forEver).pem())
		b.hand.changes <- struct{}{}
		pass(patience + 2*quiet)
		if serial, _ := served(b.store); serial != next.serial() || b.of("certificate bad") != 1 {
			b.t.Errorf("serves %d, counted %v; want the pair that belongs together, and a complaint", serial, b.loads)
		}
	})
}

// forEver makes certificates good in the bubble's time, which begins in 2000.
func forEver(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
}

// TestPoll: where the file system tells nothing, changes are found nevertheless.
func TestPoll(t *testing.T) {
	inTime(t, true, func(b *bubble) {
		next := issue(b.t, nil, forEver)
		b.pair(next)
		pass(pollEvery)
		if serial, _ := served(b.store); serial != next.serial() || b.of("certificate good") != 1 {
			b.t.Errorf("serves %d, counted %v", serial, b.loads)
		}
	})
}

// TestBurst: a storm of events does not put a look off for ever.
func TestBurst(t *testing.T) {
	inTime(t, false, func(b *bubble) {
		next := issue(b.t, nil, forEver)
		b.pair(next)
		for began := time.Now(); time.Since(began) < gatherMax+quiet; pass(quiet / 2) {
			b.hand.changes <- struct{}{}
		}
		if serial, _ := served(b.store); serial != next.serial() {
			b.t.Errorf("serves %d", serial)
		}
	})
}

// TestLaterCertificate: a certificate that was not valid yet is taken when it
// is, though nothing changes on disk.
func TestLaterCertificate(t *testing.T) {
	inTime(t, false, func(b *bubble) {
		next := issue(b.t, nil, func(c *x509.Certificate) {
			forEver(c)
			c.NotBefore = time.Now().Add(startAllowance + time.Minute)
		})
		b.pair(next)
		b.hand.changes <- struct{}{}
		pass(patience + 2*quiet)
		if serial, _ := served(b.store); serial == next.serial() || b.of("certificate bad") != 1 {
			b.t.Errorf("serves %d, counted %v", serial, b.loads)
		}
		pass(time.Minute + pollEvery)
		if serial, _ := served(b.store); serial != next.serial() || b.of("certificate bad") != 1 {
			b.t.Errorf("serves %d, counted %v", serial, b.loads)
		}
	})
}
