package jwks

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const demoIssuer = "https://id.example.com/"

func TestSpecRefusesMistakes(t *testing.T) {
	remote := SourceSpec{Issuer: demoIssuer, URI: "https://id.example.com/jwks"}
	with := func(change func(*SourceSpec)) SourceSpec {
		spec := remote
		change(&spec)
		return spec
	}
	for name, row := range map[string]struct {
		spec SourceSpec
		says string
	}{
		"no issuer":          {SourceSpec{URI: remote.URI}, "issuer is empty"},
		"URI and inline":     {with(func(s *SourceSpec) { s.Inline = "{}" }), "exclude each other"},
		"URI and file":       {with(func(s *SourceSpec) { s.File = "a" }), "exclude each other"},
		"file and inline":    {SourceSpec{Issuer: "x", File: "a", Inline: "{}"}, "exclude each other"},
		"negative":           {with(func(s *SourceSpec) { s.Timeout = -1 }), "timeout"},
		"too often":          {with(func(s *SourceSpec) { s.RefreshInterval = time.Millisecond }), "refreshInterval"},
		"stale too soon":     {with(func(s *SourceSpec) { s.MaxStale = time.Minute }), "maxStale"},
		"no cooldown":        {with(func(s *SourceSpec) { s.UnknownKIDCooldown = 1 }), "unknownKidCooldown"},
		"long wait":          {with(func(s *SourceSpec) { s.UnknownKIDWait = time.Minute }), "unknownKidWait"},
		"long back-off":      {with(func(s *SourceSpec) { s.MaxBackoff = 24 * time.Hour }), "maxBackoff"},
		"no CA file":         {with(func(s *SourceSpec) { s.CAFile = "/nonexistent" }), "CA file"},
		"no JWKS file":       {SourceSpec{Issuer: "x", File: "/nonexistent"}, "JWKS file"},
		"directory":          {SourceSpec{Issuer: "x", File: t.TempDir()}, "not a regular file"},
		"relative":           {with(func(s *SourceSpec) { s.URI = "/jwks" }), "JWKS URI: not an absolute URL"},
		"opaque":             {with(func(s *SourceSpec) { s.URI = "https:id.example.com" }), "not an absolute URL"},
		"port alone":         {with(func(s *SourceSpec) { s.URI = "https://:443/jwks" }), "not an absolute URL"},
		"http":               {with(func(s *SourceSpec) { s.URI = "http://id.example.com/jwks" }), "insecureHTTP"},
		"http to an address": {with(func(s *SourceSpec) { s.URI = "http://8.8.8.8/jwks" }), "insecureHTTP"},
		"file scheme":        {with(func(s *SourceSpec) { s.URI = "file://host/jwks" }), "https"},
		"fragment":           {with(func(s *SourceSpec) { s.URI += "#" }), "fragment"},
		"private":            {with(func(s *SourceSpec) { s.URI = "https://10.0.0.1/jwks" }), "allowPrivateAddresses"},
		"metadata server":    {with(func(s *SourceSpec) { s.URI = "https://169.254.169.254/" }), "not allowed"},
		"issuer is no URL":   {SourceSpec{Issuer: "accounts.example.com"}, "issuer: not an absolute URL"},
		"issuer has a query": {SourceSpec{Issuer: "https://id.example.com/?a=b"}, "query"},
		"issuer has a ?":     {SourceSpec{Issuer: "https://id.example.com/?"}, "query"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewRegistry(Options{}).Source(row.spec)
			if !errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v, want ErrSpec that says %q", err, row.says)
			}
		})
	}
}

