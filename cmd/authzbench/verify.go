package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/MicahParks/keyfunc/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/golang-jwt/jwt/v5"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

var errNoToken = errors.New("no bearer token")

// verifier checks every token anew, as the first example of many a tutorial
// does. It has no tenants, no policy and no headers of its own.
type verifier struct {
	authv3.UnimplementedAuthorizationServer
	parser *jwt.Parser
	keys   keyfunc.Keyfunc
}

func serveVerify(ctx context.Context, spec childSpec) (*grpc.Server, error) {
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{spec.JWKS})
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	server := grpc.NewServer(spec.options...)
	authv3.RegisterAuthorizationServer(server, &verifier{
		parser: jwt.NewParser(jwt.WithValidMethods([]string{spec.Load.Algorithm}), jwt.WithIssuer(spec.Issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired()),
		keys:   keys,
	})
	return server, nil
}

// Check implements authv3.AuthorizationServer.
func (v *verifier) Check(_ context.Context, request *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	text, err := bearer(request)
	if err != nil {
		return denial(), nil //nolint:nilerr // told by the answer
	}
	if _, err := v.parser.Parse(text, v.keys.Keyfunc); err != nil {
		return denial(), nil //nolint:nilerr // told by the answer
	}
	return fixedAllow(), nil
}

// bearer returns the token of the Authorization header.
func bearer(request *authv3.CheckRequest) (string, error) {
	for _, header := range request.GetAttributes().GetRequest().GetHttp().GetHeaderMap().GetHeaders() {
		if header.GetKey() == "authorization" {
			if text, ok := strings.CutPrefix(string(header.GetRawValue()), "Bearer "); ok {
				return text, nil
			}
		}
	}
	return "", errNoToken
}

func denial() *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status: &rpcstatus.Status{Code: int32(codes.Unauthenticated)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status: &typev3.HttpStatus{Code: http.StatusUnauthorized},
		}},
	}
}

// allowWith is an OK that sets headers, in place of any that are there.
func allowWith(headers [][2]string) *authv3.CheckResponse {
	set := make([]*corev3.HeaderValueOption, 0, len(headers))
	for _, h := range headers {
		set = append(set, &corev3.HeaderValueOption{
			Header: &corev3.HeaderValue{Key: h[0], Value: h[1]}, // Envoy reads no raw_value here
		})
	}
	return &authv3.CheckResponse{
		Status:       &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{Headers: set}},
	}
}

// fixedAllow is an OK with six headers as long as those that claimgate sets.
func fixedAllow() *authv3.CheckResponse { return allowWith(headersOf(identityAt(0, 1))) }
