package envoy

import (
	"net/http"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"

	"github.com/claimgate/claimgate/authz"
)

// refusal is one of the few ways in which a client is refused. Many reasons
// share one: the client learns no more than it can act on.
type refusal uint8

// The refusals. The zero value is our own fault.
const (
	refuseInternal refusal = iota
	refuseUnauthenticated
	refuseInvalidRequest
	refuseInvalidToken
	refuseScope
	refuseForbidden
	refuseBadRequest
	refuseUnavailable
	answerDocument // no refusal, and yet no allow: the request ends here with a document
	refusalCount
)

// refusalOf is the table Reason -> refusal. A reason that it does not know, and
// one that allows, is our own fault.
func refusalOf(reason authz.Reason) refusal {
	switch reason {
	case authz.NoToken, authz.PlaceUnknown:
		return refuseUnauthenticated
	case authz.TokenMalformed, authz.SeveralTokens, authz.TokenTooLarge:
		return refuseInvalidRequest
	case authz.TokenType, authz.AlgorithmRefused, authz.IssuerUnknown, authz.IssuerRetired, authz.KeyUnknown,
		authz.SignatureInvalid, authz.AudienceRefused, authz.AudienceAmbiguous, authz.Expired, authz.NotYetValid,
		authz.TooOld, authz.ClaimsInvalid, authz.BindingUnproved:
		return refuseInvalidToken
	case authz.ScopeMissing:
		return refuseScope
	case authz.PolicyDenied, authz.RequireFailed, authz.TenantUnknown, authz.TenantMismatch,
		authz.TenantConflict, authz.TenantSuspended, authz.HeaderValueRefused:
		return refuseForbidden
	case authz.PathNotCanonical, authz.HostInvalid, authz.RequestInvalid:
		return refuseBadRequest
	case authz.KeysUnavailable, authz.KeysPending, authz.TenantUnavailable,
		authz.Overloaded, authz.DeadlineExceeded:
		return refuseUnavailable
	case authz.MetadataDocument:
		return answerDocument
	default:
		return refuseInternal
	}
}

// documentAge is how many seconds a document may be kept.
const documentAge = 3600

// wording is what a refusal says; text is fit for a body, a grpc-message and an
// error_description alike.
type wording struct {
	status    int
	code      codes.Code
	text      string
	challenge bool       // with www-authenticate
	oauth     string     // error code of the challenge (RFC 6750 section 3.1)
	grpc      codes.Code // grpc-status, where Envoy's mapping of the HTTP status would mislead
	retry     bool       // with retry-after
}

func wordings() [refusalCount]wording {
	return [refusalCount]wording{
		refuseInternal: {
			status: http.StatusInternalServerError, code: codes.Internal, grpc: codes.Internal,
			text: "Authorization failed",
		},
		refuseUnauthenticated: {
			status: http.StatusUnauthorized, code: codes.Unauthenticated, challenge: true,
			text: "A bearer token is required",
		},
		refuseInvalidRequest: {
			status: http.StatusUnauthorized, code: codes.Unauthenticated, challenge: true, oauth: "invalid_request",
			text: "The bearer token is malformed, too large or not the only one",
		},
		refuseInvalidToken: {
			status: http.StatusUnauthorized, code: codes.Unauthenticated, challenge: true, oauth: "invalid_token",
			text: "The bearer token is not valid here",
		},
		refuseScope: {
			status: http.StatusForbidden, code: codes.PermissionDenied, challenge: true, oauth: "insufficient_scope",
			text: "The bearer token lacks a scope",
		},
		refuseForbidden: {
			status: http.StatusForbidden, code: codes.PermissionDenied,
			text: "The request is not permitted",
		},
		refuseBadRequest: {
			status: http.StatusBadRequest, code: codes.InvalidArgument, grpc: codes.InvalidArgument,
			text: "The path, host or headers of the request are ambiguous or malformed",
		},
		refuseUnavailable: {
			status: http.StatusServiceUnavailable, code: codes.Unavailable, retry: true,
			text: "Authorization is unavailable for the moment",
		},
		answerDocument: {status: http.StatusOK, code: codes.PermissionDenied},
	}
}

// answer is what a refusal sends, built once and shared by all responses.
type answer struct {
	wording
	rpc      *status.Status
	http     *typev3.HttpStatus
	rpcWire  []byte // rpc as a field of the response
	httpWire []byte // http as a field of the denied response
	web      media
	grpc     media
}

// media is the part that depends on the kind of client.
type media struct {
	names   []string // of its headers
	options []*corev3.HeaderValueOption
	wire    []byte // the headers as fields of the denied response
	body    string
}

func newMedia(headers []authz.Header, body string) media {
	m := media{body: body}
	for _, h := range headers {
		m.names = append(m.names, h.Name)
		m.options = append(m.options, overwrite(h.Name, h.Value))
		m.wire = appendOverwrite(m.wire, deniedHeaders, h.Name, h.Value)
	}
	return m
}

func newAnswer(w wording, web, grpc media) answer {
	return answer{
		wording:  w,
		rpc:      &status.Status{Code: int32(w.code)},
		http:     &typev3.HttpStatus{Code: typev3.StatusCode(w.status)},
		rpcWire:  appendCode(nil, responseStatus, uint64(w.code)),
		httpWire: appendCode(nil, deniedStatus, uint64(w.status)),
		web:      web,
		grpc:     grpc,
	}
}

func newAnswers() [refusalCount]answer {
	var answers [refusalCount]answer
	for i, w := range wordings() {
		if refusal(i) == answerDocument {
			answers[i] = newDocumentAnswer(w)
			continue
		}
		common := []authz.Header{{Name: "cache-control", Value: "no-store"}}
		if w.retry {
			common = append(common, authz.Header{Name: "retry-after", Value: "1"})
		}
		if w.grpc != codes.OK {
			common = append(common, authz.Header{Name: "grpc-status", Value: strconv.Itoa(int(w.grpc))})
		}
		problem := append([]authz.Header{{Name: "content-type", Value: "application/problem+json"}}, common...)
		answers[i] = newAnswer(w, newMedia(problem, problemBody(w)), newMedia(common, w.text))
	}
	return answers
}

// newDocumentAnswer is the answer whose body is a public document (RFC 9728
// section 3.2). Browsers may read it from any origin: it holds no secret, and
// it is the same for everybody.
func newDocumentAnswer(w wording) answer {
	part := newMedia([]authz.Header{
		{Name: "content-type", Value: "application/json"},
		{Name: "cache-control", Value: "public, max-age=" + strconv.Itoa(documentAge)},
		{Name: "access-control-allow-origin", Value: "*"},
	}, "")
	return newAnswer(w, part, part)
}

// problemBody returns the RFC 9457 document of a refusal. Its texts hold
// nothing that JSON escapes.
func problemBody(w wording) string {
	return `{"type":"about:blank","title":"` + http.StatusText(w.status) +
		`","status":` + strconv.Itoa(w.status) + `,"detail":"` + w.text + `"}`
}