// TestTimesHaveBounds, which are times that may be written themselves.
func TestTimesHaveBounds(t *testing.T) {
	for name, row := range map[string]struct {
		set        func(*SourceSpec, time.Duration)
		least, top time.Duration
	}{
		"refreshInterval":    {func(s *SourceSpec, d time.Duration) { s.RefreshInterval = d }, time.Second, 24 * time.Hour},
		"unknownKidCooldown": {func(s *SourceSpec, d time.Duration) { s.UnknownKIDCooldown = d }, time.Second, time.Hour},
		"unknownKidWait":     {func(s *SourceSpec, d time.Duration) { s.UnknownKIDWait = d }, time.Millisecond, 10 * time.Second},
		"maxBackoff":         {func(s *SourceSpec, d time.Duration) { s.MaxBackoff = d }, time.Second, time.Hour},
		"timeout":            {func(s *SourceSpec, d time.Duration) { s.Timeout = d }, 10 * time.Millisecond, time.Minute},
		"maxStale":           {func(s *SourceSpec, d time.Duration) { s.MaxStale = d }, defaultRefreshInterval, 30 * 24 * time.Hour},
	} {
		for d, good := range map[time.Duration]bool{row.least - 1: false, row.least: true, row.top: true, row.top + 1: false} {
			spec := SourceSpec{Issuer: demoIssuer}
			row.set(&spec, d)
			_, err := NewRegistry(Options{}).Source(spec)
			if (err == nil) != good || err != nil && (!errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), name)) {
				t.Errorf("%s of %s: %v", name, d, err)
			}
		}
	}
}

func TestSpecErrorsHoldNoPassword(t *testing.T) {
	for _, uri := range []string{"https://user:hunter2@id.example.com/jwks", "https://user:hunter2@id.example.com:x/"} {
		_, err := NewRegistry(Options{}).Source(SourceSpec{Issuer: demoIssuer, URI: uri})
		if !errors.Is(err, ErrSpec) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	}
}

func TestSpecAcceptsLoopbackAsWritten(t *testing.T) {
	for _, uri := range []string{
		"http://127.0.0.1:8080/jwks", "http://localhost/jwks", "http://LOCALHOST/jwks", "http://[::1]:80/jwks",
		"https://127.0.0.1/jwks", "http://[::ffff:127.0.0.1]/jwks",
	} {
		if _, err := NewRegistry(Options{}).Source(SourceSpec{Issuer: demoIssuer, URI: uri}); err != nil {
			t.Errorf("%s: %v", uri, err)
		}
	}
	for _, uri := range []string{"http://localhost.example.com/", "http://127.0.0.1.example.com/", "http://localhost./"} {
		if _, err := NewRegistry(Options{}).Source(SourceSpec{Issuer: demoIssuer, URI: uri}); err == nil {
			t.Errorf("%s was accepted", uri)
		}
	}
	_ = mustSource(t, NewRegistry(Options{}), SourceSpec{Issuer: demoIssuer, URI: "http://id.example.com/jwks", InsecureHTTP: true})
}

