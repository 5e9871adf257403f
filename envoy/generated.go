package envoy

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/claimgate/claimgate/authz"
)

// generated is the form of messages that generated code encodes and decodes.
type generated struct {
	call

	responder *responder
	msg       *authv3.CheckRequest
	response  *authv3.CheckResponse
}

func (g *generated) read(req *authz.Request) {
	var m message
	m.readGenerated(g.msg)
	requestFrom(&m, req)
}

func (g *generated) say(c *call) error {
	response, err := g.responder.responseFrom(&c.request, &c.decision)
	if err == nil {
		g.response = response
	}
	return err
}

func (g *generated) refuse(req *authz.Request, reason authz.Reason) {
	plain := g.responder.plainDenial(req, reason)
	g.response = g.responder.denied(&plain)
}

// responseFrom returns the answer for a decision. With an error the decision
// holds what must not be said; nothing of it may then be answered.
func (r *responder) responseFrom(req *authz.Request, d *authz.Decision) (*authv3.CheckResponse, error) {
	if allows(d) {
		return r.allow(d)
	}
	return r.deny(req, d)
}

// allow is the only place that makes a message with code 0.
func (r *responder) allow(d *authz.Decision) (*authv3.CheckResponse, error) {
	if err := checkAllow(d); err != nil {
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
	parts.ok.Headers = r.overwrites(nil, d.Set)
	parts.ok.HeadersToRemove = removals(d)
	parts.ok.QueryParametersToRemove = d.RemoveParams
	parts.ok.ResponseHeadersToAdd = r.overwrites(nil, d.ResponseHeaders)
	parts.oneof.OkResponse = &parts.ok
	parts.response.Status = r.allowed
	parts.response.HttpResponse = &parts.oneof
	parts.response.DynamicMetadata = metadata
	return &parts.response, nil
}

// deny returns the refusal of the decision's reason with its headers and
// metadata. Metadata that is too large is left out.
func (r *responder) deny(req *authz.Request, d *authz.Decision) (*authv3.CheckResponse, error) {
	refusal, err := r.denialOf(req, d)
	if err != nil {
		return nil, err
	}
	if refusal.challenge {
		challenge, err := refusal.appendChallenge(nil, d)
		if err != nil {
			return nil, err
		}
		refusal.headers = append(slices.Clip(refusal.headers), authz.Header{Name: "www-authenticate", Value: string(challenge)})
	}
	metadata, err := metadataFrom(d.Metadata)
	if err != nil && !isOversize(err) {
		return nil, err
	}
	response := r.denied(&refusal)
	response.DynamicMetadata = metadata
	return response, nil
}

// denied is the one constructor of messages that refuse.
func (r *responder) denied(d *denial) *authv3.CheckResponse {
	body := d.body
	if len(d.document) > 0 {
		body = string(d.document)
	}
	return &authv3.CheckResponse{
		Status: d.rpc,
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  d.http,
			Headers: r.overwrites(d.options, d.headers),
			Body:    body,
		}},
	}
}

// overwrites returns base and the headers to overwrite. base is never written
// to.
func (r *responder) overwrites(base []*corev3.HeaderValueOption, set []authz.Header) []*corev3.HeaderValueOption {
	if len(set) == 0 {
		return base
	}
	cells := make([]headerCell, len(set))
	options := append(make([]*corev3.HeaderValueOption, 0, len(base)+len(set)), base...)
	for i, h := range set {
		options = append(options, cells[i].fill(h.Name, h.Value, r.no))
	}
	return options
}

// removals returns the headers to remove less those being set: Envoy removes
// last, so that a name in both lists would be gone.
func removals(d *authz.Decision) []string {
	if !slices.ContainsFunc(d.Remove, func(name string) bool { return sets(d.Set, name) }) {
		return d.Remove
	}
	return slices.DeleteFunc(slices.Clone(d.Remove), func(name string) bool { return sets(d.Set, name) })
}
