package config

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/policy"
)

// delegated compiles the main file of testdata/good/delegated.yaml and the file
// of one tenant of its delegated directory.
func delegated(t testing.TB, edit func(main string) string, text string) (*Base, *TenantFile, *Tenant, Problems) {
	t.Helper()
	main, err := os.ReadFile("testdata/good/delegated.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := write(t, text, dir, "delegated.d", "acme.yaml")
	_, base := compileMain(t, write(t, edit(string(main)), dir, "claimgate.yaml"))
	at := TenantPath{Name: "acme", Path: path, Delegated: true}
	file, _ := at.Read() // what is wrong with it, Tenant says too
	compiled, problems := base.Tenant(file)
	return base, file, compiled, problems
}

func asItIs(main string) string { return main }

// TestDelegatedLimits holds every limit of a delegated file to the unit.
func TestDelegatedLimits(t *testing.T) {
	rules := func(n int, when string) string {
		var text strings.Builder
		text.WriteString("policy:\n  rules:\n")
		for k := range n {
			fmt.Fprintf(&text, "    - {name: r%d, action: deny, when: [%s]}\n", k, when)
		}
		return text.String()
	}
	padded := func(n int) string {
		text := "policy: {use: [readers]}\n# "
		return text + strings.Repeat("x", n-len(text)-1) + "\n"
	}
	issuers := func(n int) string {
		text := "policy: {use: [readers]}\nissuers:\n"
		for k := range n {
			text += fmt.Sprintf("  - {name: i%d, issuer: https://i%d.example, audiences: [https://acme.example.com], algorithms: [ES256]}\n", k, k)
		}
		return text
	}
	const sub = "{claim: sub, equals: u1}"
	items := func(n int) string { // the list of policies and the list of conditions are two lists
		return "policy: {use: [readers]}\nrequire: [{claim: sub, in: [" + strings.TrimSuffix(strings.Repeat("a, ", n-2), ", ") + "]}]\n"
	}
	const costly = "{cel: 'claims.a.exists(x, x == claims.b)'}" // of the greatest cost: 10,000 units
	matching := func(instructions int) string {                 // a{n} compiles to n instructions and those of its frame
		const frame = 2
		return fmt.Sprintf("policy: {use: [readers]}\nrequire:\n  - {claim: sub, matches: 'a{800}'}\n  - {claim: sub, matches: 'a{800}'}\n  - {claim: sub, matches: 'a{%d}'}\n",
			instructions-1600-3*frame)
	}
	for _, tt := range []struct {
		what, most, beyond, want string
	}{
		{"bytes", padded(maxDelegatedBytes), padded(maxDelegatedBytes + 1), "acme.yaml:1:1: the file has more than 65536 bytes"},
		{"rules", rules(maxDelegatedRules, sub), rules(maxDelegatedRules+1, sub), "acme.yaml:2:3: policy.rules: the file has 201 rules, and a delegated file has at most 200"},
		{"issuers", issuers(maxDelegatedIssuers), issuers(maxDelegatedIssuers + 1), "acme.yaml:2:1: issuers: the file has 6 issuers, and a delegated file has at most 5"},
		{"elements of lists", items(maxDelegatedItems), items(maxDelegatedItems + 1), "acme.yaml:1:1: the lists of the file have 1001 elements, and a delegated file has at most 1000"},
		{"units of CEL", rules(maxDelegatedCEL/10_000, costly), rules(maxDelegatedCEL/10_000+1, costly), "acme.yaml:1:1: policy: the CEL expressions of the file may cost 60000 units"},
		{"instructions", matching(maxDelegatedProgram), matching(maxDelegatedProgram + 1), "acme.yaml:2:1: require: the regular expressions of the file compile to 2049 instructions"},
	} {
		if _, _, compiled, problems := delegated(t, asItIs, tt.most); compiled == nil {
			t.Errorf("%s: %v", tt.what, problems)
		}
		base, _, compiled, problems := delegated(t, asItIs, tt.beyond)
		tenantOf(t, base, write(t, "labels: {realm: acme, plan: silver}\n"+tt.beyond, filepath.Dir(base.main.grants[0].dir), "platforms.yaml")) // which has no such limit
		if compiled != nil || !strings.Contains(problems.Error(), tt.want) {
			t.Errorf("%s beyond: %v, want %s", tt.what, problems, tt.want)
		}
	}
}

// TestDelegatedLimitsAfterAnotherGrant: a file that was read before its directory
// was delegated is held to the limits too.
func TestDelegatedLimitsAfterAnotherGrant(t *testing.T) {
	base, file, _, _ := delegated(t, asItIs, "policy: {use: [readers]}\n")
	const text = "policy: {use: [readers]}\n# "
	path := write(t, text+strings.Repeat("x", maxDelegatedBytes+1-len(text)), filepath.Dir(file.Path()), "acme.yaml")
	before, err := ReadTenantFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if compiled, problems := base.Tenant(before); compiled != nil || !strings.Contains(problems.Error(), "acme.yaml:1:1: a delegated file has at most 65536 bytes") {
		t.Errorf("%v", problems)
	}
}

// TestDelegatedTenantHasWhatTheGrantSays: labels of the grant, what tenantDefaults
// say, also where that is more than the grant gives, and what the file says.
func TestDelegatedTenantHasWhatTheGrantSays(t *testing.T) {
	_, _, compiled, problems := delegated(t, asItIs, "policy: {use: [readers]}\n")
	if compiled == nil {
		t.Fatal(problems)
	}
	if len(compiled.KeySources) != 2 || len(problems) > 0 {
		t.Errorf("issuers of tenantDefaults: %v, %v", compiled.KeySources, problems)
	}
	engine := authz.NewEngine(authz.Options{})
	engine.Swap(buildFile(t, "testdata/good/delegated.yaml").Snapshot)
	for _, tt := range []struct {
		host, path string
		want       authz.Reason
	}{
		{"acme.api.example.com", "/orders", authz.NoToken},
		{"globex.api.example.com", "/orders", authz.NoToken},
		{"partners.example.com", "/t/globex/orders", authz.NoToken},    // by tenantDefaults, beyond the grant
		{"partners.example.com", "/t/acme/orders", authz.PlaceUnknown}, // its file lists one entry
		{"hooli.api.example.com", "/orders", authz.TenantSuspended},
	} {
		request := &authz.Request{Method: "GET", Host: tt.host, Scheme: "https", Path: authz.CanonicalPath(tt.path)}
		if got := engine.Decide(context.Background(), request).Reason; got != tt.want {
			t.Errorf("%s%s: %v, want %v", tt.host, tt.path, got, tt.want)
		}
	}
}

// TestDelegatedLabelsReachTheIssuers: a template of the main file is filled with
// the labels of the grant, and `claimgate keys` shows the same.
func TestDelegatedLabelsReachTheIssuers(t *testing.T) {
	document, err := Load("testdata/good/delegated.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"acme", "globex"} {
		all := document.IssuerKeys(tenant)
		if !slices.ContainsFunc(all, func(k IssuerKeys) bool { return k.Issuer == "https://login.example.com/realms/"+tenant }) {
			t.Errorf("%s: %+v", tenant, all)
		}
	}
}

// TestDelegatedLabelsLeaveThePlatformsAlone: a tenant of the platform's has the
// labels that its file says.
func TestDelegatedLabelsLeaveThePlatformsAlone(t *testing.T) {
	base, file, _, _ := delegated(t, asItIs, "labels: {realm: mine}\n")
	theirs, err := ReadTenantFile(write(t, "labels: {realm: theirs}\n", filepath.Dir(base.main.grants[0].dir), "platforms.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := base.main.labelsOf(theirs)["realm"]; got != "theirs" {
		t.Errorf("the realm of the platform's tenant is %q", got)
	}
	if got := base.main.labelsOf(file)["realm"]; got != "acme" {
		t.Errorf("the realm of the delegated tenant is %q", got)
	}
}

// TestDelegatedRequireIsAdded: elsewhere the require of a file replaces that of
// tenantDefaults, which would let a delegated file lift it.
func TestDelegatedRequireIsAdded(t *testing.T) {
	for text, want := range map[string]int{"require: []\n": 1, "require: [{claim: sub, exists: true}]\n": 2, "": 1} {
		_, _, compiled, problems := delegated(t, asItIs, "policy: {use: [readers]}\n"+text)
		if compiled == nil {
			t.Fatal(problems)
		}
		trace := compiled.Policy().Explain(&policy.Input{Method: "GET", Path: "/"}, false)
		if trace.Result.Outcome != policy.RequireFailed || trace.Result.Rule != 0 || len(trace.Require) != want {
			t.Errorf("%q: %+v", text, trace)
		}
	}
}

// TestDelegatedGrantLacksALabel: what the operator forgot is told where it is to
// be mended.
func TestDelegatedGrantLacksALabel(t *testing.T) {
	without := func(main string) string { return strings.Replace(main, `realm: "{tenant.name}", `, "", 1) }
	_, _, compiled, problems := delegated(t, without, "policy: {use: [readers]}\n")
	if compiled != nil || !strings.Contains(problems.Error(), "labels: the issuer needs the label realm, which this tenant does not have; the grant sets the labels: see tenantDirs[0].delegated of ") {
		t.Errorf("%v", problems)
	}
	long := func(main string) string {
		return strings.Replace(main, `"{tenant.name}", plan`, `"`+strings.Repeat("{tenant.name}-", 18)+`", plan`, 1)
	}
	if _, _, compiled, problems := delegated(t, long, "policy: {use: [readers]}\n"); compiled != nil || !strings.Contains(problems.Error(), "cannot stand in an issuer") {
		t.Errorf("%v", problems)
	}
}

// TestDelegatedFileHoldsNothingOfOthers: what a bad file holds is no more than
// the grant gives; what was in force is held as it was.
func TestDelegatedFileHoldsNothingOfOthers(t *testing.T) {
	const beyond = "hosts: [victim.example]\nids: {platform: victim}\nsharedTokens: true\nlabels: {realm: victim}\nentries: [own, partners]\n" +
		"issuers: [platform, {name: realms, audiences: [https://victim.example.com]}, {name: mine, issuer: https://id.victim.example, audiences: [https://acme.example.com], algorithms: [ES256]}]\n"
	base, file, compiled, _ := delegated(t, asItIs, beyond)
	held := base.Places(file)
	if compiled != nil || len(held.Hosts) > 0 || !slices.Equal(held.Entries, []string{"own"}) || len(held.IDs) != 1 || held.IDs["platform"] != "acme" ||
		len(held.Issuers) != 1 || held.Issuers[0].Name != "platform" || held.Issuers[0].SharedTokens {
		t.Errorf("%+v", held)
	}
	const disguised = "issuers: [{name: platform, issuer: https://id.victim.example, audiences: [https://acme.example.com], algorithms: [ES256]}]\n"
	base, file, compiled, _ = delegated(t, asItIs, disguised)
	if held = base.Places(file); compiled != nil || len(held.Issuers) > 0 {
		t.Errorf("an issuer of its own by the name of a given one: %+v", held)
	}
	const good = "policy: {use: [readers]}\nissuers: [realms, {name: mine, issuer: https://id.acme.example, audiences: [https://acme.example.com], algorithms: [ES256]}]\n"
	base, file, compiled, problems := delegated(t, asItIs, good)
	held = base.Kept(file)
	if compiled == nil || len(held.Issuers) != 2 || held.Issuers[0].URL != "https://login.example.com/realms/acme" || held.Issuers[1].URL != "https://id.acme.example" {
		t.Errorf("%+v; %v", held, problems)
	}
}

// TestDelegatedEndThatIsPast: an end of an issuer that is over concerns nobody
// else, and is a warning as elsewhere.
func TestDelegatedEndThatIsPast(t *testing.T) {
	_, _, compiled, problems := delegated(t, asItIs, "policy: {use: [readers]}\nissuers: [{name: platform, until: 2020-01-01T00:00:00Z}]\n")
	if compiled == nil || len(problems) != 1 || !problems[0].Warning {
		t.Errorf("%v", problems)
	}
}

// TestDelegatedDirectoryBehindALink: a directory of the platform that leads into
// a delegated one would be read without its grant.
func TestDelegatedDirectoryBehindALink(t *testing.T) {
	dir := t.TempDir()
	write(t, fmt.Sprintf(tenantText, "acme", "one"), dir, "customers", "acme.yaml")
	file := write(t, mainHead+"tenantDirs: [{path: tenants}, {path: customers, delegated: {fields: [policy]}}]\n", dir, "claimgate.yaml")
	write(t, fmt.Sprintf(tenantText, "globex", "two"), dir, "tenants", "globex.yaml")
	link(t, "../customers", filepath.Join(dir, "tenants", "more"))
	wantProblem(t, file, "is delegated, and here it is read without its grant")
	if err := os.Remove(filepath.Join(dir, "tenants", "more")); err != nil {
		t.Fatal(err)
	}
	link(t, "customers", filepath.Join(dir, "same"))
	wantProblem(t, write(t, mainHead+"tenantDirs: [{path: same}, {path: customers, delegated: {fields: [policy]}}]\n", dir, "claimgate.yaml"), "is delegated, and here it is read without its grant")
}

// TestDelegatedDirectoryIsThere: a delegated directory that cannot be read is a
// mistake of the main file, as any other.
func TestDelegatedDirectoryIsThere(t *testing.T) {
	dir := t.TempDir()
	wantProblem(t, write(t, mainHead+"tenantDirs: [{path: nowhere, delegated: {fields: [policy]}}]\n", dir, "claimgate.yaml"), "claimgate.yaml:5:21: tenantDirs[0].path: the directory "+filepath.Join(dir, "nowhere")+" cannot be read: no such file")
}

// TestDelegatedFieldsAreAllJudged: every field of a tenant can be delegated or
// says why not, so that a new one is not forgotten.
func TestDelegatedFieldsAreAllJudged(t *testing.T) {
	names := fieldNames(reflect.TypeFor[tenantDoc]())
	if len(names) < 15 {
		t.Fatalf("fields %v", names)
	}
	for _, name := range names {
		if (neverDelegated(name) != "") == slices.Contains(delegable(), name) {
			t.Errorf("%s: is it delegable?", name)
		}
	}
}

func fieldNames(of reflect.Type) []string {
	var names []string
	for i := range of.NumField() {
		if tag := of.Field(i).Tag.Get("yaml"); tag != ",inline" {
			names = append(names, tag)
		} else {
			names = append(names, fieldNames(of.Field(i).Type)...)
		}
	}
	return names
}

// TestDelegatedKeysComeFromOutside: whatever name leads to this machine, the keys
// of a delegated issuer are not asked for there. The main file may do so.
func TestDelegatedKeysComeFromOutside(t *testing.T) {
	var reached atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the keys were asked for") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes, since nobody trusts its certificate
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			reached.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(document *Document, issuer string) jwks.FetchResult {
		t.Helper()
		all := document.IssuerKeys("acme")
		i := slices.IndexFunc(all, func(k IssuerKeys) bool { return k.Name == issuer })
		if i < 0 {
			t.Fatalf("no issuer %s in %+v", issuer, all)
		}
		seen, err := jwks.Inspect(t.Context(), all[i].Source, jwks.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return seen.Result
	}
	dir := t.TempDir()
	main := write(t, mainHead+"  - {name: near, issuer: https://near.example, jwksUri: \"https://127.0.0.1:"+port+"/\", audiences: [api], algorithms: [RS256]}\n"+
		"entries: [{name: own, hosts: [\"{tenant}.example\"]}]\n"+
		"tenantDefaults: {entries: [own], policy: {rules: [{name: all, action: allow, anyToken: true}]}}\n"+
		"tenantDirs: [{path: customers, delegated: {fields: [issuers], audiences: [api]}}]\n", dir, "claimgate.yaml")
	for _, host := range []string{machine, "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost.localdomain", "ip6-localhost"} {
		write(t, "issuers: [{name: mine, issuer: https://id.acme.example, jwksUri: \"https://"+host+":"+port+"/keys\", audiences: [api], algorithms: [RS256]}]\n", dir, "customers", "acme.yaml")
		document, err := Load(main)
		if err != nil {
			continue // refused as it is written
		}
		if _, err = document.Build(Runtime{}); err != nil {
			continue
		}
		if got := ask(document, "mine"); got == jwks.FetchOK || reached.Load() > 0 {
			t.Errorf("%s: %s, and %d connections", host, got, reached.Load())
		}
		if got := ask(document, "near"); got != jwks.FetchTLS || reached.Load() == 0 {
			t.Errorf("the main file's: %s, and %d connections", got, reached.Load())
		}
		reached.Store(0)
	}
}
