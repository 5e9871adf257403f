package jwks

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestP3OddFilesAreNeverTrusted damages the file in every way there is.
func TestP3OddFilesAreNeverTrusted(t *testing.T) {
	edit := func(change func(*recordFile)) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			t.Helper()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var file recordFile
			if err := json.Unmarshal(text, &file); err != nil {
				t.Fatal(err)
			}
			change(&file)
			if text, err = json.Marshal(file); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func(text string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	sealed := func(change func(*record)) func(*testing.T, string) { // with a checksum that fits
		return func(t *testing.T, path string) {
			t.Helper()
			source := strings.TrimSuffix(filepath.Base(path), storeSuffix)
			r := record{source: source, issuer: demoIssuer, fetched: time.Now(), body: []byte(keySetOf(edKey("a")))}
			change(&r)
			text, err := r.encode(nil)
			if err != nil {
				t.Fatal(err)
			}
			write(string(text))(t, path)
		}
	}
	pad := func(size int) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			t.Helper()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(string(spaced(text, size)))(t, path)
		}
	}
	anothers := func(t *testing.T, path string) {
		t.Helper()
		give := func() error { return os.Chown(path, 1, -1) }
		if os.Geteuid() != 0 { // who cannot give it away lets others write to it
			give = func() error { return os.Chmod(path, 0o602) }
		}
		if err := give(); err != nil {
			t.Fatal(err)
		}
	}
	for name, row := range map[string]struct {
		damage func(*testing.T, string)
		says   string // "" for the control
	}{
		"whole":                          {sealed(func(*record) {}), ""},
		"empty":                          {write(""), "damaged"},
		"no JSON":                        {write("keys"), "damaged"},
		"cut":                            {write(`{"format":1,"issuer":"`), "damaged"},
		"another format":                 {edit(func(f *recordFile) { f.Format = 2 }), "damaged"},
		"unknown field":                  {write(`{"format":1,"keys":[]}`), "damaged"},
		"two documents":                  {write(`{"format":1}{"format":1}`), "damaged"},
		"huge":                           {write(strings.Repeat(" ", maxRecord+1)), "damaged"},
		"the greatest file":              {pad(maxRecord), ""},
		"a greater file":                 {pad(maxRecord + 1), "damaged"},
		"another body":                   {edit(func(f *recordFile) { f.Body = []byte(keySetOf(edKey("a"))) }), "checksum"},
		"a bit of the body":              {edit(func(f *recordFile) { f.Body[20] ^= 1 }), "checksum"},
		"younger":                        {edit(func(f *recordFile) { f.Fetched = f.Fetched.Add(time.Hour) }), "checksum"},
		"another issuer":                 {edit(func(f *recordFile) { f.Issuer = "https://evil.example.com/" }), "checksum"},
		"another source":                 {edit(func(f *recordFile) { f.Source = strings.Repeat("0", 64) }), "checksum"},
		"no checksum":                    {edit(func(f *recordFile) { f.SHA256 = "" }), "checksum"},
		"more than a checksum":           {edit(func(f *recordFile) { f.SHA256 += "zz" }), "checksum"},
		"with a key":                     {edit(func(f *recordFile) { f.SHA256, f.HMAC = "", f.SHA256 }), "stateKey"},
		"a whole file of another source": {sealed(func(r *record) { r.source = strings.Repeat("0", 64) }), "another key source"},
		"from the future":                {sealed(func(r *record) { r.fetched = r.fetched.Add(futureSlack + 1) }), "lies ahead"},
		"before a clock was set back":    {sealed(func(r *record) { r.fetched = r.fetched.Add(futureSlack) }), ""},
		"in its last moment":             {sealed(func(r *record) { r.fetched = r.fetched.Add(1 - 24*time.Hour) }), ""},
		"too old":                        {sealed(func(r *record) { r.fetched = r.fetched.Add(-24 * time.Hour) }), "older than maxStale"},
		"no usable key":                  {sealed(func(r *record) { r.body = []byte(keySetOf(member{"kty": "oct", "k": "AA"})) }), "no key"},
		"no key set":                     {sealed(func(r *record) { r.body = []byte("{}") }), "no key"},
		"the greatest body":              {sealed(func(r *record) { r.body = spaced(r.body, maxBodyBytes) }), ""},
		"a greater body":                 {sealed(func(r *record) { r.body = spaced(r.body, maxBodyBytes+1) }), "damaged"},
		"empty body":                     {sealed(func(r *record) { r.body = nil }), "damaged"},
		"another user's":                 {anothers, "only the user"},
		"others can write": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.Chmod(path, 0o622); err != nil {
				t.Fatal(err)
			}
		}, "only the user"},
		"a link": {func(t *testing.T, path string) {
			t.Helper()
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			if err := errors.Join(os.Rename(path, elsewhere), os.Symlink(elsewhere, path)); err != nil {
				t.Fatal(err)
			}
		}, "only the user"},
		"a directory": {func(t *testing.T, path string) {
			t.Helper()
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, "only the user"}, // and it cannot be written either
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(t)
				s.saves("a")
				row.damage(t, s.file())
				s.boot(down(), func(b *scene) {
					if row.says == "" {
						b.want("a", "known")
						if status := b.source.Status(); status.StaleAt.After(time.Now().Add(24 * time.Hour)) {
							t.Errorf("it serves until %s", status.StaleAt)
						}
						return
					}
					b.want("a", "unavailable")
					b.sleep(time.Minute)
					b.want("a", "unavailable")
					if got := b.registry.StoreStatus(); got.Ignored != 1 || got.Restored != 0 {
						t.Errorf("%+v", got)
					}
					b.idp.publish("b") // and it heals
					b.sleep(2 * time.Minute)
					b.want("b", "known")
				})
				if row.says != "" && name != "a directory" {
					s.wantWarnings(1, row.says)
				}
			})
		})
	}
}

