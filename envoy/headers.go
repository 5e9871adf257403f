package envoy

import (
	"slices"

	"github.com/claimgate/claimgate/authz"
)

// checkResponseHeaders returns an error for headers for the client that must
// not be said. taken are the names that the answer has already.
func checkResponseHeaders(add []authz.Header, taken []string, challenge bool) error {
	for i, h := range add {
		if err := checkResponseHeader(h); err != nil {
			return err
		}
		if sets(add[:i], h.Name) || slices.Contains(taken, h.Name) || challenge && h.Name == "www-authenticate" {
			return errSetTwice("response", h.Name)
		}
	}
	return nil
}

func sets(headers []authz.Header, name string) bool {
	for i := range headers {
		if headers[i].Name == name {
			return true
		}
	}
	return false
}
