package live

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// model is how things should be, worked out tenant against tenant.
type model struct {
	tenants  map[string]*modelled
	lastRank int
	mainBad  bool
	away     bool // the directory vanished
}

// modelled is one tenant: what its file says and what is in force.
type modelled struct {
	hosts   []string // of the file, as far as they can be read
	answer  string   // what the file grants
	bad     bool     // the file is bad, or was cut
	missing bool     // there is no file
	good    *grant   // in force
	kept    []string // places accepted before this process began
	rank    int      // of first acceptance
}

type grant struct {
	hosts  []string
	answer string
}

// wants returns the version that the file asks for, if it is another one.
func (m *modelled) wants() *grant {
	if m.missing || m.bad || m.good != nil && m.good.answer == m.answer {
		return nil
	}
	return &grant{m.hosts, m.answer}
}

// settle works out who is in force after a reload.
func (m *model) settle() {
	if m.away {
		return
	}
	wants := map[string]*grant{}
	for name, t := range m.tenants {
		if t.missing {
			delete(m.tenants, name)
			continue
		}
		if want := t.wants(); want != nil {
			wants[name] = want
		}
	}
	for {
		refused := m.heldPlaces(wants)
		if len(refused) == 0 {
			refused = m.takers(wants)
		}
		if len(refused) == 0 {
			refused = m.intruders(wants)
		}
		if len(refused) == 0 {
			refused = m.contested(wants)
		}
		if len(refused) == 0 {
			break
		}
		for name := range refused {
			delete(wants, name)
		}
	}
	for _, name := range m.byRank() {
		if want := wants[name]; want != nil {
			t := m.tenants[name]
			t.good, t.kept = want, want.hosts
			if t.rank == 0 {
				m.lastRank++
				t.rank = m.lastRank
			}
		}
	}
}

// byRank orders the tenants by first acceptance, those without one by name
// before them.
func (m *model) byRank() []string {
	names := slices.Sorted(maps.Keys(m.tenants))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(m.tenants[a].rank, m.tenants[b].rank) })
	return names
}

// places are those of a tenant that has no version.
func (m *modelled) places() []string { return merge(m.hosts, m.kept) }

// heldPlaces finds who asks for a place of a quarantined tenant.
func (m *model) heldPlaces(wants map[string]*grant) map[string]bool {
	refused := map[string]bool{}
	for name, want := range wants {
		t := m.tenants[name]
		for other, holder := range m.tenants {
			if other == name || holder.good != nil || wants[other] != nil {
				continue
			}
			for _, host := range want.hosts {
				if t.good != nil && slices.Contains(t.good.hosts, host) || !slices.Contains(holder.places(), host) {
					continue
				}
				before := t.good == nil && t.rank != 0 && (holder.rank == 0 || t.rank < holder.rank)
				if had := t.had(host); had != holder.had(host) && t.good == nil && t.rank != 0 {
					before = had // the order decides where both had it, or none
				}
				refused[name] = refused[name] || !before
			}
		}
	}
	maps.DeleteFunc(refused, func(_ string, yes bool) bool { return !yes })
	return refused
}

// had reports whether the tenant, without a version, had the host and asks for it
// still. Of what a bad file asks for nothing is known.
func (m *modelled) had(host string) bool {
	return m.rank != 0 && slices.Contains(m.kept, host) && (m.bad || slices.Contains(m.hosts, host))
}

// takers finds who asks for what another tenant without a version had, and did not
// have it.
func (m *model) takers(wants map[string]*grant) map[string]bool {
	refused := map[string]bool{}
	for a, want := range wants {
		for b := range wants {
			taker, owner := m.tenants[a], m.tenants[b]
			if a != b && taker.good == nil && owner.good == nil && slices.ContainsFunc(want.hosts, func(host string) bool { return owner.had(host) && !taker.had(host) }) {
				refused[a] = true
			}
		}
	}
	return refused
}

// intruders finds who asks for what another has and, changed, keeps.
func (m *model) intruders(wants map[string]*grant) map[string]bool {
	refused := map[string]bool{}
	for a, want := range wants {
		for b, kept := range wants {
			if owner := m.tenants[b]; a != b && owner.good != nil && slices.ContainsFunc(want.hosts, func(host string) bool {
				return slices.Contains(owner.good.hosts, host) && slices.Contains(kept.hosts, host)
			}) {
				refused[a] = true
			}
		}
	}
	return refused
}

