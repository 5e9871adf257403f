package envoy

import (
	"fmt"
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

// responder turns decisions into answers. Immutable.
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
	r.internal = r.denied(&denial{answer: &r.answers[refuseInternal], media: r.answers[refuseInternal].web})
	return r
}

// allows reports whether the answer to a decision is an allow.
func allows(d *authz.Decision) bool { return d.Verdict == authz.Allow && admits(d.Reason) }

// checkAllow returns an error for an allow that must not be said.
func checkAllow(d *authz.Decision) error {
	for i, h := range d.Set {
		if err := checkRequestHeader(h); err != nil {
			return err
		}
		if sets(d.Set[:i], h.Name) {
			return errSetTwice("request", h.Name)
		}
	}
	for _, name := range d.Remove {
		if err := checkRemoval(name); err != nil {
			return err
		}
	}
	if err := checkParams(d.RemoveParams); err != nil {
		return err
	}
	return checkResponseHeaders(d.ResponseHeaders, nil, false)
}

// denial is a refusal that may be said, but for what its challenge holds.
type denial struct {
	*answer
	media

	headers  []authz.Header // besides those of the media
	document []byte         // in place of the body
}

// denialOf returns the refusal of the decision's reason with its headers.
func (r *responder) denialOf(req *authz.Request, d *authz.Decision) (denial, error) {
	kind := refusalOf(d.Reason)
	a := &r.answers[kind]
	out := denial{answer: a, media: a.mediaFor(req), headers: d.ResponseHeaders}
	if kind == answerDocument {
		if err := checkDocument(d.Document); err != nil {
			return denial{}, err
		}
		out.document = d.Document
	}
	return out, checkResponseHeaders(d.ResponseHeaders, out.names, a.challenge)
}

// plainDenial returns the refusal of a reason with nothing from a decision.
// Without a request it is that for browsers.
func (r *responder) plainDenial(req *authz.Request, reason authz.Reason) denial {
	a := &r.answers[refusalOf(reason)]
	return denial{answer: a, media: a.mediaFor(req)}
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

func (a *answer) mediaFor(req *authz.Request) media {
	if req != nil && isGRPC(req.Headers.Lines) {
		return a.grpc
	}
	return a.web
}

// appendChallenge appends the value of www-authenticate.
func (a *answer) appendChallenge(dst []byte, d *authz.Decision) ([]byte, error) {
	realm := d.Realm
	if realm == "" {
		realm = defaultRealm
	}
	if !isQuotable(realm) || !isQuotable(d.ResourceMetadata) {
		return dst, fmt.Errorf("%w: realm or metadata URL of the challenge", errUnsayable)
	}
	start := len(dst)
	dst = appendParam(dst, `Bearer realm="`, realm)
	if a.oauth != "" {
		dst = appendParam(dst, `, error="`, a.oauth)
		dst = appendParam(dst, `, error_description="`, a.text)
	}
	if d.Reason == authz.ScopeMissing {
		for i, scope := range d.Scopes {
			if !isScopeToken(scope) {
				return dst, fmt.Errorf("%w: scope of the challenge", errUnsayable)
			}
			if i == 0 {
				dst = appendParam(dst, `, scope="`, scope)
			} else {
				dst = appendParam(dst[:len(dst)-1], " ", scope) // within the quotes
			}
		}
	}
	if d.ResourceMetadata != "" {
		dst = appendParam(dst, `, resource_metadata="`, d.ResourceMetadata)
	}
	if len(dst)-start > maxHeaderValue {
		return dst, fmt.Errorf("%w: the challenge is longer than %d bytes", errUnsayable, maxHeaderValue)
	}
	return dst, nil
}

func appendParam(dst []byte, before, value string) []byte {
	return append(append(append(dst, before...), value...), '"')
}
