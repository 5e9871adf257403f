package jwks

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
)

const maxBearerBytes = 64 << 10

// ErrBearerToken is why there is no token for the key server. It tells neither
// the name of the file, which may be a token in the wrong place, nor what it
// holds.
var ErrBearerToken = errors.New("bearerTokenFile must be a file of one bearer token and nothing else, which claimgate may read")

// bearerForm is the b64token of RFC 6750 section 2.1.
var bearerForm = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// authorize adds the token of the file to a request to the origin that was
// configured. The file is read each time, since such tokens are replaced while
// they are in use; what discovery leads to elsewhere gets none.
func (f *fetcher) authorize(req *http.Request) error {
	if f.bearer == "" || originOf(req.URL) != originOf(f.start) {
		return nil
	}
	token, err := readBearer(f.bearer)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return nil
}

func readBearer(path string) (string, error) {
	text, err := readFile(path, maxBearerBytes)
	token := strings.TrimSpace(string(text))
	if err != nil || !bearerForm.MatchString(token) {
		return "", ErrBearerToken
	}
	return token, nil
}

// checkBearer tells of a file that is of no use when the source is made.
func (s SourceSpec) checkBearer() error {
	if s.BearerTokenFile == "" || s.static() {
		return nil
	}
	if _, err := readBearer(s.BearerTokenFile); err != nil {
		return specError("%w", err)
	}
	return nil
}