// contested finds who asks for what somebody else has or asks for too.
func (m *model) contested(wants map[string]*grant) map[string]bool {
	class := func(name string) int { // 0 in force, then by rank, then new
		switch t := m.tenants[name]; {
		case wants[name] == nil:
			return 0
		case t.good == nil && t.rank != 0:
			return t.rank
		}
		return 1 << 30
	}
	refused := map[string]bool{}
	for a, want := range wants {
		for b, other := range m.tenants {
			has := wants[b]
			if has == nil {
				has = other.good
			}
			if a != b && has != nil && class(b) <= class(a) && slices.ContainsFunc(want.hosts, func(host string) bool { return slices.Contains(has.hosts, host) }) {
				refused[a] = true
			}
		}
	}
	return refused
}

// restart begins another process on the same files.
func (m *model) restart() {
	for _, t := range m.tenants {
		t.good = nil
	}
	m.settle()
}

func (m *model) answer(host string) string {
	for _, t := range m.tenants {
		if t.good != nil && slices.Contains(t.good.hosts, host) {
			return t.good.answer
		}
	}
	for _, t := range m.tenants {
		if t.good == nil && slices.Contains(t.places(), host) {
			return unavailable
		}
	}
	return "401"
}

// machine drives the real thing and the model with the same events.
type machine struct {
	*scene
	model   *model
	texts   map[string]string // last whole text by tenant
	granted map[string]bool   // every answer that some whole text gives
	version int
	touched string // the tenant that the last event was about
}

var modelHosts = []string{"h0", "h1", "h2", "h3", "h4", "h5"}

func (m *machine) draw(t *rapid.T) string {
	if m.model.away {
		t.Skip("the directory is away")
	}
	return rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "tenant")
}

// get returns the modelled tenant, or a new one.
func (m *machine) get(name string) *modelled {
	if m.model.tenants[name] == nil {
		m.model.tenants[name] = &modelled{missing: true}
	}
	return m.model.tenants[name]
}

func (m *machine) file(name string) string { return "tenants/" + name + ".yaml" }

// Put writes another whole file.
func (m *machine) Put(t *rapid.T) {
	name := m.draw(t)
	hosts := rapid.SliceOfNDistinct(rapid.SampledFrom(modelHosts), 1, 2, rapid.ID[string]).Draw(t, "hosts")
	slices.Sort(hosts)
	m.version++
	text := "host " + strings.Join(hosts, "\nhost ") + fmt.Sprintf("\nallow v%d\ndeny secrets\n", m.version)
	m.write(m.file(name), text)
	tenant := m.get(name)
	tenant.hosts, tenant.bad, tenant.missing = hosts, false, false
	tenant.answer = fmt.Sprintf("%s: allow v%d, deny secrets", name, m.version)
	m.texts[name], m.granted[tenant.answer], m.touched = text, true, name
}

// Break makes a file bad, of which the places can be read.
func (m *machine) Break(t *rapid.T) {
	name := m.draw(t)
	host := rapid.SampledFrom(modelHosts).Draw(t, "host")
	m.write(m.file(name), "host "+host+"\nallow everything\nnonsense\n")
	tenant := m.get(name)
	tenant.hosts, tenant.bad, tenant.missing, m.touched = []string{host}, true, false, name
}

// Garble makes a file bad, of which nothing can be read.
func (m *machine) Garble(t *rapid.T) {
	name := m.draw(t)
	m.write(m.file(name), "garbage\n")
	tenant := m.get(name)
	tenant.hosts, tenant.bad, tenant.missing, m.touched = nil, true, false, name
}

// Cut cuts a file in place that is in force, at any byte.
func (m *machine) Cut(t *rapid.T) {
	name := m.draw(t)
	tenant, text := m.get(name), m.texts[name]
	if tenant.missing || tenant.bad || tenant.good == nil || tenant.good.answer != tenant.answer {
		t.Skip("not in force")
	}
	m.inPlace(m.file(name), text[:rapid.IntRange(0, len(text)-1).Draw(t, "end")])
	tenant.bad, m.touched = true, name
	tenant.hosts = nil // while it has a version, its places are that one's
}

// Remove removes a file.
func (m *machine) Remove(t *rapid.T) {
	name := m.draw(t)
	tenant := m.get(name)
	if tenant.missing {
		t.Skip("no file")
	}
	m.remove(m.file(name))
	tenant.missing, m.touched = true, name
}

// Vanish takes the directory away, and brings it back.
func (m *machine) Vanish(*rapid.T) {
	if m.model.away {
		m.move("away", "tenants")
	} else {
		m.move("tenants", "away")
	}
	m.model.away = !m.model.away
	m.touched = ""
}

