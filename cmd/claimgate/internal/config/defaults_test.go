package config

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/policy"
)

// platform compiles the platform's main file and a tenant file with that text.
func platform(t testing.TB, text string) (*Base, *Tenant, Problems) {
	t.Helper()
	_, base := compileMain(t, "testdata/good/platform.yaml")
	file, err := ReadTenantFile(write(t, text, t.TempDir(), "acme.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	compiled, problems := base.Tenant(file)
	return base, compiled, problems
}

// A tenant has what it does not write from the defaults; what it writes is
// added to headers, metadata and policies and replaces everything else.
func TestDefaultsAreAddedToOrReplaced(t *testing.T) {
	const line = "labels: {realm: acme, plan: gold}\n"
	tests := []struct {
		name, text string
		entries    []string
		hosts      []string
		issuers    []string
		rules      int
	}{
		{"one line", line, []string{"own-host"}, nil, []string{"keycloak"}, 5},
		{"a host more", line + "hosts: [a.example]\n", []string{"own-host"}, []string{"a.example"}, []string{"keycloak"}, 5},
		{"other entries", line + "entries: [mesh, partners]\n", []string{"mesh", "partners"}, nil, []string{"keycloak"}, 5},
		{"no entries", line + "entries: []\nhosts: [a.example]\n", nil, []string{"a.example"}, []string{"keycloak"}, 5},
		{"other issuers", line + "issuers: [auth0]\n", []string{"own-host"}, nil, []string{"auth0"}, 5},
		{"rules more", line + "policy: {rules: [{name: x, action: deny, when: [{use: machine}]}]}\n", []string{"own-host"}, nil, []string{"keycloak"}, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, compiled, problems := platform(t, tt.text)
			if compiled == nil {
				t.Fatal(problems)
			}
			var issuers []string
			for _, issuer := range compiled.Issuers() {
				issuers = append(issuers, issuer.Name())
			}
			rules := 0
			for compiled.Policy().RuleName(rules) != "" {
				rules++
			}
			if !slices.Equal(compiled.Entries(), tt.entries) || !slices.Equal(compiled.Hosts(), tt.hosts) || !slices.Equal(issuers, tt.issuers) || rules != tt.rules {
				t.Errorf("entries %v, hosts %v, issuers %v, %d rules", compiled.Entries(), compiled.Hosts(), issuers, rules)
			}
		})
	}
}

// A tenant without rules of its own has the very policy of the defaults, equal
// inline policies are one, and different ones are not.
func TestPoliciesAreShared(t *testing.T) {
	_, base := compileMain(t, "testdata/good/platform.yaml")
	dir := t.TempDir()
	compile := func(name, text string) *policy.Policy {
		return tenantOf(t, base, write(t, "labels: {realm: "+name+", plan: gold}\n"+text, dir, name+".yaml")).Policy()
	}
	const deny = "policy: {rules: [{name: x, action: deny, when: [{claim: sub, equals: %s}]}]}\n"
	plain, other := compile("a", ""), compile("b", "")
	inline, equal, different := compile("c", fmt.Sprintf(deny, "u1")), compile("d", "# the same\n"+fmt.Sprintf(deny, `"u1"`)), compile("e", fmt.Sprintf(deny, "u2"))
	if plain != other {
		t.Error("two tenants with the defaults alone have two policies")
	}
	if inline != equal {
		t.Error("equal policies of two tenants are compiled twice")
	}
	if inline == different || inline == plain {
		t.Error("different policies are one")
	}
	runtime.KeepAlive(plain)
}

// Tenants that write the same headers and metadata share what these are compiled
// to, whatever their names and labels are.
func TestHeaderPlansAreShared(t *testing.T) {
	_, base := compileMain(t, "testdata/good/platform.yaml")
	dir := t.TempDir()
	plan := func(name, text string) uintptr {
		tenant := tenantOf(t, base, write(t, "labels: {realm: "+name+", plan: p-"+name+"}\n"+text, dir, name+".yaml"))
		t.Cleanup(func() { runtime.KeepAlive(tenant) })
		return reflect.ValueOf(tenant.Tenant).Elem().FieldByName("plan").Pointer()
	}
	const more = "dynamicMetadata: {realm: {tenant: labels.realm}}\n"
	plain, other, own, equal := plan("a", ""), plan("b", ""), plan("c", more), plan("d", more)
	if plain != other || own != equal {
		t.Error("equal plans are compiled twice")
	}
	if plain == own {
		t.Error("different plans are one")
	}
}

// Many tenants are compiled by several goroutines at once, in file order, and
// share one policy.
func TestManyTenants(t *testing.T) {
	const tenants = 500
	document, err := Load(manyTenants(t, tenants))
	if err != nil {
		t.Fatal(err)
	}
	built, err := document.Build(Runtime{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(built.Snapshot.TenantNames()); got != tenants {
		t.Fatalf("%d tenants", got)
	}
	first := built.Snapshot.Tenant("t0")
	for i := range tenants {
		tenant := built.Snapshot.Tenant(fmt.Sprintf("t%d", i))
		if tenant.Policy() != first.Policy() {
			t.Fatalf("t%d has a policy of its own", i)
		}
		if got, want := tenant.Issuers()[0].URL(), fmt.Sprintf("https://login.example.com/realms/r%d", i); got != want {
			t.Fatalf("t%d has issuer %s, want %s", i, got, want)
		}
	}
}

// A policy that no tenant has any more is forgotten, so that years of reloads
// with one main file fill no memory. One that a tenant has is not.
func TestPoliciesAreForgotten(t *testing.T) {
	shared := newPolicies()
	compile := func(name string) (*policy.Policy, digest) {
		spec := policy.Spec{Rules: []policy.RuleSpec{{Name: name, When: []policy.Condition{{Claim: []string{"a"}, Exists: true}}}}}
		compiled, id, problems := shared.compile(&spec)
		if compiled == nil {
			t.Fatal(problems)
		}
		return compiled, id
	}
	kept, keptID := compile("kept")
	_, droppedID := compile("dropped")
	runtime.GC()
	shared.forget(keptID)
	shared.forget(droppedID)
	if shared.find(keptID) != kept {
		t.Error("a policy in use was forgotten")
	}
	shared.mu.Lock() // the collector's clean-up forgets too
	left := len(shared.known)
	shared.mu.Unlock()
	if left != 1 {
		t.Errorf("%d policies are remembered, want the one in use", left)
	}
	runtime.KeepAlive(kept)
}

// TestP2TenantsCannotTakeEntries: the places of entries belong to the platform.
func TestP2TenantsCannotTakeEntries(t *testing.T) {
	for _, host := range []string{"'*'", "api.example.com", "'*.example.com'", "partners.example.com"} {
		base, compiled, problems := platform(t, "labels: {plan: gold, realm: r}\nhosts: ["+host+"]\n")
		if compiled == nil {
			t.Fatal(problems)
		}
		if snapshot, conflicts := base.Snapshot(1, []*Tenant{compiled}, nil); snapshot != nil || len(conflicts) == 0 || conflicts[0].Index != 0 {
			t.Errorf("%s: conflicts %v", host, conflicts)
		}
	}
}

// TestP2IssuersOfTenantFilesStayOutside: whoever writes a tenant file reaches
// neither files nor private addresses of the machine, and cannot take the name
// or the tokens of an issuer of the main file.
func TestP2IssuersOfTenantFilesStayOutside(t *testing.T) {
	const own = "labels: {plan: gold, realm: r}\nissuers: [{name: own, issuer: %q, audiences: [a], algorithms: [RS256]%s}]\n"
	tests := []struct{ name, issuer, further, message string }{
		{"positive control", "https://id.initech.example", "", ""},
		{"loopback", "http://127.0.0.1:8080/", "", "only the main file may name a loopback address"},
		{"loopback by name", "https://localhost/", "", "only the main file may name a loopback address"},
		{"loopback with a final dot", "https://localhost./", "", "only the main file may name a loopback address"},
		{"loopback, version 6", "https://[::1]/", "", "only the main file may name a loopback address"},
		{"mapped loopback", "https://[::ffff:127.0.0.1]/", "", "only the main file may name a loopback address"},
		{"private address", "https://10.0.0.1/", "", "this address is not allowed"},
		{"metadata service", "https://169.254.169.254/", "", "this address is not allowed"},
		{"plain http", "http://id.initech.example/", "", "http is for loopback addresses only"},
		{"plain http that says so", "http://id.initech.example/", ", keys: {insecureHTTP: true}", "issuers of the main file only"},
		{"private addresses that say so", "https://id.initech.example", ", keys: {allowPrivateAddresses: true}", "issuers of the main file only"},
		{"a file", "https://id.initech.example", ", jwksFile: /etc/passwd", "issuers of the main file only"},
		{"certificate authorities", "https://id.initech.example", ", keys: {caFile: /etc/passwd}", "issuers of the main file only"},
		{"keys at home", "https://id.initech.example", ", jwksUri: 'https://127.0.0.1/keys'", "only the main file may name a loopback address"},
		{"issuers of others by a claim", "https://login.example.com/realms/{x}", ", jwksUri: 'https://id.initech.example/keys'", "only the main file may name many issuers at once"},
		{"issuers of a host of its own by a claim", "https://id.initech.example/{x}", ", jwksUri: 'https://id.initech.example/keys'", "only the main file may name many issuers at once"},
		{"a claim beside a property", "https://id.initech.example/{tenant.name}/{x}", ", jwksUri: 'https://id.initech.example/keys'", "only the main file may name many issuers at once"},
		{"positive control: a property", "https://id.initech.example/{tenant.name}", ", jwksUri: 'https://id.initech.example/keys'", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, compiled, problems := platform(t, fmt.Sprintf(own, tt.issuer, tt.further))
			mistakes, _ := problems.split()
			if tt.message == "" {
				if compiled == nil {
					t.Fatal(problems)
				}
				return
			}
			if compiled != nil || !strings.Contains(mistakes.Error(), tt.message) {
				t.Errorf("got %v, want %q", mistakes, tt.message)
			}
		})
	}
}

// TestP2IssuerTemplatesAreOfTheMainFile: no tenant file can name the issuers of
// all tenants that come later; the main file can.
func TestP2IssuerTemplatesAreOfTheMainFile(t *testing.T) {
	const template = "{name: own, issuer: 'https://login.example.com/realms/{x}', jwksUri: 'https://login.example.com/keys', audiences: [a], algorithms: [RS256]}"
	const rules = "policy: {rules: [{name: all, action: allow, anyToken: true}]}"
	dir := t.TempDir()
	file := write(t, mainHead+"tenantDirs: [{path: tenants}]\n", dir, "claimgate.yaml")
	tenant := write(t, "hosts: [acme.example]\nissuers: ["+template+"]\n"+rules+"\n", dir, "tenants", "acme.yaml")
	mistakes, _ := check(t, file)
	if len(mistakes) != 1 || mistakes[0].File != tenant || mistakes[0].Path != "issuers[0].issuer" || !strings.Contains(mistakes[0].Mend, "{tenant.name}") {
		t.Errorf("in a tenant file: %v", mistakes)
	}
	for name, text := range map[string]string{
		"an issuer of the main file":           mainHead + "  - " + template + "\ntenants: [{name: acme, hosts: [acme.example], issuers: [own], " + rules + "}]\n",
		"a tenant's own one, in the main file": mainHead + "tenants: [{name: acme, hosts: [acme.example], issuers: [" + template + "], " + rules + "}]\n",
	} {
		if mistakes, _ := check(t, write(t, text, t.TempDir(), "claimgate.yaml")); len(mistakes) > 0 {
			t.Errorf("%s: %v", name, mistakes)
		}
	}
}

// TestP8ListsAreBounded: no list that a tenant file can hold makes its load
// slow.
func TestP8ListsAreBounded(t *testing.T) {
	const elements = 20_000
	for _, field := range []string{"hosts", "entries", "issuers", "yieldsTo", "pathRelaxations"} {
		text := field + ": [" + strings.Repeat("a.example, ", elements) + "b.example]\n"
		_, err := ReadTenantFile(write(t, text, t.TempDir(), "acme.yaml"))
		if err == nil || !strings.Contains(err.Error(), "the list has more than 1024 elements") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestP2LabelsStayInTheirPlace: a value that is filled in cannot leave its
// segment or label of the issuer's URL.
func TestP2LabelsStayInTheirPlace(t *testing.T) {
	for _, value := range []string{"a/b", "..", ".", "a?b", "a#b", "a@b", "a:b", "a%2Fb", "a b", "{x}", "é", strings.Repeat("a", 65), "a\\\\b"} {
		_, compiled, problems := platform(t, fmt.Sprintf("labels: {plan: gold, realm: \"%s\"}\n", value))
		mistakes, _ := problems.split()
		if compiled != nil || !strings.Contains(mistakes.Error(), "cannot stand in an issuer") {
			t.Errorf("%q: %v", value, mistakes)
		}
	}
	for _, value := range []string{"acme", "a.b", "a..b", "A-1_b", strings.Repeat("a", 64)} {
		_, compiled, problems := platform(t, fmt.Sprintf("labels: {plan: gold, realm: %s}\n", value))
		if compiled == nil {
			t.Fatalf("%q: %v", value, problems)
		}
		if got := compiled.Issuers()[0].URL(); got != "https://login.example.com/realms/"+value {
			t.Errorf("issuer %q", got)
		}
	}
}

// TestP2TheNewcomerIsTheBadOne: whatever tenants contest, the one that came
// first keeps it, and it is found which it is.
func TestP2TheNewcomerIsTheBadOne(t *testing.T) {
	const label = "labels: {plan: gold, realm: %s}\n"
	tests := []struct{ name, first, second string }{
		{"host", "hosts: [a.example]\n", "hosts: [A.example.]\n"},
		{"wildcard over host", "hosts: [a.example]\n", "hosts: ['*.example']\n"},
		{"host below wildcard", "hosts: ['*.example']\n", "hosts: [a.example]\n"},
		{"id", "entries: [shared-host]\nissuers: [auth0]\nids: {auth0: same}\n", "entries: [shared-host]\nissuers: [auth0]\nids: {auth0: same}\n"},
		{"id by name", "entries: [shared-host]\nissuers: [auth0]\n", "entries: [shared-host]\nissuers: [auth0]\nids: {auth0: first}\n"},
		{"own issuer of one string", "issuers: [{name: own, issuer: https://x.example, audiences: [a], algorithms: [RS256]}]\n",
			"issuers: [{name: mine, issuer: https://x.example, audiences: [b], algorithms: [ES256]}]\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			_, base := compileMain(t, "testdata/good/platform.yaml")
			first := tenantOf(t, base, write(t, fmt.Sprintf(label, "first")+tt.first, dir, "first.yaml"))
			second := tenantOf(t, base, write(t, fmt.Sprintf(label, "second")+tt.second, dir, "second.yaml"))
			bystander := tenantOf(t, base, write(t, fmt.Sprintf(label, "by"), dir, "by.yaml"))
			for _, order := range [][]*Tenant{{first, bystander, second}, {second, bystander, first}} {
				_, conflicts := base.Snapshot(1, order, nil)
				if len(conflicts) == 0 {
					t.Fatal("nothing is contested")
				}
				for _, c := range conflicts {
					if c.Index != 2 || filepath.Base(c.Problem.File) != order[2].Name()+".yaml" {
						t.Errorf("conflict %+v, want the newcomer %s", c, order[2].Name())
					}
				}
				if _, conflicts = base.Snapshot(1, order[:2], nil); len(conflicts) > 0 {
					t.Errorf("without the newcomer: %v", conflicts[0].Problem)
				}
			}
		})
	}
}

// TestP2HostsOfAnEntryAreKept: who names a host that an entry makes of a name is
// the bad one, also before there is a tenant of that name.
func TestP2HostsOfAnEntryAreKept(t *testing.T) {
	dir := t.TempDir()
	_, base := compileMain(t, "testdata/good/platform.yaml")
	bob := tenantOf(t, base, write(t, "labels: {plan: gold, realm: bob}\n", dir, "bob.yaml"))
	for hosts, taken := range map[string]bool{
		"bob.api.example.com": true, "'*.api.example.com'": true, "'*'": true, "bob.example.com": false, "'*.example.org'": false,
	} {
		eve := tenantOf(t, base, write(t, "labels: {plan: gold, realm: eve}\nentries: []\nhosts: ["+hosts+"]\n", dir, "eve.yaml"))
		for _, order := range [][]*Tenant{{eve}, {eve, bob}, {bob, eve}} {
			_, conflicts := base.Snapshot(1, order, nil)
			if len(conflicts) > 0 != taken {
				t.Errorf("%s: %v", hosts, conflicts)
			}
			for _, c := range conflicts {
				if order[c.Index] != eve || c.Problem.Path != "hosts[0]" || !strings.Contains(c.Problem.Message, `entry "own-host"`) {
					t.Errorf("%s: %v", hosts, c.Problem)
				}
			}
		}
	}
}

// TestP1InsecureShadowIsBounded: it needs an end at most ninety days ahead, is
// listed, and ends by itself.
func TestP1InsecureShadowIsBounded(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	main, err := LoadMain("testdata/good/platform.yaml")
	if err != nil {
		t.Fatal(err)
	}
	base, err := main.Compile(Runtime{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for until, want := range map[string]string{
		"2026-08-30T00:00:00Z": "listed",
		"2026-08-30T00:00:01Z": "refused",
		"2026-05-31T23:59:59Z": "over",
	} {
		path := write(t, "labels: {plan: gold, realm: r}\ninsecureShadow: {until: "+until+"}\n", t.TempDir(), "acme.yaml")
		file, err := ReadTenantFile(path)
		if err != nil {
			t.Fatal(err)
		}
		compiled, problems := base.Tenant(file)
		got := "refused"
		if compiled != nil && len(compiled.Insecure) == 1 && compiled.Insecure[0] == path+": insecureShadow" {
			got = "listed"
		} else if compiled != nil && len(problems) == 1 && problems[0].Warning {
			got = "over"
		}
		if got != want {
			t.Errorf("%s: %s, want %s (%v)", until, got, want, problems)
		}
	}
}

// What a configuration reads besides its documents is known, so that a change
// of it is noticed.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile("testdata/files/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	write(t, string(text), dir, "keys.json")
	write(t, "bearer-token-0123456789", dir, "secrets", "bearer")
	main := "metrics: {address: 127.0.0.1:1, bearerTokenFile: secrets/bearer}\nlog: {hashKey: file:secrets/bearer}\n" + mainHead +
		"  - {name: file, issuer: https://file.example, audiences: [api], algorithms: [ES256], jwksFile: keys.json}\ntenantDirs: [{path: tenants}]\n"
	file := write(t, main, dir, "claimgate.yaml")
	write(t, fmt.Sprintf(tenantText, "acme", "one"), dir, "tenants", "acme.yaml")
	document, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range []string{"claimgate.yaml", "keys.json", "secrets/bearer", "tenants/acme.yaml"} {
		want = append(want, filepath.Join(dir, name))
	}
	if got := document.Files(); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	if document.Tenants()[0].Hash() != sha256.Sum256(document.Tenants()[0].Text()) {
		t.Error("the hash is not that of the text")
	}
}
