//go:build unix

package live

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestDelegatedFileStaysInItsDirectory: whatever stands in the place of a file,
// nothing outside the directory is read, nothing waits, and nobody else notices.
func TestDelegatedFileStaysInItsDirectory(t *testing.T) {
	for _, tt := range []struct {
		what  string
		spoil func(path string) error
		want  string
	}{
		{"a link to a file of the server", func(path string) error { return os.Symlink("/etc/passwd", path) }, "path escapes from parent"},
		{"a link to a file of the platform", func(path string) error { return os.Symlink("../tenants/platform.yaml", path) }, "path escapes from parent"},
		{"a link to the main file", func(path string) error { return os.Symlink("../claimgate.yaml", path) }, "path escapes from parent"},
		{"a link in two steps", func(path string) error {
			way := filepath.Join(filepath.Dir(path), ".way")
			_ = os.Remove(way)
			if err := os.Symlink("..", way); err != nil {
				return err
			}
			return os.Symlink(".way/tenants/platform.yaml", path)
		}, "path escapes from parent"},
		{"a link to its own directory by the way around", func(path string) error { return os.Symlink("../customers/victim.yaml", path) }, "path escapes from parent"},
		{"a link to the environment", func(path string) error { return os.Symlink("/proc/self/environ", path) }, "path escapes from parent"},
		{"a device", func(path string) error { return os.Symlink("/dev/zero", path) }, "path escapes from parent"},
		{"a link to nothing", func(path string) error { return os.Symlink("nothing", path) }, "no such file"},
		{"a link to itself", func(path string) error { return os.Symlink(filepath.Base(path), path) }, "too many levels of symbolic links"},
		{"a FIFO", func(path string) error { return syscall.Mkfifo(path, 0o600) }, "no regular file"},
		{"a huge file", func(path string) error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 1<<40)
		}, "has more than 65536 bytes"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			a := newDelegated(t)
			for _, name := range []string{"mallory", "fresh"} {
				path := a.path("customers", name+".yaml")
				_ = os.Remove(path) // of the other there is none
				if err := tt.spoil(path); err != nil {
					t.Fatal(err)
				}
			}
			within(t, tt.what, func() { a.live.reload(ask{}) })
			a.wait()
			within(t, tt.what, func() { a.live.reload(ask{}) })
			for name, state := range map[string]State{"mallory": Stale, "fresh": Quarantined} {
				if got, text := a.troubleOf(name); got != state || !strings.Contains(text, tt.want) {
					t.Errorf("%s: %s: %s", name, got, text)
				}
			}
			a.neighbours(tt.what)
			a.answers(tt.what, "mallory.api.example.com", "mallory", "allowed x-tenant=mallory x-version=v1")
			a.customer("victim", victimTenant+"# changed\n")
			a.live.reload(ask{})
			if state, text := a.troubleOf("victim"); state != "" {
				t.Errorf("another's change is not in force: %s", text)
			}
		})
	}
}

// TestDelegatedFileThatAnEventNamesStaysInItsDirectory: where the watcher names
// the file that changed, it is read as one of its directory, too.
func TestDelegatedFileThatAnEventNamesStaysInItsDirectory(t *testing.T) {
	a := newDelegated(t)
	a.live.reload(ask{})
	path := a.path("customers", "mallory.yaml")
	named := func() { a.live.reload(ask{only: []string{path}}) }

	a.customer("mallory", delegatedTenant+"# changed\n")
	named()
	a.wait()
	named()
	if known := a.live.disk.files[path]; !known.theirs || known.file == nil || !known.file.Delegated {
		t.Errorf("after an event the file is one of the platform's: %+v", known)
	}
	for _, target := range []string{a.path("tenants", "platform.yaml"), "../tenants/platform.yaml", "/etc/passwd"} {
		if err := errors.Join(os.Remove(path), os.Symlink(target, path)); err != nil {
			t.Fatal(err)
		}
		named()
		a.wait()
		named()
		if state, text := a.troubleOf("mallory"); state != Stale || !strings.Contains(text, "path escapes from parent") {
			t.Errorf("%s: %s: %s", target, state, text)
		}
	}
	a.customer("mallory", delegatedTenant+strings.Repeat("#\n", 40<<10))
	named()
	a.wait()
	named()
	if state, text := a.troubleOf("mallory"); state != Stale || !strings.Contains(text, "has more than 65536 bytes") {
		t.Errorf("a huge file: %s: %s", state, text)
	}
	a.neighbours("in the end")
}

