package envoy

import (
	"fmt"

	"github.com/claimgate/claimgate/authz"
)

// appendAllow is the only place that encodes an answer with code 0. What
// checkAllow demands of a decision is demanded of each part as it is appended, so
// that all is looked at once: with an error nothing of it may be answered.
func appendAllow(dst []byte, d *authz.Decision) ([]byte, error) {
	dst = append(dst, tagOf(responseStatus), 0) // of code 0, which is not written
	dst, ok := openLong(dst, responseOK)
	dst, names, err := appendSet(dst, d.Set)
	if err == nil {
		dst, err = appendRemovals(dst, d, names)
	}
	if err == nil && len(d.ResponseHeaders)+len(d.RemoveParams) > 0 {
		dst, err = appendBack(dst, d)
	}
	if err != nil {
		return dst, err
	}
	return appendMetadata(closedLong(dst, ok), d.Metadata)
}

// appendSet appends the headers to set, and returns their names.
func appendSet(dst []byte, set []authz.Header) ([]byte, nameSketch, error) {
	var names nameSketch
	for i := range set {
		h := &set[i]
		if !isUsual(*h) {
			if err := checkRequestHeader(*h); err != nil {
				return dst, 0, err
			}
		}
		own := sketch(h.Name)
		if names&own != 0 && sets(set[:i], h.Name) {
			return dst, 0, errSetTwice("request", h.Name)
		}
		names |= own
		dst = appendOverwrite(dst, okHeaders, h.Name, h.Value)
	}
	return dst, names, nil
}

// appendRemovals appends the names to remove less those being set, as removals
// does.
func appendRemovals(dst []byte, d *authz.Decision, set nameSketch) ([]byte, error) {
	for _, name := range d.Remove {
		if err := checkRemoval(name); err != nil {
			return dst, err
		}
		if set&sketch(name) == 0 || !sets(d.Set, name) {
			dst = appendText(dst, okRemove, name)
		}
	}
	return dst, nil
}

// appendBack appends what few allows have: headers for the client, and parameters
// to remove.
func appendBack(dst []byte, d *authz.Decision) ([]byte, error) {
	if err := checkParams(d.RemoveParams); err != nil {
		return dst, err
	}
	if err := checkResponseHeaders(d.ResponseHeaders, nil, false); err != nil {
		return dst, err
	}
	for i := range d.ResponseHeaders {
		dst = appendOverwrite(dst, okBack, d.ResponseHeaders[i].Name, d.ResponseHeaders[i].Value)
	}
	for _, name := range d.RemoveParams {
		dst = appendText(dst, okRemoveParams, name)
	}
	return dst, nil
}

// nameSketch tells of most names that they are not among some others: each name
// has one bit of it.
type nameSketch uint64

// sketch returns the bit of a name that is not empty.
func sketch(name string) nameSketch {
	n := uint(len(name))
	return 1 << ((n + 5*uint(name[n-1]) + 11*uint(name[n/2])) & 63)
}

func errSetTwice(which, name string) error {
	return fmt.Errorf("%w: %s header %q is set twice", errUnsayable, which, name)
}
