package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stay is one tenant whose files change, as a client sees it.
type stay struct {
	w     *world
	many  *many
	token string
}

// gets waits until a request for a host gets the answer: a version that serves,
// or a status.
func (s *stay) gets(t *testing.T, what, host, token, want string) {
	t.Helper()
	got := ""
	defer func() {
		if t.Failed() {
			t.Logf("%s: %s: %s, want %s", what, host, got, want)
		}
	}()
	eventually(t, what, func() bool {
		a := s.w.get(t, viaBinary, host, "/orders/1", authorization(token))
		if got = strings.Join(a.saw("x-version"), "|"); a.seen == nil {
			got = http.StatusText(a.status)
		}
		return got == want
	})
}

var (
	says401 = http.StatusText(http.StatusUnauthorized)
	says403 = http.StatusText(http.StatusForbidden)
	says503 = http.StatusText(http.StatusServiceUnavailable)
)

// TestP6NobodyElseNoticesBehindEnvoy runs the real binary with a thousand
// tenants behind a real Envoy, under a steady load of requests whose answers are
// known. One tenant is added, changed, broken, mended, contested, suspended and
// removed, many vanish, the directory goes and comes back, the main file breaks
// and is mended, and the process is restarted: no answer of anybody else is ever
// wrong, and each state can be seen.
func TestP6NobodyElseNoticesBehindEnvoy(t *testing.T) {
	const tenants = 1000
	w := the(t)
	m := newMany(t, w, tenants)
	server := startServer(t, m.config)
	s := &stay{w, m, w.mint(t, commonIssuer, map[string]any{"org_id": "guest"})}
	const host = "guest.api.example"
	s.gets(t, "before", host, s.token, says401)
	c := w.crowd(t, w.enquiries(t, tenants))
	c.more(t, 100)

	m.tenant(t, "guest", version("a1"))
	s.gets(t, "added", host, s.token, "a1")
	server.shows(t, "added", []string{`claimgate_tenants{state="active"} 1001`, "claimgate_reload_failed 0"}, nil, []string{`"tenant added","tenant":"guest"`})
	m.tenant(t, "guest", version("a2"))
	s.gets(t, "changed", host, s.token, "a2")
	s.breakAndMend(t, server)
	s.contest(t, server)

	m.tenant(t, "guest", version("a6")+"suspended: true\n")
	s.gets(t, "suspended", host, s.token, says403)
	server.shows(t, "suspended", []string{`claimgate_tenants{state="suspended"} 1`}, nil, nil)
	m.remove(t, "guest")
	s.gets(t, "removed", host, s.token, says401)
	server.shows(t, "removed", []string{`claimgate_tenants{state="active"} 1000`}, nil, []string{`"tenant removed","tenant":"guest"`})

	s.manyVanish(t, server)
	s.directoryVanishes(t, server)
	s.mainFile(t, server)
	s.restart(t, server, c)

	c.more(t, 100)
	c.leave()
	t.Logf("%d answers, %d of them 503 around the restart", c.asked.Load(), c.down.Load())
	if wrong := c.wrong.Load(); wrong > 0 {
		t.Errorf("%d of %d answers were wrong, the first: %s", wrong, c.asked.Load(), *c.first.Load())
	}
}

