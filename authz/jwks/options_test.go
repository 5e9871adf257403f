package jwks

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

func TestUses(t *testing.T) {
	sig, bare, svid := ecKey("sig"), ecKey("bare").with(member{"use": nil}), ecKey("svid").with(member{"use": "jwt-svid"})
	x509, enc := ecKey("x509").with(member{"use": "x509-svid"}), ecKey("enc").with(member{"use": "enc"})
	set := keySetOf(sig, bare, svid, x509, enc)
	for uses, want := range map[string]string{
		"":             "sig bare",
		"sig":          "sig bare",
		"jwt-svid":     "svid",
		"sig jwt-svid": "sig bare svid",
	} {
		spec := SourceSpec{Issuer: "x", Inline: set, Uses: strings.Fields(uses)}
		source := mustSource(t, NewRegistry(Options{}), spec)
		got, err := source.KeySet(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, kid := range []string{"sig", "bare", "svid", "x509", "enc"} {
			if wanted := strings.Contains(" "+want+" ", " "+kid+" "); got.HasKID(kid) != wanted {
				t.Errorf("uses %q: key %s is there: %v", uses, kid, !wanted)
			}
		}
		if status := source.Status(); status.SkippedBy[SkipPurpose] != status.Skipped || status.Skipped == 0 {
			t.Errorf("%+v", status)
		}
	}
	for _, bad := range []string{"enc", "sig sig", "SIG", "x509-svid"} {
		if _, err := NewRegistry(Options{}).Source(SourceSpec{Issuer: "x", Inline: set, Uses: strings.Fields(bad)}); !errors.Is(err, ErrSpec) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestUsesAndTokenFilesArePartOfTheFingerprint(t *testing.T) {
	base := SourceSpec{Issuer: demoIssuer}.withDefaults()
	swapped, sorted := base, base
	swapped.Uses, sorted.Uses = []string{"sig", "jwt-svid"}, []string{"jwt-svid", "sig"}
	bearer := base
	bearer.BearerTokenFile = "/token"
	ids := map[string]bool{}
	for _, spec := range []SourceSpec{base, swapped, sorted, bearer} {
		ids[spec.withDefaults().fingerprint(sourceFiles{})] = true
	}
	if len(ids) != 3 { // the order of uses does not matter
		t.Errorf("%d fingerprints", len(ids))
	}
}

func TestSkippedKeysAreCountedByReason(t *testing.T) {
	good := ecKey("good")
	doc := parsed(t, keySetAny(
		good, 1, good.with(member{"kid": 5}), good.with(member{"issuer": ""}), good.with(member{"issuer": 1}), good.with(member{"use": "enc"}),
		member{"kty": "oct", "k": "AA"}, member{"kty": "oct"}, good.with(member{"crv": "P-1"}), good.with(member{"issuer": "{x}"}),
		good.with(member{"key_ops": []string{"sign"}}), good.with(member{"key_ops": 5}), good.with(member{"alg": ""}),
	))
	got := doc.skips()
	want := map[SkipReason]int{SkipSyntax: 6, SkipPurpose: 2, SkipPrivate: 2, SkipUnusable: 2}
	for reason, n := range got.byReason() {
		if n != want[reason] {
			t.Errorf("%s: %d, want %d", reason, n, want[reason])
		}
	}
	if got.total() != 12 || len(SkipReasons()) != len(got) {
		t.Errorf("%d", got.total())
	}
}

// TestSkippedKeysAreCountedInForce, as long as the set is the same one.
func TestSkippedKeysAreCountedInForce(t *testing.T) {
	p := newIDP()
	p.header.Set("ETag", `"v1"`)
	p.body = keySetOf(edKey("a"), edKey("b").with(member{"use": "enc"}))
	play(t, p, SourceSpec{}, func(t *testing.T, s *scene) {
		for _, want := range []FetchResult{FetchOK, FetchNotModified} {
			if status := s.source.Status(); s.observed.last() != want || status.Skipped != 1 || status.SkippedBy[SkipPurpose] != 1 {
				t.Errorf("%s: %+v", s.observed.last(), status)
			}
			s.sleep(5 * time.Minute)
		}
	})
}

func TestKeysOfOneIssuerInASharedSet(t *testing.T) {
	key := ecKey("a")
	doc := parsed(t, keySetOf(key.with(member{"issuer": "https://a.example.com/"}), key.with(member{"issuer": "https://b.example.com/{tid}"}), key))
	if len(doc.keys) != 3 || doc.keys[0].Issuer() != "https://a.example.com/" {
		t.Errorf("%d keys, skipped %v", len(doc.keys), doc.skipped)
	}
}

func TestExpires(t *testing.T) {
	date := func(after time.Duration) string {
		return time.Unix(1_800_000_000, 0).UTC().Add(after).Format(http.TimeFormat)
	}
	for name, row := range map[string]struct {
		control, expires, date string
		want                   time.Duration
	}{
		"neither":         {"", "", date(0), -1},
		"Expires":         {"", date(2 * time.Minute), date(0), 2 * time.Minute},
		"in the past":     {"", date(-time.Hour), date(0), 0},
		"no date at all":  {"", "0", date(0), 0},
		"no Date":         {"", date(time.Minute), "", -1},
		"max-age wins":    {"public, max-age=60", date(time.Hour), date(0), time.Minute},
		"without max-age": {"no-cache", date(time.Hour), date(0), time.Hour},
		"broken max-age":  {"max-age=x", date(time.Minute), date(0), -1},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			for key, value := range map[string]string{"Cache-Control": row.control, "Expires": row.expires, "Date": row.date} {
				if value != "" {
					header.Set(key, value)
				}
			}
			if got := maxAgeOf(header); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestP3ExpiresShortensTheInterval(t *testing.T) {
	p := newIDP("a")
	p.header.Set("Date", "Fri, 15 Jan 2027 08:00:00 GMT")
	p.header.Set("Expires", "Fri, 15 Jan 2027 08:02:00 GMT")
	play(t, p, SourceSpec{}, func(t *testing.T, s *scene) {
		s.sleep(2*time.Minute - time.Millisecond)
		s.wantFetches(1)
		s.sleep(time.Millisecond)
		s.wantFetches(2)
	})
}

// bearerFile writes a file with a token for the key server.
func bearerFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestP7TheTokenForTheKeyServerGoesNowhereElse: discovery that leads to another
// origin gets none there.
func TestP7TheTokenForTheKeyServerGoesNowhereElse(t *testing.T) {
	sent := map[string]string{}
	note := func(what string, next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			sent[what] = r.Header.Get("Authorization")
			next(w, r)
		}
	}
	keys := answers(keySetOf(ecKey("a")))
	other := serve(t, map[string]http.HandlerFunc{"/jwks": note("elsewhere", keys)})
	var server *httptest.Server
	jwksURI := ""
	server = serve(t, map[string]http.HandlerFunc{
		"/jwks": note("here", keys),
		wellKnownOIDC: note("metadata", func(w http.ResponseWriter, r *http.Request) {
			answers(`{"issuer":"`+server.URL+`","jwks_uri":"`+jwksURI+`"}`)(w, r)
		}),
	})
	file := bearerFile(t, "first.token~+/-_==\n")
	for where, uri := range map[string]string{"here": server.URL + "/jwks", "elsewhere": other.URL + "/jwks"} {
		clear(sent)
		jwksURI = uri
		if got := fetchOnce(t, SourceSpec{Issuer: server.URL, BearerTokenFile: file}); got.result != FetchOK {
			t.Fatalf("%s: %s", where, got.result)
		}
		if sent["metadata"] != "Bearer first.token~+/-_==" || (sent[where] != "") != (where == "here") {
			t.Errorf("sent %q", sent)
		}
	}
}

func TestTheTokenForTheKeyServerIsReadAgain(t *testing.T) {
	var sent []string
	server := serve(t, map[string]http.HandlerFunc{"/jwks": func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.Header.Get("Authorization"))
		answers(keySetOf(ecKey("a")))(w, r)
	}})
	file := bearerFile(t, "one")
	registry := NewRegistry(Options{})
	defer registry.closeIdle()
	source := mustSource(t, registry, SourceSpec{Issuer: demoIssuer, URI: server.URL + "/jwks", BearerTokenFile: file})
	for _, row := range []struct {
		text string
		want FetchResult
	}{{"one", FetchOK}, {"two", FetchOK}, {"", FetchCredential}, {"a b", FetchCredential}, {"a\nX-Evil: 1", FetchCredential}, {"three\n", FetchOK}} {
		if err := os.WriteFile(file, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		leave := &lease{share: registry.periodic}
		if got := source.refresher.fetcher.fetch(t.Context(), validator{}, leave.move); got.result != row.want {
			t.Errorf("%q: %s", row.text, got.result)
		}
		leave.end()
	}
	if got := strings.Join(sent, ","); got != "Bearer one,Bearer two,Bearer three" {
		t.Errorf("sent %s", got)
	}
}

func TestTokenFilesThatAreOfNoUse(t *testing.T) {
	good := bearerFile(t, "token")
	for name, spec := range map[string]SourceSpec{
		"missing":  {Issuer: demoIssuer, BearerTokenFile: "/nonexistent"},
		"empty":    {Issuer: demoIssuer, BearerTokenFile: bearerFile(t, "")},
		"a space":  {Issuer: demoIssuer, BearerTokenFile: bearerFile(t, "secret secret")},
		"too long": {Issuer: demoIssuer, BearerTokenFile: bearerFile(t, strings.Repeat("a", maxBearerBytes+1))},
		"http":     {Issuer: demoIssuer, URI: "http://id.example.com/jwks", InsecureHTTP: true, BearerTokenFile: good},
	} {
		_, err := NewRegistry(Options{}).Source(spec)
		if !errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), "bearerTokenFile") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	mustSource(t, NewRegistry(Options{}), SourceSpec{Issuer: demoIssuer, BearerTokenFile: good})
	mustSource(t, NewRegistry(Options{}), SourceSpec{Issuer: demoIssuer, URI: "http://127.0.0.1:1/jwks", BearerTokenFile: good})
}

// TestP3DenyNarrowsOneViewOfASharedSource: the source and what is fetched for
// it are the same for all.
func TestP3DenyNarrowsOneViewOfASharedSource(t *testing.T) {
	play(t, newIDP("a", "b"), SourceSpec{}, func(t *testing.T, s *scene) {
		view, err := token.Without(s.source, []string{"a"})
		if err != nil {
			t.Fatal(err)
		}
		set, err := view.KeySet(t.Context(), "a")
		if err != nil || set.HasKID("a") || !set.HasKID("b") {
			t.Errorf("%v, %v", set, err)
		}
		s.want("a", "known")
		s.wantFetches(1)
	})
}