// BreakMain makes the main file bad, and mends it.
func (m *machine) BreakMain(*rapid.T) {
	m.model.mainBad = !m.model.mainBad
	text := modelMain
	if m.model.mainBad {
		text = "nonsense\n"
	}
	m.write("main", text)
	m.touched = ""
}

// Restart begins another process, which remembers who was first.
func (m *machine) Restart(t *rapid.T) {
	if m.model.mainBad || m.model.away {
		t.Skip("it would not start")
	}
	for name, tenant := range m.model.tenants {
		if tenant.bad && tenant.hosts == nil && m.fileHosts(name) != nil {
			tenant.hosts = m.fileHosts(name) // of a file that was cut
			if whole := m.whole(name); whole != "" {
				tenant.bad, tenant.answer = false, whole             // only replacement by rename protects at a start
				m.granted[whole], m.texts[name] = true, m.text(name) // to be cut again
			}
		}
	}
	m.start()
	m.model.restart()
	m.touched = "*"
}

// text returns what a file holds, "" where it cannot be read.
func (m *machine) text(name string) string {
	text, _ := os.ReadFile(m.path("tenants", name+".yaml"))
	return string(text)
}

func (m *machine) fileHosts(name string) []string {
	text := m.text(name)
	if strings.Contains(text, "garbage") {
		return nil
	}
	var hosts []string
	for _, word := range words([]byte(text)) {
		if word[0] == "host" && len(word) == 2 {
			hosts = append(hosts, word[1])
		}
	}
	slices.Sort(hosts)
	return hosts
}

// whole returns what a cut file grants where it happens to be good.
func (m *machine) whole(name string) string {
	file, err := m.ReadTenant(Found{Path: m.path("tenants", name+".yaml")}, nil)
	if err != nil {
		return ""
	}
	compiled, err := (&toyBase{toy: m.toy}).Tenant(file)
	if err != nil {
		return ""
	}
	return name + ": " + compiled.Compiled.(string)
}

const modelMain = "dir tenants\nstate state\nloss 100\n"

// Check reloads and compares every answer.
func (m *machine) Check(t *rapid.T) {
	before := map[string]string{}
	owner := map[string]string{}
	for _, host := range modelHosts {
		before[host] = m.answer(host)
		owner[host], _, _ = strings.Cut(before[host], ":")
	}
	how := ask{}
	if m.touched != "" && m.touched != "*" && rapid.Bool().Draw(t, "named") {
		how.only = []string{m.path(m.file(m.touched))} // as from an event
	}
	m.live.reload(how)
	if !m.model.away {
		m.model.settle()
	}
	for _, host := range modelHosts {
		got := m.answer(host)
		if want := m.model.answer(host); got != want {
			t.Fatalf("%s answers %q, want %q\nstates %s\n%s", host, got, want, m.states(), m.problems())
		}
		if strings.Contains(got, "allow") && !m.granted[got] {
			t.Fatalf("%s answers %q, which no file ever granted", host, got)
		}
		if len(owner[host]) == 1 && m.touched != "*" && owner[host] != m.touched && got != before[host] && !m.waiting(owner[host]) {
			t.Fatalf("%s of the untouched tenant %s answers %q, before %q", host, owner[host], got, before[host])
		}
	}
	m.touched = ""
}

// waiting reports whether the tenant has a version of its own that may have
// come in force just now, since somebody else let go.
func (m *machine) waiting(name string) bool {
	t := m.live.world.tenants[name]
	return t != nil && t.good != nil && t.good.File.Hash == t.file.Hash && t.trouble == nil
}

// TestP6AnySequenceOfEvents compares random sequences with a simple model: no
// wrong answer for anybody, no access that no file granted, and no change for a
// tenant that the events do not concern.
func TestP6AnySequenceOfEvents(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := newStage(t, modelMain, nil)
		s.mkdir("state")
		s.start()
		m := &machine{scene: s, model: &model{tenants: map[string]*modelled{}}, texts: map[string]string{}, granted: map[string]bool{}}
		r.Repeat(map[string]func(*rapid.T){
			"":        m.Check,
			"put":     m.Put,
			"put2":    m.Put, // more often
			"break":   m.Break,
			"garble":  m.Garble,
			"cut":     m.Cut,
			"remove":  m.Remove,
			"vanish":  m.Vanish,
			"main":    m.BreakMain,
			"restart": m.Restart,
		})
	})
}