func (s *stay) breakAndMend(t *testing.T, server *server) {
	t.Helper()
	const host = "guest.api.example"
	s.many.tenant(t, "guest", version("a3")+"nonsense: true\n")
	server.shows(t, "broken", []string{`claimgate_tenants{state="stale"} 1`, "claimgate_reload_failed 1"},
		[]string{"NOT IN FORCE  tenant guest (stale", "guest.yaml:2:1: nonsense"}, []string{`"tenant file is bad","tenant":"guest","state":"stale"`, "guest.yaml:2:1: nonsense"})
	s.gets(t, "broken", host, s.token, "a2")
	s.many.tenant(t, "guest", version("a3"))
	s.gets(t, "mended", host, s.token, "a3")
	server.shows(t, "mended", []string{`claimgate_tenants{state="stale"} 0`, "claimgate_reload_failed 0"}, nil, []string{`"tenant mended","tenant":"guest"`})

	whole := "# of a tenant that comes and goes\n" + version("a4")
	s.many.tenant(t, "guest", whole)
	s.gets(t, "changed", host, s.token, "a4")
	path := filepath.Join(s.many.dir, "tenants", "guest.yaml")
	if err := os.WriteFile(path, []byte(whole[:len(whole)-4]), 0o600); err != nil { // in place
		t.Fatal(err)
	}
	server.shows(t, "cut in place", []string{`claimgate_tenants{state="stale"} 1`, "claimgate_reload_waiting 1"},
		[]string{"tenant guest (stale, waits to be confirmed"}, []string{"tenant waits for confirmation"})
	s.gets(t, "cut in place", host, s.token, "a4")
	if err := os.WriteFile(path, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	server.shows(t, "completed", []string{`claimgate_tenants{state="stale"} 0`, "claimgate_reload_waiting 0"}, nil, nil)
}

func (s *stay) contest(t *testing.T, server *server) {
	t.Helper()
	const host = "guest.api.example"
	rival := s.w.mint(t, commonIssuer, map[string]any{"org_id": "rival"})
	s.many.tenant(t, "rival", version("r1")+"hosts: [m7.api.example, "+host+"]\n")
	server.shows(t, "a newcomer asks for places of others", []string{`claimgate_tenants{state="quarantined"} 1`},
		[]string{"tenant rival (quarantined"}, []string{`"tenant":"rival","state":"quarantined"`})
	s.gets(t, "the newcomer's own place", "rival.api.example", rival, says503)
	s.gets(t, "contested", host, s.token, "a4")
	s.gets(t, "contested", "m7.api.example", rival, says403)
	s.many.remove(t, "rival")
	s.gets(t, "the newcomer went", "rival.api.example", rival, says401)

	s.many.tenant(t, "guest", version("a5")+"hosts: ['*.api.example']\n")
	server.shows(t, "one in force asks for all places", []string{`claimgate_tenants{state="stale"} 1`}, []string{"tenant guest (stale"}, nil)
	s.gets(t, "one in force asks for all places", host, s.token, "a4")
	s.many.tenant(t, "guest", version("a5"))
	s.gets(t, "it lets go", host, s.token, "a5")
}

// manyVanish puts a directory in the place of the other that lacks one file more
// than 1 %, and then puts the other back.
func (s *stay) manyVanish(t *testing.T, server *server) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(s.many.dir, "tenants"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.many.dir, "fewer"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range files[11:] {
		if err := os.Link(filepath.Join(s.many.dir, "tenants", file.Name()), filepath.Join(s.many.dir, "fewer", file.Name())); err != nil {
			t.Fatal(err)
		}
	}
	s.many.move(t, "tenants", "all")
	s.many.move(t, "fewer", "tenants")
	server.shows(t, "many vanished", []string{`claimgate_tenants{state="active"} 989`, `claimgate_tenants{state="stale"} 11`, "claimgate_reload_waiting 1"},
		[]string{"the file vanished together with those of 10 other tenants"}, []string{"tenant waits for confirmation"})
	s.many.move(t, "tenants", "fewer")
	s.many.move(t, "all", "tenants")
	server.shows(t, "they are back", []string{`claimgate_tenants{state="active"} 1000`, "claimgate_reload_waiting 0", "claimgate_reload_failed 0"}, nil, nil)
}

func (s *stay) directoryVanishes(t *testing.T, server *server) {
	t.Helper()
	s.many.move(t, "tenants", "away")
	server.shows(t, "the directory vanished", []string{`claimgate_tenants{state="active"} 1000`, "claimgate_reload_failed 1"},
		[]string{"NOT IN FORCE  tenant directories"}, []string{"the tenant directories cannot be put in force"})
	s.many.move(t, "away", "tenants")
	server.shows(t, "the directory is back", []string{"claimgate_reload_failed 0"}, nil, nil)
	s.many.tenant(t, "guest", version("a7"))
	s.gets(t, "it is watched again", "guest.api.example", s.token, "a7")
}

func (s *stay) mainFile(t *testing.T, server *server) {
	t.Helper()
	s.many.replace(t, "claimgate.yaml", "nonsense: true\n")
	server.shows(t, "the main file is bad", []string{`claimgate_tenants{state="active"} 1001`, "claimgate_reload_failed 1"},
		[]string{"NOT IN FORCE  main file"}, []string{"the main file cannot be put in force", "claimgate.yaml:1:1: nonsense"})
	s.many.tenant(t, "guest", version("a8"))
	s.gets(t, "a tenant changes meanwhile", "guest.api.example", s.token, "a8")
	s.many.replace(t, "claimgate.yaml", strings.Replace(s.many.main, "{tenant}.api.example", "{tenant}.elsewhere.example", 1)+"nonsense: true\n")
	server.shows(t, "it is bad in another way", nil, nil, []string{`there is no field \"nonsense\" here`})
	s.many.replace(t, "claimgate.yaml", strings.Replace(s.many.main, "[x-spare]", "[x-spare, x-more]", 1))
	server.shows(t, "it is mended", []string{"claimgate_reload_failed 0"}, nil, nil)
	if err := server.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	server.shows(t, "SIGHUP", []string{"claimgate_reload_failed 0"}, nil, []string{"reloaded on SIGHUP"})
}

// restart stops and starts the process under load. Meanwhile two newcomers ask
// for places of others, and a tenant becomes unreadable: what was accepted first
// is kept in the state directory.
func (s *stay) restart(t *testing.T, server *server, c *crowd) {
	t.Helper()
	c.away.Store(true)
	if err := server.stop(); err != nil {
		t.Fatalf("it ended with %v:\n%s", err, server.log)
	}
	s.many.tenant(t, "0-early", version("e1")+"hosts: [m3.api.example]\n")
	s.many.tenant(t, "zz-late", version("z1")+"hosts: [m4.api.example, guest.api.example]\n")
	s.many.tenant(t, "guest", "]")
	server = startServer(t, s.many.config)
	s.gets(t, "serving again", "m0.api.example", s.w.mint(t, commonIssuer, map[string]any{"org_id": "m0"}), "v1")
	c.away.Store(false)
	server.shows(t, "restarted", []string{`claimgate_tenants{state="active"} 1000`, `claimgate_tenants{state="quarantined"} 3`, "claimgate_state_dir_usable 1"},
		[]string{"tenant 0-early (quarantined", "tenant guest (quarantined", "tenant zz-late (quarantined"}, nil)
	late := s.w.mint(t, commonIssuer, map[string]any{"org_id": "zz-late"})
	s.gets(t, "the place of the unreadable tenant", "guest.api.example", late, says503)
	s.gets(t, "a contested place", "m3.api.example", s.w.mint(t, commonIssuer, map[string]any{"org_id": "0-early"}), says403)
	s.many.tenant(t, "guest", version("a9"))
	s.gets(t, "mended after the restart", "guest.api.example", s.token, "a9")
	s.many.remove(t, "0-early")
	s.many.remove(t, "zz-late")
	server.shows(t, "the newcomers went", []string{`claimgate_tenants{state="active"} 1001`, "claimgate_reload_failed 0"}, nil, nil)
}

// TestP6TenThousandTenants loads ten thousand tenant files with the real binary
// and tells what that costs.
func TestP6TenThousandTenants(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand files")
	}
	const tenants = 10_000
	w := the(t)
	m := newMany(t, w, tenants)
	server := startServer(t, m.config)
	server.shows(t, "started", []string{`claimgate_tenants{state="active"} 10000`, "claimgate_reload_failed 0"}, nil, nil)
	t.Logf("%d tenants: ready after %v, %s", tenants, server.took.Round(time.Millisecond), server.memory())
	s := &stay{w, m, ""}
	for _, name := range []string{"m0", "m4711", "m9999"} {
		token := w.mint(t, commonIssuer, map[string]any{"org_id": name})
		s.gets(t, "served", name+".api.example", token, "v1")
		s.gets(t, "a token of another tenant", "m77.api.example", token, says403)
	}
	token := w.mint(t, commonIssuer, map[string]any{"org_id": "m4711"})
	began := time.Now()
	m.tenant(t, "m4711", version("v2"))
	s.gets(t, "changed", "m4711.api.example", token, "v2")
	t.Logf("one changed file is in force after %v", time.Since(began).Round(time.Millisecond))
	if err := server.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	server.shows(t, "SIGHUP", []string{`claimgate_tenants{state="active"} 10000`, "claimgate_reload_failed 0"}, nil, []string{"reloaded on SIGHUP"})
	t.Logf("after a change and a SIGHUP: %s", server.memory())
}
