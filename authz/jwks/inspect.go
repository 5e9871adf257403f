package jwks

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

// KeyView is one key of a set, for people. It holds public information alone.
type KeyView struct {
	KID        string   // "" without one
	Thumbprint string   // RFC 7638, base64url; "" for one that is skipped
	Algorithms []string // that it may verify
	Issuer     string   // whose tokens it may sign; "" for all of the source's
	Skipped    SkipReason
	Why        string // it is skipped, for the person who wrote the set
}

// Inspection is what one fetch brought, as a source would see it.
type Inspection struct {
	Source  string // fingerprint of the spec
	Result  FetchResult
	URL     string        // of the key set; "" where discovery did not lead to one, and for static keys
	Took    time.Duration // of the fetch
	Refresh time.Duration // until a source would fetch again, without the jitter; 0 for static keys
	Keys    []KeyView     // usable ones first
	Status  int           // of HTTP, where that is what is wrong; else 0
	Named   string        // the issuer that the metadata names in place of this one: at most 256 bytes of anything
}

// maxNamed bounds what is shown of another issuer's name.
const maxNamed = 256

// Inspect fetches the keys of a spec once, by the same rules as a source of a
// registry with these options, and says of each what becomes of it. The error
// is a mistake of the spec; what goes wrong with the fetch is the Result.
func Inspect(ctx context.Context, spec SourceSpec, opts Options) (Inspection, error) {
	registry := NewRegistry(opts)
	defer registry.closeIdle()
	source, err := registry.Source(spec)
	if err != nil {
		return Inspection{}, err
	}
	spec = spec.withDefaults()
	if source.refresher == nil {
		seen, err := inspectStatic(spec)
		seen.Source = source.id
		return seen, err
	}
	leave := &lease{share: registry.periodic}
	defer leave.end()
	fetcher, began := source.refresher.fetcher, registry.opts.Now()
	if err := leave.move(ctx, originOf(fetcher.start)); err != nil {
		return Inspection{Source: source.id, Result: resultOf(err)}, nil
	}
	got := fetcher.fetch(ctx, validator{}, leave.move)
	seen := Inspection{Source: source.id, Result: got.result, URL: withoutQuery(got.from), Took: registry.opts.Now().Sub(began)}
	seen.Status, seen.Named = got.status, got.named
	if len(seen.Named) > maxNamed {
		seen.Named = seen.Named[:maxNamed] + "..."
	}
	if got.result == FetchOK {
		seen.Refresh = spec.RefreshInterval
		if got.maxAge >= 0 {
			seen.Refresh = min(seen.Refresh, max(got.maxAge, minRefresh))
		}
	}
	if doc, err := parseKeySet(got.body, spec.Uses); err == nil {
		seen.Keys = doc.views()
	}
	return seen, nil
}

// withoutQuery keeps what may be a secret out of what is shown.
func withoutQuery(from *url.URL) string {
	if from == nil {
		return ""
	}
	shown := *from
	shown.RawQuery, shown.ForceQuery = "", false
	return shown.String()
}

func inspectStatic(spec SourceSpec) (Inspection, error) {
	text := []byte(spec.Inline)
	if spec.File != "" {
		files, err := spec.readFiles()
		if err != nil {
			return Inspection{}, err
		}
		text = files.keys
	}
	doc, err := parseKeySet(text, spec.Uses)
	if err != nil {
		return Inspection{}, specError("%w", err)
	}
	return Inspection{Result: FetchOK, Keys: doc.views()}, nil
}

func (d *keyDocument) views() []KeyView {
	views := viewsOf(d.keys)
	for _, skipped := range d.skipped {
		views = append(views, KeyView{KID: skipped.shownKID(), Skipped: reasonToSkip(skipped.why), Why: fmt.Sprint(skipped.why)})
	}
	return views
}

func viewsOf(keys []*token.Key) []KeyView {
	views := make([]KeyView, len(keys))
	for i, key := range keys {
		views[i] = KeyView{
			KID: key.KID(), Thumbprint: key.Thumbprint().String(), Algorithms: key.Algorithms().Names(), Issuer: key.Issuer(),
		}
	}
	return views
}

// Keys describes the keys in force of the sources with this issuer, by the
// fingerprint of the source. It costs no fetch.
func (r *Registry) Keys(issuer string) map[string][]KeyView {
	all := make(map[string][]KeyView)
	for _, source := range r.all() {
		if source.issuer != issuer {
			continue
		}
		all[source.id] = nil
		if current := source.state.Load(); current != nil {
			all[source.id] = viewsOf(current.set.Keys())
		}
	}
	return all
}
