package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listed lists the tenant directories of a main file whose first lines are given.
func listed(t *testing.T, dir, dirs string) Listing {
	t.Helper()
	main, _ := compileMain(t, write(t, mainHead+"tenantDirs: "+dirs+"\n", dir, "claimgate.yaml"))
	return main.List()
}

func (l Listing) names() []string {
	var names []string
	for _, file := range l.Files {
		names = append(names, filepath.Base(filepath.Dir(file.Path))+"/"+file.Name)
	}
	return names
}

// TestP6ADelegatedDirectoryIsListed: its YAML files in order and itself, so that it
// is watched, whatever else lies there, and whatever of it cannot be read.
func TestP6ADelegatedDirectoryIsListed(t *testing.T) {
	dir := t.TempDir()
	customers := filepath.Join(dir, "customers")
	want := []string{"customers/dangling"}
	for n := range 50 {
		name := fmt.Sprintf("t%02d", (n*37)%50)
		write(t, "", customers, name+".yaml")
		want = append(want, "customers/"+name)
	}
	slices.Sort(want)
	for _, other := range []string{".hidden.yaml", "README.md", "old.yml", "noext", "..data/x.yaml", "below/x.yaml"} {
		write(t, "", customers, other)
	}
	link(t, "nowhere", filepath.Join(customers, "dangling.yaml"))
	got := listed(t, dir, "[{path: customers, delegated: {fields: [policy]}}]")
	for _, file := range got.Files {
		if file.Linked != (file.Name == "dangling") || !file.Delegated {
			t.Errorf("%+v", file)
		}
	}
	if !slices.Equal(got.names(), want) || !slices.Equal(got.Dirs, []string{customers}) || len(got.Problems) > 0 || len(got.Ignored) != 2 {
		t.Errorf("%v, directories %v, problems %v, ignored %v", got.names(), got.Dirs, got.Problems, got.Ignored)
	}
}

// TestP2DelegatedFilesAreReadInside: links lead within a delegated directory and
// not out of it; in one of the platform's they lead wherever it wants.
func TestP2DelegatedFilesAreReadInside(t *testing.T) {
	dir := t.TempDir()
	outside := write(t, "policy: {use: [readers]}\n", dir, "outside.yaml")
	write(t, "policy: {use: [readers]}\n", dir, "d", "..data", "inside.yaml")
	for name, target := range map[string]string{
		"out": "../outside.yaml", "absolute": outside, "round": "../d/../outside.yaml", "inside": "..data/inside.yaml", "dangling": "nowhere", "loop": "loop.yaml", "self": ".",
	} {
		link(t, target, filepath.Join(dir, "d", name+".yaml"))
		path := TenantPath{Name: name, Path: filepath.Join(dir, "d", name+".yaml"), Delegated: true}
		file, err := path.Read()
		if good := name == "inside"; good != (err == nil) || good && !file.Delegated() || !good && file != nil {
			t.Errorf("delegated, %s: %v, %v", name, file, err)
		}
		path.Delegated = false
		file, err = path.Read()
		if good := !slices.Contains([]string{"dangling", "loop", "self"}, name); good != (err == nil) || good && file.Delegated() {
			t.Errorf("of the platform's, %s: %v", name, err)
		}
	}
	gone := TenantPath{Name: "x", Path: filepath.Join(dir, "gone", "x.yaml"), Delegated: true}
	if file, err := gone.Read(); file != nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of a directory that is gone: %v", err)
	}
}

// TestP2DelegatedNamesYield: a delegated file that is called like a tenant of the
// platform's is not read, in any case and whichever directory comes first.
func TestP2DelegatedNamesYield(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"tenants/acme", "tenants/Globex", "customers/ACME", "customers/globex", "customers/hooli", "partners/hooli"} {
		write(t, "", dir, path+".yaml")
	}
	const delegated = ", delegated: {fields: [policy]}}"
	for _, dirs := range []string{
		"[{path: tenants}, {path: customers" + delegated + ", {path: partners" + delegated + "]",
		"[{path: customers" + delegated + ", {path: partners" + delegated + ", {path: tenants}]",
	} {
		got := listed(t, dir, dirs)
		names := got.names()
		slices.Sort(names)
		if !slices.Equal(names, []string{"customers/hooli", "partners/hooli", "tenants/Globex", "tenants/acme"}) || len(got.Ignored) != 2 {
			t.Errorf("%s: %v, ignored %v", dirs, names, got.Ignored)
		}
		for _, p := range got.Ignored {
			if !strings.Contains(p.Message, "since the name is that of another tenant ("+filepath.Join(dir, "tenants")) {
				t.Errorf("ignored: %v", p)
			}
		}
	}
}

