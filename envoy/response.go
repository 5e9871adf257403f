package envoy

import (
	"fmt"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/claimgate/claimgate/authz"
)

// defaultRealm stands in a challenge when the decision names none: a challenge
// has at least one parameter (RFC 6750 section 3).
const defaultRealm = "api"

// responder turns decisions into responses. Immutable.
type responder struct {
	answers  [refusalCount]answer
	allowed  *status.Status
	no       *wrapperspb.BoolValue
	internal *authv3.CheckResponse // the answer to a panic
}

func newResponder() *responder {
	r := &responder{
		answers: newAnswers(),
		allowed: &status.Status{Code: int32(codes.OK)},
		no:      wrapperspb.Bool(false),
	}
	r.internal = r.denied(&r.answers[refuseInternal], r.answers[refuseInternal].web)
	return r
}

// response returns the answer for a decision. With an error the decision holds
// what must not be said; nothing of it may then be answered.
func (r *responder) response(req *authz.Request, d *authz.Decision) (*authv3.CheckResponse, error) {
	if d.Verdict == authz.Allow && admits(d.Reason) {
		return r.allow(d)
	}
	return r.deny(req, d)
}

// allow is the only place that makes an answer with code 0.
func (r *responder) allow(d *authz.Decision) (*authv3.CheckResponse, error) {
	set, err := r.requestHeaders(d.Set)
	if err != nil {
		return nil, err
	}
	remove, err := removals(d)
	if err != nil {
		return nil, err
	}
	back, err := r.responseHeaders(d.ResponseHeaders, nil, 0)
	if err != nil {
		return nil, err
	}
	metadata, err := metadataFrom(d.Metadata)
	if err != nil {
		return nil, err
	}
	var parts struct {
		response authv3.CheckResponse
		oneof    authv3.CheckResponse_OkResponse
		ok       authv3.OkHttpResponse
	}
	parts.ok.Headers = set
	parts.ok.HeadersToRemove = remove
	parts.ok.ResponseHeadersToAdd = back
	parts.oneof.OkResponse = &parts.ok
	parts.response.Status = r.allowed
	parts.response.HttpResponse = &parts.oneof
	parts.response.DynamicMetadata = metadata
	return &parts.response, nil
}

// deny returns the refusal of the decision's reason with its headers and
// metadata. Metadata that is too large is left out.
func (r *responder) deny(req *authz.Request, d *authz.Decision) (*authv3.CheckResponse, error) {
	a := &r.answers[refusalOf(d.Reason)]
	part := a.media(req)
	challenge, err := a.challengeFor(d)
	if err != nil {
		return nil, err
	}
	extra := 0
	if a.challenge {
		extra = 1
	}
	headers, err := r.responseHeaders(d.ResponseHeaders, part.headers, extra)
	if err != nil {
		return nil, err
	}
	if a.challenge {
		headers = append(headers, new(headerCell).fill("www-authenticate", challenge, r.no))
	}
	metadata, err := metadataFrom(d.Metadata)
	if err != nil && !isOversize(err) {
		return nil, err
	}
	response := r.denied(a, media{headers: headers, body: part.body})
	response.DynamicMetadata = metadata
	return response, nil
}

// plainDenial returns the refusal of a reason with nothing from a decision.
func (r *responder) plainDenial(req *authz.Request, reason authz.Reason) *authv3.CheckResponse {
	a := &r.answers[refusalOf(reason)]
	return r.denied(a, a.media(req))
}

// denied is the one constructor of refusals.
func (r *responder) denied(a *answer, part media) *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status: a.rpc,
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  a.http,
			Headers: part.headers,
			Body:    part.body,
		}},
	}
}

func (a *answer) media(req *authz.Request) media {
	if isGRPC(req.Headers.Lines) {
		return a.grpc
	}
	return a.web
}

// challengeFor returns the value of www-authenticate, "" for an answer without.
func (a *answer) challengeFor(d *authz.Decision) (string, error) {
	if !a.challenge {
		return "", nil
	}
	realm := d.Realm
	if realm == "" {
		realm = defaultRealm
	}
	var scopes []string
	if d.Reason == authz.ScopeMissing {
		scopes = d.Scopes
	}
	if !isQuotable(realm) || slices.ContainsFunc(scopes, func(s string) bool { return !isScopeToken(s) }) {
		return "", fmt.Errorf("%w: realm or scope of the challenge", errUnsayable)
	}
	value := `Bearer realm="` + realm + `"`
	if a.oauth != "" {
		value += `, error="` + a.oauth + `", error_description="` + a.text + `"`
	}
	if len(scopes) > 0 {
		value += `, scope="` + strings.Join(scopes, " ") + `"`
	}
	if len(value) > maxHeaderValue {
		return "", fmt.Errorf("%w: the challenge is longer than %d bytes", errUnsayable, maxHeaderValue)
	}
	return value, nil
}

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
