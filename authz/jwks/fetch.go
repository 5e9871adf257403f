package jwks

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/claimgate/claimgate/authz/token"
)

const (
	acceptedTypes = "application/jwk-set+json, application/json"
	maxTagBytes   = 256
)

// outcome is what one fetch brought.
type outcome struct {
	result     FetchResult
	set        *token.KeySet // with FetchOK
	skipped    skips         // with FetchOK
	body       []byte        // with FetchOK and FetchNoUsableKey
	from       *url.URL      // of the key set; nil where discovery did not lead to one
	tag        validator     // with FetchOK
	maxAge     time.Duration // of Cache-Control, negative without
	retryAfter time.Duration // of a failure, zero without
	status     int           // with FetchStatus and FetchRedirect
	named      string        // with FetchIssuerMismatch: the issuer of the document
}

func failed(result FetchResult) outcome { return outcome{result: result, maxAge: -1} }

// validator is the entity tag of the key set in force, good for its URL alone.
type validator struct{ url, etag string }

// fetcher gets the key set of one source. It holds no state.
type fetcher struct {
	client  *http.Client
	rules   urlRules
	start   *url.URL // JWKS URI or, for discovery, issuer
	issuer  string   // to be found in the discovery document, byte for byte
	direct  bool     // start is the JWKS URI
	timeout time.Duration
	uses    []string // values of use that keys may have
	bearer  string   // file with the token that the key server wants, "" for none
}

// move waits for leave to talk to an origin, in place of the one before.
type move func(ctx context.Context, origin string) error

// fetch gets the key set. The caller has leave for the origin of f.start; for
// another origin that discovery leads to, it asks with move.
func (f *fetcher) fetch(ctx context.Context, known validator, move move) outcome {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	target := f.start
	if !f.direct {
		found, failure := f.locate(ctx, known)
		if found == nil {
			return failure
		}
		target = found
	}
	if origin := originOf(target); origin != originOf(f.start) {
		if err := move(ctx, origin); err != nil {
			return failed(resultOf(err))
		}
	}
	got := f.fetchKeys(ctx, target, known)
	got.from = target
	return got
}

func (f *fetcher) fetchKeys(ctx context.Context, target *url.URL, known validator) outcome {
	etag := ""
	if known.url == target.String() {
		etag = known.etag
	}
	got, err := f.get(ctx, target, etag)
	if err != nil {
		return failed(resultOf(err))
	}
	switch {
	case got.status == http.StatusNotModified && etag != "":
		return outcome{result: FetchNotModified, maxAge: maxAgeOf(got.header)}
	case got.status != http.StatusOK:
		return got.failure()
	}
	return got.keys(target, f.uses)
}

// keys reads the key set out of an answer from target.
func (a answer) keys(target *url.URL, uses []string) outcome {
	doc, err := parseKeySet(a.body, uses)
	switch {
	case errors.Is(err, errTooLarge):
		return failed(FetchTooLarge)
	case err != nil:
		return failed(FetchMalformed)
	case len(doc.keys) == 0:
		none := failed(FetchNoUsableKey)
		none.body = a.body
		return none
	}
	return outcome{
		result:  FetchOK,
		set:     token.NewKeySet(doc.keys),
		skipped: doc.skips(),
		body:    a.body,
		tag:     validator{url: target.String(), etag: tagOf(a.header)},
		maxAge:  maxAgeOf(a.header),
	}
}

// answer is an HTTP response, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) failure() outcome {
	o := failed(FetchStatus)
	if a.status >= 300 && a.status < 400 && a.status != http.StatusNotModified {
		o.result = FetchRedirect
	}
	o.retryAfter, o.status = retryAfterOf(a.header), a.status
	return o
}

func (f *fetcher) get(ctx context.Context, target *url.URL, etag string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		return answer{}, errURLSyntax
	}
	req.Header.Set("Accept", acceptedTypes)
	req.Header.Set("User-Agent", "claimgate")
	if err := f.authorize(req); err != nil {
		return answer{}, err
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }() // what mattered was read
	if resp.StatusCode != http.StatusOK {
		return answer{status: resp.StatusCode, header: resp.Header}, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBodyBytes+1))
	if err != nil {
		return answer{}, err
	}
	if len(body) > maxBodyBytes {
		return answer{}, errTooLarge
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// resultOf sorts an error into the closed set; its text goes nowhere.
func resultOf(err error) FetchResult {
	var (
		netError  net.Error
		certError *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
	)
	switch {
	case errors.Is(err, errTooLarge):
		return FetchTooLarge
	case errors.Is(err, ErrBearerToken):
		return FetchCredential
	case errors.Is(err, errAddressRefused), errors.Is(err, errURLAddress), errors.Is(err, errURLScheme):
		return FetchAddressRefused
	case errors.Is(err, context.Canceled):
		return FetchCanceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netError) && netError.Timeout():
		return FetchTimeout
	case errors.As(err, &certError), errors.As(err, &record), errors.As(err, &alert),
		errors.Is(err, http.ErrSchemeMismatch):
		return FetchTLS
	case errors.Is(err, errURLSyntax), errors.Is(err, errURLUser), errors.Is(err, errURLFragment):
		return FetchMalformed
	default:
		return FetchDial
	}
}

// tagOf returns the entity tag, or "" where there is none worth keeping.
func tagOf(header http.Header) string {
	tag := header.Get("ETag")
	odd := func(r rune) bool { return r < '!' || r > '~' }
	if len(tag) > maxTagBytes || strings.ContainsFunc(tag, odd) {
		return ""
	}
	return tag
}

// maxAgeOf returns the max-age of Cache-Control (RFC 9111 section 5.2.2.1) or,
// without one, how long Expires lies ahead; negative where there is neither.
func maxAgeOf(header http.Header) time.Duration {
	for _, line := range header.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			if !strings.EqualFold(name, "max-age") {
				continue
			}
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return -1
			}
			return time.Duration(seconds) * time.Second
		}
	}
	return expiresOf(header)
}

// expiresOf reads Expires against the Date of the same answer (RFC 9111 section
// 5.3). A text that is no date, such as 0, means that it is over.
func expiresOf(header http.Header) time.Duration {
	text := header.Get("Expires")
	if text == "" {
		return -1
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	sent, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return -1
	}
	return max(until.Sub(sent), 0)
}

// retryAfterOf returns how long Retry-After asks to wait (RFC 9110 section
// 10.2.3), at most maxRetryAfter. A date is read against the Date of the same
// answer, so that it does not depend on how our clocks agree.
func retryAfterOf(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	sent, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(until.Sub(sent), 0), maxRetryAfter)
}