// TestP8DelegatedDirectoriesAreBounded: as the platform's are.
func TestP8DelegatedDirectoriesAreBounded(t *testing.T) {
	dir := t.TempDir()
	write(t, "", dir, "x.yaml")
	for name, tt := range map[string]struct {
		entries, files int
		want           string
	}{
		"at the limits":   {maxDirEntries - 1, maxTenantFiles - 1, ""},
		"more entries":    {maxDirEntries, 0, "holds more than 1000000 files"},
		"more of tenants": {0, maxTenantFiles, "has more than 100000 tenant files"},
	} {
		f := &finder{at: place{&source{name: "claimgate.yaml"}, "tenantDirs[0].path"}, entries: tt.entries, files: make([]TenantPath, tt.files)}
		f.delegated(dir)
		if got := f.problems.Error(); (got != "") != (tt.want != "") || !strings.Contains(got, tt.want) || (len(f.files) > tt.files) != (tt.want == "") {
			t.Errorf("%s: %q, %d files", name, got, len(f.files))
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	_ = root.Close()
	if entries, err := readEntries(root); err == nil {
		t.Errorf("a directory that cannot be read holds %v", entries)
	}
}

// TestDelegatedDirectoriesLieApart in either order; those of the platform's may
// lie in each other.
func TestDelegatedDirectoriesLieApart(t *testing.T) {
	dir := t.TempDir()
	write(t, "", dir, "a", "in", ".keep")
	write(t, "", dir, "ab", ".keep")
	const delegated = ", delegated: {fields: [policy]}}"
	for dirs, want := range map[string]bool{
		"{path: a}, {path: a/in}": false, "{path: a/in}, {path: a}": false, "{path: a" + delegated + ", {path: ab" + delegated: false,
		"{path: ''}, {path: a" + delegated: false, "{path: a" + delegated + ", {path: ''}": false,
		"{path: a" + delegated + ", {path: a/in" + delegated: true, "{path: a/in" + delegated + ", {path: a" + delegated: true,
		"{path: a/in}, {path: a" + delegated: true, "{path: a}, {path: a/in" + delegated: true, "{path: a" + delegated + ", {path: a/in/.." + delegated: true,
	} {
		mistakes, _ := check(t, write(t, mainHead+"tenantDirs: ["+dirs+"]\n", dir, "claimgate.yaml"))
		if got := strings.Contains(mistakes.Error(), "and one of them is delegated"); got != want {
			t.Errorf("%s: %v", dirs, mistakes)
		}
	}
}

// TestP2BadDelegatedFilesHoldTheirPlaces: what a file that is bad writes beyond its
// grant neither takes anything nor gives up what tenantDefaults give the tenant.
func TestP2BadDelegatedFilesHoldTheirPlaces(t *testing.T) {
	more := func(main string) string { // an issuer that is given, and one that is not
		main = strings.Replace(main, "entries:\n", "  - {name: plain, issuer: https://plain.example.com, audiences: [https://acme.example.com, other], algorithms: [RS256]}\n"+
			"  - {name: kept, issuer: https://kept.example.com, audiences: [a], algorithms: [RS256], tenantClaim: org}\nentries:\n", 1)
		return strings.Replace(main, "issuers: [platform, realms]\n      headerNames", "issuers: [platform, realms, plain]\n      headerNames", 1)
	}
	without := func(main string) string {
		main = strings.Replace(main, "fields: [entries, headers, issuers, policy", "fields: [headers, policy", 1)
		main = strings.Replace(main, "      entries: [own]\n      issuers: [platform, realms]\n", "", 1)
		return strings.Replace(main, "      audiences: [\"https://{tenant.name}.example.com\"]\n", "", 1)
	}
	const bad = "hosts: [x.example]\n"
	for name, tt := range map[string]struct {
		edit            func(string) string
		text            string
		entries, issuer []string
	}{
		"nothing beyond":          {more, bad, []string{"own", "partners"}, []string{"platform", "realms"}},
		"some of what is given":   {more, bad + "entries: [own]\nissuers: [realms, platform]\n", []string{"own"}, []string{"realms", "platform"}},
		"an entry beyond":         {more, bad + "entries: [own, partners]\n", []string{"own"}, []string{"platform", "realms"}},
		"an issuer beyond":        {more, bad + "issuers: [kept, platform]\n", []string{"own", "partners"}, []string{"platform"}},
		"a part of the audiences": {more, bad + "issuers: [platform, {name: plain, audiences: [https://acme.example.com]}]\n", []string{"own", "partners"}, []string{"platform", "plain"}},
		"a part beyond":           {more, bad + "issuers: [platform, {name: plain, audiences: [https://acme.example.com, other]}]\n", []string{"own", "partners"}, []string{"platform"}},
		"no entries are given":    {without, "entries: [partners]\n", []string{"own", "partners"}, []string{"platform", "realms"}},
		"no issuers are given":    {without, "issuers: [platform]\n", []string{"own", "partners"}, []string{"platform", "realms"}},
	} {
		base, file, compiled, _ := delegated(t, tt.edit, tt.text)
		held := base.Places(file)
		var issuers []string
		for _, issuer := range held.Issuers {
			issuers = append(issuers, issuer.Name)
		}
		if compiled != nil || len(held.Hosts) > 0 || !slices.Equal(held.Entries, tt.entries) || !slices.Equal(issuers, tt.issuer) {
			t.Errorf("%s: held %v, %v, %v; compiled %v", name, held.Hosts, held.Entries, issuers, compiled != nil)
		}
	}
}
