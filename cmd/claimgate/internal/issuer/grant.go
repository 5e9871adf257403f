package issuer

import (
	"crypto/sha256"
	"crypto/subtle"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	grantClientCredentials = "client_credentials"
	maxFormBytes           = 64 << 10
)

// The error codes of RFC 6749 section 5.2 that this grant can give.
const (
	codeInvalidRequest   = "invalid_request"
	codeInvalidClient    = "invalid_client"
	codeInvalidScope     = "invalid_scope"
	codeUnsupportedGrant = "unsupported_grant_type"
)

// grantError is an error answer (RFC 6749 section 5.2).
type grantError struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`

	challenge bool // the client tried the Authorization header
}

// accessToken is a successful answer (RFC 6749 section 5.1).
type accessToken struct {
	Token     string `json:"access_token"`
	Type      string `json:"token_type"`
	ExpiresIn int64  `json:"expires_in"`
	Scope     string `json:"scope,omitempty"`
}

// serveToken is the client credentials grant (RFC 6749 section 4.4).
func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	answer, refusal := i.grant(w, r)
	if refusal != nil {
		refuse(w, refusal)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func refuse(w http.ResponseWriter, refusal *grantError) {
	status := http.StatusBadRequest
	if refusal.Code == codeInvalidClient {
		status = http.StatusUnauthorized
		if refusal.challenge {
			w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		}
	}
	writeJSON(w, status, refusal)
}

func (i *Issuer) grant(w http.ResponseWriter, r *http.Request) (*accessToken, *grantError) {
	form, refusal := readForm(w, r)
	if refusal != nil {
		return nil, refusal
	}
	id, refusal := i.authenticate(r, form)
	if refusal != nil {
		return nil, refusal
	}
	switch form.Get("grant_type") {
	case grantClientCredentials:
	case "":
		return nil, &grantError{Code: codeInvalidRequest, Description: "grant_type is missing"}
	default:
		return nil, &grantError{Code: codeUnsupportedGrant, Description: "only client_credentials is supported"}
	}
	scope, refusal := grantedScope(i.opts.Clients[id].Scopes, form.Get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	return i.issueTo(id, scope)
}

func (i *Issuer) issueTo(id, scope string) (*accessToken, *grantError) {
	claims := map[string]any{"sub": id, "client_id": id}
	if scope != "" {
		claims["scope"] = scope
	}
	maps.Copy(claims, i.opts.Clients[id].Claims)
	token, err := i.Mint(claims)
	if err != nil {
		return nil, &grantError{Code: codeInvalidRequest, Description: "the claims of this client cannot be signed"}
	}
	lifetime := int64(i.opts.Lifetime / time.Second)
	return &accessToken{Token: token, Type: "Bearer", ExpiresIn: lifetime, Scope: scope}, nil
}

// readForm reads the body alone, never the query: credentials must not stand
// in a URI (RFC 6749 section 2.3.1). No parameter may be repeated (section 3.2).
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, *grantError) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != formMediaType {
		return nil, &grantError{Code: codeInvalidRequest, Description: "the body must be " + formMediaType}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		return nil, &grantError{Code: codeInvalidRequest, Description: "the body is no form or too large"}
	}
	for _, values := range r.PostForm {
		if len(values) > 1 {
			return nil, &grantError{Code: codeInvalidRequest, Description: "a parameter is repeated"}
		}
	}
	return r.PostForm, nil
}

// authenticate returns the client id after client_secret_basic or
// client_secret_post (RFC 6749 section 2.3.1); never both at once.
func (i *Issuer) authenticate(r *http.Request, form url.Values) (string, *grantError) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	basic := r.Header.Get("Authorization") != ""
	if basic {
		basicID, basicSecret, ok := basicCredentials(r)
		if !ok {
			return "", &grantError{Code: codeInvalidClient, challenge: true}
		}
		if secret != "" || (id != "" && id != basicID) {
			return "", &grantError{Code: codeInvalidRequest, Description: "two client authentications"}
		}
		id, secret = basicID, basicSecret
	}
	client, known := i.opts.Clients[id]
	if !sameSecret(client.Secret, secret) || !known {
		return "", &grantError{Code: codeInvalidClient, challenge: basic}
	}
	return id, nil
}

// basicCredentials undoes the form encoding inside Basic credentials.
func basicCredentials(r *http.Request) (id, secret string, ok bool) {
	rawID, rawSecret, ok := r.BasicAuth()
	if !ok {
		return "", "", false
	}
	id, idErr := url.QueryUnescape(rawID)
	secret, secretErr := url.QueryUnescape(rawSecret)
	return id, secret, idErr == nil && secretErr == nil
}

func sameSecret(want, got string) bool {
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(got))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// grantedScope returns the scopes asked for, or all of the client's where it
// asked for none. A scope beyond the client's refuses the whole request.
func grantedScope(allowed []string, asked string) (string, *grantError) {
	if asked == "" {
		return strings.Join(allowed, " "), nil
	}
	for scope := range strings.SplitSeq(asked, " ") {
		if !slices.Contains(allowed, scope) {
			return "", &grantError{Code: codeInvalidScope, Description: "a scope is not open to this client"}
		}
	}
	return asked, nil
}

// scopes returns every scope that some client may ask for, sorted.
func (i *Issuer) scopes() []string {
	var all []string
	for _, client := range i.opts.Clients {
		all = append(all, client.Scopes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
