package jwks

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// locate asks the metadata for the JWKS URI each time, so that a move is noticed
// with the next fetch. While the metadata cannot be had, keys are fetched from
// where the last ones came from; metadata that is there and says something else
// is never passed over.
func (f *fetcher) locate(ctx context.Context, known validator) (*url.URL, outcome) {
	last, err := f.rules.parse(known.url)
	if err != nil { // there is none
		return f.discover(ctx)
	}
	half, cancel := context.WithTimeout(ctx, f.timeout/2) // which leaves time for the keys
	defer cancel()
	found, failure := f.discover(half)
	if found != nil || !failure.result.absent() || ctx.Err() != nil {
		return found, failure
	}
	return last, outcome{}
}

// discover returns the JWKS URI that the issuer's metadata names (OpenID
// Connect Discovery 1.0 section 4, RFC 8414 section 3). The metadata must name
// the very issuer that was configured. Without a URI the outcome is a failure.
func (f *fetcher) discover(ctx context.Context) (*url.URL, outcome) {
	var last answer
	for _, place := range discoveryURLs(f.start) {
		found, err := f.get(ctx, place, "")
		if err != nil {
			return nil, failed(resultOf(err))
		}
		if last = found; last.status != http.StatusNotFound {
			break
		}
	}
	if last.status != http.StatusOK {
		return nil, last.failure()
	}
	raw, result := readMetadata(last.body, f.issuer)
	if result != FetchOK {
		failure := failed(result)
		if result == FetchIssuerMismatch {
			failure.named = namedIssuer(last.body)
		}
		return nil, failure
	}
	target, err := f.rules.parse(raw)
	if err != nil {
		return nil, failed(resultOf(err))
	}
	return target, outcome{}
}

// namedIssuer returns the issuer of a metadata document that was read, for
// people: whatever the server sent.
func namedIssuer(body []byte) (named string) {
	members, err := readObject(body, "issuer")
	if err == nil {
		_ = json.Unmarshal(members["issuer"], &named) // "" where it is none
	}
	return named
}

// readMetadata returns the jwks_uri of a metadata document of this issuer.
func readMetadata(body []byte, issuer string) (string, FetchResult) {
	members, err := readObject(body, "issuer", "jwks_uri")
	if err != nil {
		return "", FetchMalformed
	}
	var named, uri *string
	if json.Unmarshal(members["issuer"], &named) != nil || named == nil {
		return "", FetchMalformed
	}
	if *named != issuer {
		return "", FetchIssuerMismatch
	}
	if json.Unmarshal(members["jwks_uri"], &uri) != nil || uri == nil {
		return "", FetchMalformed
	}
	return *uri, FetchOK
}
