package envoy

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/claimgate/claimgate/authz"
)

// defaultRealm stands in a challenge when the decision names none: a challenge
// has at least one parameter (RFC 6750 section 3).
const defaultRealm = "api"

// maxDocumentBytes is the greatest length of a document that is an answer.
const maxDocumentBytes = 16 << 10

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

// responseFrom returns the answer for a decision. With an error the decision
// holds what must not be said; nothing of it may then be answered.
func (r *responder) responseFrom(req *authz.Request, d *authz.Decision) (*authv3.CheckResponse, error) {
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
	if err := checkParams(d.RemoveParams); err != nil {
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
	parts.ok.QueryParametersToRemove = d.RemoveParams
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
	kind := refusalOf(d.Reason)
	a := &r.answers[kind]
	part := a.media(req)
	if kind == answerDocument {
		if err := checkDocument(d.Document); err != nil {
			return nil, err
		}
		part.body = string(d.Document)
	}
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

// checkDocument returns an error for a document that is none: an answer that
// says 200 must hold what was asked for.
func checkDocument(document []byte) error {
	if len(document) == 0 || len(document) > maxDocumentBytes || !utf8.Valid(document) {
		return fmt.Errorf("%w: the document is empty, no UTF-8 or longer than %d bytes", errUnsayable, maxDocumentBytes)
	}
	return nil
}

// checkParams returns an error for a name that no query holds as it stands:
// Envoy compares names byte by byte with what was sent.
func checkParams(names []string) error {
	for _, name := range names {
		if name == "" || !isQuotable(name) || strings.ContainsAny(name, "&=#? ") {
			return fmt.Errorf("%w: query parameter %q cannot be removed", errUnsayable, clip(name))
		}
	}
	return nil
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
	if d.ResourceMetadata != "" {
		if !isQuotable(d.ResourceMetadata) {
			return "", fmt.Errorf("%w: the metadata URL of the challenge", errUnsayable)
		}
		value += `, resource_metadata="` + d.ResourceMetadata + `"`
	}
	if len(value) > maxHeaderValue {
		return "", fmt.Errorf("%w: the challenge is longer than %d bytes", errUnsayable, maxHeaderValue)
	}
	return value, nil
}
