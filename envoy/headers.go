package envoy

import (
	"fmt"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/claimgate/claimgate/authz"
)

// requestHeaders returns the headers to overwrite, one entry a name.
func (r *responder) requestHeaders(set []authz.Header) ([]*corev3.HeaderValueOption, error) {
	if len(set) == 0 {
		return nil, nil
	}
	cells := make([]headerCell, len(set))
	options := make([]*corev3.HeaderValueOption, len(set))
	for i, h := range set {
		if err := checkRequestHeader(h); err != nil {
			return nil, err
		}
		if sets(set[:i], h.Name) {
			return nil, fmt.Errorf("%w: request header %q is set twice", errUnsayable, h.Name)
		}
		options[i] = cells[i].fill(h.Name, h.Value, r.no)
	}
	return options, nil
}

// responseHeaders returns base and the headers for the client, with room for
// more. base is never written to.
func (r *responder) responseHeaders(add []authz.Header, base []*corev3.HeaderValueOption, more int) ([]*corev3.HeaderValueOption, error) {
	if len(add)+more == 0 {
		return base, nil
	}
	options := append(make([]*corev3.HeaderValueOption, 0, len(base)+len(add)+more), base...)
	if len(add) == 0 {
		return options, nil
	}
	cells := make([]headerCell, len(add))
	for i, h := range add {
		if err := checkResponseHeader(h); err != nil {
			return nil, err
		}
		if sets(add[:i], h.Name) || names(base, h.Name) || more > 0 && h.Name == "www-authenticate" {
			return nil, fmt.Errorf("%w: response header %q is set twice", errUnsayable, h.Name)
		}
		options = append(options, cells[i].fill(h.Name, h.Value, r.no))
	}
	return options, nil
}

// removals returns the headers to remove less those being set: Envoy removes
// last, so that a name in both lists would be gone.
func removals(d *authz.Decision) ([]string, error) {
	clash := false
	for _, name := range d.Remove {
		if err := checkRemoval(name); err != nil {
			return nil, err
		}
		clash = clash || sets(d.Set, name)
	}
	if !clash {
		return d.Remove, nil
	}
	return slices.DeleteFunc(slices.Clone(d.Remove), func(name string) bool { return sets(d.Set, name) }), nil
}

func sets(headers []authz.Header, name string) bool {
	for i := range headers {
		if headers[i].Name == name {
			return true
		}
	}
	return false
}

func names(options []*corev3.HeaderValueOption, name string) bool {
	return slices.ContainsFunc(options, func(o *corev3.HeaderValueOption) bool { return o.GetHeader().GetKey() == name })
}
