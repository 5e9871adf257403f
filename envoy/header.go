package envoy

import (
	"fmt"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/claimgate/claimgate/authz"
)

// maxHeaderValue is the longest header value that the protocol's own contract
// (validation rules of HeaderValue) admits.
const maxHeaderValue = 16 << 10

// headerCell holds one header of an answer, so that a list of them is one
// allocation.
type headerCell struct {
	option corev3.HeaderValueOption
	value  corev3.HeaderValue
}

// fill makes the cell overwrite a header: `append` false for what Envoy reads,
// and the action that says the same to readers of the newer field. The value
// goes into `value`; Envoy ignores `raw_value`.
func (c *headerCell) fill(name, value string, no *wrapperspb.BoolValue) *corev3.HeaderValueOption {
	c.value.Key, c.value.Value = name, value
	c.option.Header = &c.value
	c.option.Append = no //nolint:staticcheck // deprecated, but the field that Envoy obeys here
	c.option.AppendAction = corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
	return &c.option
}

// overwrite returns one header of a static answer.
func overwrite(name, value string) *corev3.HeaderValueOption {
	return new(headerCell).fill(name, value, wrapperspb.Bool(false))
}

// checkRequestHeader returns an error for a header that must not reach the
// upstream: one that is malformed, that shapes the message, or that is blank,
// since a proxy may ignore a blank one and keep the client's.
func checkRequestHeader(h authz.Header) error {
	if h.Value == "" {
		return fmt.Errorf("%w: request header %q is blank", errUnsayable, clip(h.Name))
	}
	return checkHeader(h)
}

// checkResponseHeader returns an error for a header that must not reach the
// client. One that sets the outcome of a gRPC call could turn a denial into a
// success.
func checkResponseHeader(h authz.Header) error {
	if strings.HasPrefix(h.Name, "grpc-") {
		return fmt.Errorf("%w: response header %q sets the outcome of a call", errUnsayable, clip(h.Name))
	}
	return checkHeader(h)
}

// checkHeader guards every header that comes from a decision. Envoy itself lets
// CR and LF through to the client, and a value that is no UTF-8 would make the
// whole answer undeliverable.
func checkHeader(h authz.Header) error {
	switch {
	case !isLowerName(h.Name):
		return fmt.Errorf("%w: header name %q is not a lower-case token", errUnsayable, clip(h.Name))
	case shapesMessage(h.Name):
		return fmt.Errorf("%w: header %q shapes the message", errUnsayable, h.Name)
	case len(h.Value) > maxHeaderValue:
		return fmt.Errorf("%w: the value of header %q is longer than %d bytes", errUnsayable, h.Name, maxHeaderValue)
	case !isFieldValue(h.Value):
		return fmt.Errorf("%w: the value of header %q is no field value", errUnsayable, h.Name)
	default:
		return nil
	}
}

// isUsual reports whether a header is like nearly all: of a common name and of
// printable ASCII that neither begins nor ends with a space. Such a one passes
// checkRequestHeader.
func isUsual(h authz.Header) bool {
	return isCommonName(h.Name) && !shapesMessage(h.Name) &&
		h.Value != "" && len(h.Value) <= maxHeaderValue && h.Value[0] != ' ' && h.Value[len(h.Value)-1] != ' ' &&
		isPrintable(h.Value)
}

// checkRemoval returns an error for a name that Envoy would not remove.
func checkRemoval(name string) error {
	if !isCommonName(name) && !isLowerName(name) || name == "host" {
		return fmt.Errorf("%w: header %q cannot be removed", errUnsayable, clip(name))
	}
	return nil
}

// shapesMessage reports headers that say where a message ends, to whom it goes
// or what the connection turns into: Envoy forwards them as they are set, which
// desynchronises an upstream.
func shapesMessage(name string) bool {
	switch name {
	case "host", "connection", "content-length", "transfer-encoding", "upgrade",
		"keep-alive", "proxy-connection", "te", "trailer":
		return true
	default:
		return false
	}
}

// clip shortens a name for an error text.
func clip(name string) string { return name[:min(len(name), 64)] }
