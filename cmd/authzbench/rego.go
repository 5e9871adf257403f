package main

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	regolib "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown/cache"
	"google.golang.org/grpc"
)

//go:embed policy.rego
var regoPolicy string

// regoServer asks one prepared query, as an embedder of the library does.
type regoServer struct {
	authv3.UnimplementedAuthorizationServer
	query  regolib.PreparedEvalQuery
	values cache.InterQueryValueCache // as OPA's server has it: parsed keys, and no tokens
}

func serveRego(ctx context.Context, spec childSpec) (*grpc.Server, error) {
	keys, err := fetch(ctx, spec.JWKS)
	if err != nil {
		return nil, err
	}
	plans := map[string]any{}
	for i := range spec.Load.Tenants {
		plans[identityAt(i, spec.Load.Tenants).tenant] = "gold"
	}
	query, err := regolib.New(
		regolib.Query("data.authz.answer"),
		regolib.Module("policy.rego", regoPolicy),
		regolib.Store(inmem.NewFromObject(map[string]any{
			"keys": string(keys), "issuer": spec.Issuer, "algorithm": spec.Load.Algorithm, "audience": audience, "domain": "." + baseDomain, "plans": plans,
		})),
	).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("compile the policy: %w", err)
	}
	caching, err := cache.ParseCachingConfig(nil)
	if err != nil {
		return nil, fmt.Errorf("OPA's default caches: %w", err)
	}
	server := grpc.NewServer(spec.options...)
	authv3.RegisterAuthorizationServer(server, &regoServer{query: query, values: cache.NewInterQueryValueCache(ctx, caching)})
	return server, nil
}

// Check implements authv3.AuthorizationServer. What is not exactly an object of
// headers is a refusal.
func (s *regoServer) Check(ctx context.Context, request *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	results, err := s.query.Eval(ctx, regolib.EvalInput(regoInput(request)), regolib.EvalInterQueryBuiltinValueCache(s.values))
	if err != nil || len(results) != 1 || len(results[0].Expressions) != 1 {
		return denial(), nil //nolint:nilerr // told by the answer
	}
	values, ok := results[0].Expressions[0].Value.(map[string]any)
	if !ok {
		return denial(), nil
	}
	headers := make([][2]string, 0, len(values))
	for name, value := range values {
		text, ok := value.(string)
		if !ok {
			return denial(), nil
		}
		headers = append(headers, [2]string{name, text})
	}
	return allowWith(headers), nil
}

func regoInput(request *authv3.CheckRequest) map[string]any {
	call := request.GetAttributes().GetRequest().GetHttp()
	headers := make(map[string]any, len(call.GetHeaderMap().GetHeaders()))
	for _, h := range call.GetHeaderMap().GetHeaders() {
		headers[h.GetKey()] = string(h.GetRawValue())
	}
	path, _, _ := strings.Cut(call.GetPath(), "?")
	return map[string]any{"method": call.GetMethod(), "path": path, "host": call.GetHost(), "headers": headers}
}
