package issuer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	metadataPath  = "/.well-known/openid-configuration"
	metadata8414  = "/.well-known/oauth-authorization-server"
	jwksPath      = "/jwks"
	tokenPath     = "/token"
	failureRetry  = "1"
	formMediaType = "application/x-www-form-urlencoded"
)

// metadata is the discovery document (OpenID Connect Discovery 1.0 section 3,
// RFC 8414 section 2), as far as this issuer goes.
type metadata struct {
	Issuer            string   `json:"issuer"`
	JWKSURI           string   `json:"jwks_uri"`
	TokenEndpoint     string   `json:"token_endpoint"`
	GrantTypes        []string `json:"grant_types_supported"`
	ResponseTypes     []string `json:"response_types_supported"`
	TokenEndpointAuth []string `json:"token_endpoint_auth_methods_supported"`
	Scopes            []string `json:"scopes_supported,omitempty"`
	SubjectTypes      []string `json:"subject_types_supported"`
	IDTokenAlgorithms []string `json:"id_token_signing_alg_values_supported"`
}

// ServeHTTP answers /.well-known/openid-configuration, /jwks and /token below
// the path of the issuer, and the metadata at the place of RFC 8414 section 3.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.mux.ServeHTTP(w, r) }

func (i *Issuer) routes(base string) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+metadataPath, i.unlessFailing(i.serveMetadata))
	mux.HandleFunc("GET "+metadata8414+base, i.unlessFailing(i.serveMetadata))
	mux.HandleFunc("GET "+base+jwksPath, i.countJWKS(i.unlessFailing(i.serveJWKS)))
	mux.HandleFunc("POST "+base+tokenPath, i.unlessFailing(i.serveToken))
	return mux
}

func (i *Issuer) unlessFailing(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if i.failing.Load() {
			w.Header().Set("Retry-After", failureRetry)
			http.Error(w, "this issuer was told to fail", http.StatusServiceUnavailable)
			return
		}
		next(w, r)
	}
}

func (i *Issuer) countJWKS(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		i.jwksFetches.Add(1)
		next(w, r)
	}
}

func (i *Issuer) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, metadata{
		Issuer:            i.opts.URL,
		JWKSURI:           i.base() + jwksPath,
		TokenEndpoint:     i.base() + tokenPath,
		GrantTypes:        []string{grantClientCredentials},
		ResponseTypes:     []string{},
		TokenEndpointAuth: []string{"client_secret_basic", "client_secret_post"},
		Scopes:            i.scopes(),
		SubjectTypes:      []string{"public"},
		IDTokenAlgorithms: []string{i.alg.name},
	})
}

func (i *Issuer) serveJWKS(w http.ResponseWriter, r *http.Request) {
	doc := i.keySet()
	header := w.Header()
	header.Set("ETag", doc.etag)
	header.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", i.opts.MaxAge/time.Second))
	if matchesTag(r.Header.Get("If-None-Match"), doc.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(doc.body) // nobody is left to hear of a failure
}

// matchesTag compares weakly (RFC 9110 section 13.1.2).
func matchesTag(list, tag string) bool {
	for candidate := range strings.SplitSeq(list, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == "*" || candidate == tag {
			return true
		}
	}
	return false
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "the answer could not be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // nobody is left to hear of a failure
}