// TestDelegatedDirectoryIsFlat: directories and links to directories are not
// read, whatever is in them, and are told.
func TestDelegatedDirectoryIsFlat(t *testing.T) {
	a := newDelegated(t)
	for _, err := range []error{
		os.MkdirAll(a.path("customers", "below.yaml", "deep"), 0o700),
		os.WriteFile(a.path("customers", "below.yaml", "sub.yaml"), []byte(delegatedTenant), 0o600),
		os.Symlink(".", a.path("customers", "loop")),
		os.Symlink("../tenants", a.path("customers", "linked")),
		os.Mkdir(a.path("customers", "closed"), 0o000),
		os.WriteFile(a.path("customers", "sub.yml"), []byte(delegatedTenant), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	a.customer("victim", victimTenant+"# changed\n")
	a.live.reload(ask{})
	a.neighbours("flat")
	a.answers("flat", "sub.api.example.com", "sub", "place_unknown")
	status := a.live.Status()
	if status.Dirs != nil || len(status.Troubled) > 0 {
		t.Errorf("%+v", status)
	}
	for _, name := range []string{"below.yaml", "loop", "closed", "sub.yml"} {
		if !slices.ContainsFunc(status.Ignored, func(text string) bool { return strings.HasPrefix(text, a.path("customers", name)+":1:1: ") }) {
			t.Errorf("%s is not told: %q", name, status.Ignored)
		}
	}
}

// TestDelegatedConfigMap: links within the directory are followed, so that it
// may be a mounted ConfigMap.
func TestDelegatedConfigMap(t *testing.T) {
	a := newDelegated(t)
	for version := range 2 {
		dir := fmt.Sprintf("..2026_%d", version)
		a.customer("nobody", "")
		_ = os.Remove(a.path("customers", "nobody.yaml"))
		if err := os.Mkdir(a.path("customers", dir), 0o700); err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(delegatedTenant, "tenant: labels.version", fmt.Sprintf("value: v%d", version))
		if err := os.WriteFile(a.path("customers", dir, "mapped.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(a.path("customers", "..data"))
		_ = os.Remove(a.path("customers", "mapped.yaml"))
		if err := os.Symlink(dir, a.path("customers", "..data")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("..data/mapped.yaml", a.path("customers", "mapped.yaml")); err != nil {
			t.Fatal(err)
		}
		a.live.reload(ask{})
		a.answers(dir, "mapped.api.example.com", "mapped", fmt.Sprintf("allowed x-tenant=mapped x-version=v%d", version))
	}
	a.neighbours("mapped")
}

// TestDelegatedNameIsNoWeapon: a file that is called like a tenant of the
// platform changes nothing for it, good or bad, in whatever case, now and after
// a restart without a memory.
func TestDelegatedNameIsNoWeapon(t *testing.T) {
	a := newDelegated(t)
	names := []string{"platform", "inline", "Platform", "INLINE"}
	for _, text := range []string{delegatedTenant, "hosts: [platform.example]\n", "suspended: true\n", "{{{\n", ""} {
		for _, name := range names {
			a.customer(name, text)
		}
		a.live.reload(ask{all: true})
		a.neighbours(text)
		for _, name := range names {
			want := a.path("customers", name+".yaml") + ":1:1: this delegated file is not read, since the name is that of another tenant ("
			status := a.live.Status()
			if !slices.ContainsFunc(status.Ignored, func(text string) bool { return strings.HasPrefix(text, want) }) {
				t.Errorf("%s is not told: %q", name, status.Ignored)
			}
		}
		a.open()
		a.onLaterClock()
		a.neighbours("a start with " + text)
	}
}

// TestDelegatedFileNames: what is no name of a tenant makes none.
func TestDelegatedFileNames(t *testing.T) {
	a := newDelegated(t)
	names := []string{"a b", "x:y", "{tenant}", "*", "..x", strings.Repeat("n", 65), "line\nbreak", "esc\x1b[2J", "tüte", " "}
	for _, name := range names {
		a.customer(name, delegatedTenant)
	}
	a.live.reload(ask{})
	a.neighbours("names")
	for _, name := range names {
		if strings.HasPrefix(name, ".") {
			continue // not read at all
		}
		if state, text := a.troubleOf(name); state != Quarantined || !strings.Contains(text, "a name has 1 to 64 of the characters") {
			t.Errorf("%q: %s: %s", name, state, text)
		}
	}
}

// TestDelegatedContestsAtAStart: without a memory of who came first, what an
// operator wrote comes first. A delegated file that asks for the same id, or is
// broken and would hold it, is the one that waits.
func TestDelegatedContestsAtAStart(t *testing.T) {
	for what, text := range map[string]string{
		"good":   delegatedTenant,
		"broken": delegatedTenant + "nonsense: true\n",
		"beyond": delegatedTenant + "hosts: [platform.example]\nids: {idp: org-platform}\n",
	} {
		t.Run(what, func(t *testing.T) {
			a := newDelegated(t)
			a.customer("org-platform", text)
			a.open()
			a.onLaterClock()
			a.neighbours("a start")
			if state, text := a.troubleOf("org-platform"); state != Quarantined {
				t.Errorf("%s: %s", state, text)
			}
			a.tenant("later", "hosts: [later.example]\nids: {idp: org-later}\npolicy: {rules: [{name: all, action: allow, anyToken: true}]}\n")
			a.customer("org-later", text)
			a.live.reload(ask{})
			a.answers("both are new", "later.example", "org-later", "allowed x-tenant=later")
			a.neighbours("both are new")
		})
	}
}

// TestDelegatedIssuersAtAStart: a delegated file that names the issuer of a
// tenant of the platform does not stop it, also where neither was there before.
func TestDelegatedIssuersAtAStart(t *testing.T) {
	const mine = "issuers:\n  - {name: mine, issuer: https://id.platform.example, audiences: [https://mallory.example.com], algorithms: [EdDSA], " +
		"jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}]}}\n"
	for _, text := range []string{mine + allowAll, mine + allowAll + "nonsense: true\n"} {
		a := newDelegated(t)
		a.customer("mallory", text)
		a.tenant("other", "hosts: [other.example]\nids: {idp: other}\n"+allowAll+strings.Replace(mine, "issuers:\n", "issuers:\n  - idp\n", 1))
		a.open()
		a.onLaterClock()
		a.answers("a start", "other.example", "other", "allowed x-tenant=other")
		a.neighbours("a start")
		if state, text := a.troubleOf("mallory"); state != Quarantined {
			t.Errorf("%s: %s", state, text)
		}
	}
}

// TestDelegatedGrantChanges: a file that a narrower grant no longer admits is
// told by its name. While it is in force the main file is the bad one, so that
// nobody is stopped unasked; a start under that main file refuses the file.
func TestDelegatedGrantChanges(t *testing.T) {
	a := newDelegated(t)
	narrower := strings.Replace(delegatedMain, "headerNames: [x-version]", "headerNames: [x-role]", 1)
	a.main(narrower)
	a.live.reload(ask{})
	status := a.live.Status()
	if status.Main == nil || !strings.Contains(status.Main.Text, "tenant mallory, which is in force, would become bad: "+
		a.path("customers", "mallory.yaml")+":1:18: headers[0].name: the grant of this directory does not give the header") {
		t.Errorf("%+v", status.Main)
	}
	a.neighbours("narrower")

	a.open()
	a.onLaterClock()
	if state, text := a.troubleOf("mallory"); state != Quarantined || !strings.Contains(text, "headers[0].name: the grant") {
		t.Errorf("after a start: %s: %s", state, text)
	}
	a.answers("after a start", "mallory.api.example.com", "mallory", "tenant_unavailable")
	a.answers("after a start", "platform.example", "org-platform", "allowed x-tenant=platform x-version=v1")

	a.main(delegatedMain)
	a.live.reload(ask{})
	a.neighbours("as before")
	a.answers("as before", "mallory.api.example.com", "mallory", "allowed x-tenant=mallory x-version=v1")

	a.customer("mallory", delegatedTenant+"hosts: [mallory.example]\n")
	a.live.reload(ask{})
	a.answers("hosts", "mallory.example", "mallory", "place_unknown")
	a.main(delegatedMain[:strings.Index(delegatedMain, "    delegated:")])
	a.customer("mallory", strings.ReplaceAll(delegatedTenant, "tenant: labels.version", "value: v2")+"hosts: [mallory.example]\n")
	a.customer("victim", strings.ReplaceAll(victimTenant, "tenant: labels.version", "value: v1"))
	a.live.reload(ask{})
	a.live.reload(ask{})
	a.answers("no grant any more", "mallory.example", "mallory", "allowed x-tenant=mallory x-version=v2")
	a.neighbours("no grant any more")

	a.main(delegatedMain)
	a.live.reload(ask{})
	if status := a.live.Status(); status.Main == nil || !strings.Contains(status.Main.Text, "hosts is never for a delegated file") {
		t.Errorf("a grant where there was none: %+v", status.Main)
	}
}

// TestDelegatedLinksWithAnotherGrant: a link that led out while the platform
// wrote the directory is not followed once it is delegated.
func TestDelegatedLinksWithAnotherGrant(t *testing.T) {
	a := newDelegated(t)
	plain := strings.ReplaceAll(delegatedTenant, "tenant: labels.version", "value: v1")
	a.customer("victim", strings.ReplaceAll(victimTenant, "tenant: labels.version", "value: v1"))
	a.customer("mallory", plain)
	a.main(delegatedMain[:strings.Index(delegatedMain, "    delegated:")])
	a.replace(a.path("outside.yaml"), plain)
	if err := os.Symlink("../outside.yaml", a.path("customers", "linked.yaml")); err != nil {
		t.Fatal(err)
	}
	a.open()
	a.onLaterClock()
	a.neighbours("without a grant")
	a.answers("without a grant", "linked.api.example.com", "linked", "allowed x-tenant=linked x-version=v1")

	a.main(delegatedMain)
	a.live.reload(ask{})
	if state, text := a.troubleOf("linked"); state != Stale || !strings.Contains(text, "path escapes from parent") {
		t.Errorf("%s: %s; %+v", state, text, a.live.Status())
	}
	a.neighbours("with a grant")
	a.open()
	a.onLaterClock()
	a.neighbours("after a start")
	a.answers("after a start", "linked.api.example.com", "linked", "tenant_unavailable")
	if state, text := a.troubleOf("linked"); state != Quarantined {
		t.Errorf("%s: %s; %+v", state, text, a.live.Status())
	}
}

// TestDelegatedFileStopsItsOwnTenant: whoever may write the file may stop the
// tenant, given the field or not, and no other.
func TestDelegatedFileStopsItsOwnTenant(t *testing.T) {
	a := newDelegated(t)
	a.customer("mallory", delegatedTenant+"suspended: true\n")
	a.live.reload(ask{})
	a.neighbours("stopped")
	a.answers("stopped", "mallory.api.example.com", "mallory", "tenant_unavailable")
	a.customer("mallory", delegatedTenant)
	a.live.reload(ask{})
	a.answers("no more", "mallory.api.example.com", "mallory", "allowed x-tenant=mallory x-version=v1")
}

// TestDelegatedSuspension: a file of the platform with the same name comes
// before the delegated one, which is how an operator suspends such a tenant.
func TestDelegatedSuspension(t *testing.T) {
	a := newDelegated(t)
	a.tenant("mallory", "suspended: true\n"+allowAll)
	a.live.reload(ask{})
	a.answers("suspended", "mallory.api.example.com", "mallory", "tenant_suspended")
	a.customer("mallory", delegatedTenant+"# I am back\n")
	a.live.reload(ask{})
	a.answers("still suspended", "mallory.api.example.com", "mallory", "tenant_suspended")
	a.neighbours("suspended")
	if err := os.Remove(a.path("tenants", "mallory.yaml")); err != nil {
		t.Fatal(err)
	}
	a.live.reload(ask{})
	a.answers("no more", "mallory.api.example.com", "mallory", "allowed x-tenant=mallory x-version=v1")
}