func TestEqualSpecsShareOneSource(t *testing.T) {
	registry := NewRegistry(Options{})
	source := func(spec SourceSpec) *Source {
		t.Helper()
		got, err := registry.Source(spec)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	base := SourceSpec{Issuer: demoIssuer, URI: "https://id.example.com/jwks"}
	spelled := base
	spelled.RefreshInterval, spelled.Timeout = 5*time.Minute, 5*time.Second
	if source(base) != source(spelled) {
		t.Error("defaults that are spelt out make another source")
	}
	seen := map[string]string{source(base).ID(): "base"}
	for name, change := range map[string]func(*SourceSpec){
		"issuer":    func(s *SourceSpec) { s.Issuer += "x" },
		"URI":       func(s *SourceSpec) { s.URI += "x" },
		"moved":     func(s *SourceSpec) { s.Issuer, s.URI = demoIssuer+"h", "https://id.example.com/jwks" },
		"discovery": func(s *SourceSpec) { s.URI = "" },
		"interval":  func(s *SourceSpec) { s.RefreshInterval = time.Hour },
		"cooldown":  func(s *SourceSpec) { s.UnknownKIDCooldown = time.Minute },
		"wait":      func(s *SourceSpec) { s.UnknownKIDWait = time.Second },
		"stale":     func(s *SourceSpec) { s.MaxStale = time.Hour },
		"backoff":   func(s *SourceSpec) { s.MaxBackoff = time.Hour },
		"timeout":   func(s *SourceSpec) { s.Timeout = time.Second },
		"private":   func(s *SourceSpec) { s.AllowPrivateAddresses = true },
		"insecure":  func(s *SourceSpec) { s.InsecureHTTP = true },
	} {
		spec := base
		change(&spec)
		id := source(spec).ID()
		if other, there := seen[id]; there {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[id] = name
	}
}

func TestFingerprintFieldsDoNotRunTogether(t *testing.T) {
	a := SourceSpec{Issuer: "ab", URI: "c"}.fingerprint(sourceFiles{})
	b := SourceSpec{Issuer: "a", URI: "bc"}.fingerprint(sourceFiles{})
	if a == b {
		t.Error("issuer and URI run together")
	}
}

func TestStaticSources(t *testing.T) {
	ec := ecKey("a")
	private := ecKey("p").with(member{"d": "AAAA"})
	for name, row := range map[string]struct {
		text string
		says string // of the error, "" for none
		warn string // of the one warning, "" for none
	}{
		"good":        {keySetOf(ec), "", ""},
		"one odd key": {keySetOf(ec.with(member{"use": "enc", "kid": "odd"}), ec), "", `key 1 (kid "odd") is skipped: its use`},
		"none usable": {keySetOf(ec.with(member{"use": "enc"})), "no usable key: key 1", ""},
		"no key":      {keySetOf(), "list of keys is empty", ""},
		"private key": {keySetOf(ec, private), "key 2 holds private", ""},
		"symmetric":   {keySetOf(ec, member{"kty": "oct", "k": "c2VjcmV0"}), "key 2 holds private", ""},
		"no JSON":     {"keys", "not a JWK set", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "jwks.json")
			if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, spec := range []SourceSpec{{Issuer: "x", Inline: row.text}, {Issuer: "x", File: path}} {
				source, err := NewRegistry(Options{}).Source(spec)
				if row.says != "" {
					if !errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "c2Vj") {
						t.Errorf("got %v, want %q", err, row.says)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				warnings := strings.Join(source.Warnings(), "\n")
				if (row.warn == "") != (warnings == "") || !strings.Contains(warnings, row.warn) {
					t.Errorf("warnings %q, want %q", warnings, row.warn)
				}
				set, err := source.KeySet(t.Context(), "unheard of")
				if err != nil || !set.HasKID("a") {
					t.Errorf("set %v, %v", set, err)
				}
			}
		})
	}
}

func TestAChangedFileMakesAnotherSource(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwks.json")
	registry := NewRegistry(Options{})
	load := func(kid string) *Source {
		t.Helper()
		if kid != "" {
			if err := os.WriteFile(path, []byte(keySetOf(ecKey(kid))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		source, err := registry.Source(SourceSpec{Issuer: "x", File: path})
		if err != nil {
			t.Fatal(err)
		}
		return source
	}
	first := load("a")
	if load("") != first {
		t.Error("an unchanged file makes another source")
	}
	if second := load("b"); second == first {
		t.Error("a changed file is not read again")
	}
}

func TestFilesHaveALimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwks.json")
	set := keySetOf(ecKey("a"))
	for size, refused := range map[int]bool{maxBodyBytes: false, maxBodyBytes + 1: true} {
		text := set + strings.Repeat(" ", size-len(set))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := NewRegistry(Options{}).Source(SourceSpec{Issuer: "x", File: path})
		if errors.Is(err, ErrSpec) != refused || refused && !strings.Contains(err.Error(), "512 KiB") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// TestStaticSourcesReadNoFilesOfRemoteOnes: there is no key server that they
// would be for.
func TestStaticSourcesReadNoFilesOfRemoteOnes(t *testing.T) {
	_ = mustSource(t, NewRegistry(Options{}), SourceSpec{
		Issuer: "x", Inline: keySetOf(ecKey("a")), CAFile: "/nonexistent", BearerTokenFile: "/nonexistent",
	})
}

func TestZeroSourceHasNoKeys(t *testing.T) {
	var source Source
	if set, err := source.KeySet(t.Context(), "a"); set != nil || err == nil {
		t.Errorf("got %v, %v", set, err)
	}
}