// spaced fills a document up to a size.
func spaced(body []byte, size int) []byte {
	return append(body, bytes.Repeat([]byte(" "), size-len(body))...)
}

func TestP3AStateKeySealsTheFiles(t *testing.T) {
	first, second := []byte(strings.Repeat("1", 32)), []byte(strings.Repeat("2", 32))
	for name, row := range map[string]struct {
		write, read []byte
		says        string
	}{
		"the same":       {first, first, ""},
		"another":        {first, second, "stateKey"},
		"none, then one": {nil, first, "stateKey"},
		"one, then none": {first, nil, "stateKey"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(t)
				s.key = row.write
				s.saves("a")
				s.key = row.read
				s.boot(down(), func(b *scene) {
					want := "known"
					if row.says != "" {
						want = "unavailable"
					}
					b.want("a", want)
				})
				if row.says != "" {
					s.wantWarnings(1, row.says)
				}
			})
		})
	}
}

// TestP3FilesOfEarlierVersionsAreRead: the form on disk, sums included, is that
// of the first version.
func TestP3FilesOfEarlierVersionsAreRead(t *testing.T) {
	const head = `{"format":1,"issuer":"i","source":"s","fetched":"2027-01-15T08:00:00.0000005Z","body":"e30=",`
	for key, tail := range map[string]string{
		"":                      `"sha256":"ecf5ba50e50125f93136d103053ec676d6c2ebeda13006526906429ed2e28bcf"}`,
		strings.Repeat("k", 32): `"hmac":"4928d916d7ae4a833584e773769776babba276ff262a133fa200bd65d111cadd"}`,
	} {
		kept, err := decodeRecord([]byte(head+tail), "s", []byte(key))
		if err != nil || kept.issuer != "i" || string(kept.body) != "{}" || !kept.fetched.Equal(time.Unix(1_800_000_000, 500)) {
			t.Fatalf("%+v, %v", kept, err)
		}
		if text, err := kept.encode([]byte(key)); err != nil || string(text) != head+tail+"\n" {
			t.Errorf("%s, %v", text, err)
		}
	}
}

// FuzzRecord holds that no bytes but those that were written are a record.
func FuzzRecord(f *testing.F) {
	key := []byte(strings.Repeat("k", 32))
	good, err := record{source: "s", issuer: "i", fetched: time.Unix(1_800_000_000, 0), body: []byte("{}")}.encode(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		kept, err := decodeRecord(text, "s", key)
		if err == nil && (string(kept.body) != "{}" || kept.issuer != "i" || kept.fetched.Unix() != 1_800_000_000) {
			t.Errorf("%q is taken for %+v", text, kept)
		}
	})
}
