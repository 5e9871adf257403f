package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Names of the variants.
const (
	stock     = "stock"
	floor     = "floor"
	options   = "options"
	verify    = "verify"
	rego      = "rego"
	claimgate = "claimgate"
	other     = "other"
)

var (
	errVariant = errors.New("no such variant")
	errTwice   = errors.New("a variant is listed twice")
)

// variant is one way to answer a Check.
type variant struct {
	name string
	does string
	// decides says that the answers depend on the token, so that a forged one
	// must be refused.
	decides bool
	// injects says that the answers carry the claims of the token.
	injects bool
	// serve makes the server that the child process runs; nil where the child is
	// a claimgate binary.
	serve func(context.Context, childSpec) (*grpc.Server, error)
	// other says that the binary is the one to compare with.
	other bool

	// What tunings change.
	options   []grpc.ServerOption
	plain     bool
	env       []string
	tcp       bool
	generated bool
}

// variants returns all of them. The first two are the yardsticks.
func variants() []variant {
	return []variant{
		{name: stock, does: "grpc-go as it comes, generated code, a fixed OK with six headers", serve: serveStock},
		{name: floor, does: "grpc-go with claimgate's options and process settings; parses nothing, decides nothing, answers the same bytes", serve: serveFloor},
		{name: options, does: "stock with claimgate's options and process settings", serve: serveOptions},
		{name: verify, does: "golang-jwt and keyfunc verify each token, then a fixed OK", decides: true, serve: serveVerify},
		{name: rego, does: "an embedded Rego policy verifies, decides and injects", decides: true, injects: true, serve: serveRego},
		{name: claimgate, does: "claimgate serve with a configuration file: token, tenant, policy, six headers", decides: true, injects: true},
		{name: other, does: "the claimgate binary that -other names, to compare two builds", decides: true, injects: true, other: true},
	}
}

// chooseVariants returns those of a comma-separated list, in the list's order.
func chooseVariants(list string) ([]variant, error) {
	var chosen []variant
	for name := range strings.SplitSeq(list, ",") {
		v, err := variantNamed(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(chosen, func(o variant) bool { return o.name == v.name }) {
			return nil, fmt.Errorf("%w: %q", errTwice, v.name)
		}
		chosen = append(chosen, v)
	}
	return chosen, nil
}

// usualVariants are measured unless others are named.
func usualVariants() string {
	return strings.Join([]string{stock, floor, options, verify, rego, claimgate, claimgate + "+generated"}, ",")
}

// variantNamed returns a variant, with tunings where the name says so:
// floor+tcp.
func variantNamed(name string) (variant, error) {
	base, rest, tuned := strings.Cut(name, "+")
	all := variants()
	for i := range all {
		v := all[i]
		if v.name != base {
			continue
		}
		if !tuned {
			return v, nil
		}
		return tune(v, strings.Split(rest, "+"))
	}
	return variant{}, fmt.Errorf("%w: %q: choose from %s", errVariant, name, strings.Join(variantNames(), ","))
}

func variantNames() []string {
	all := variants()
	names := make([]string, 0, len(all))
	for i := range all {
		names = append(names, all[i].name)
	}
	return names
}

// fixed answers every Check alike.
type fixed struct {
	authv3.UnimplementedAuthorizationServer
}

func (fixed) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return fixedAllow(), nil
}

func serveStock(_ context.Context, spec childSpec) (*grpc.Server, error) {
	server := grpc.NewServer(spec.options...)
	authv3.RegisterAuthorizationServer(server, fixed{})
	return server, nil
}

func serveOptions(_ context.Context, spec childSpec) (*grpc.Server, error) {
	likeClaimgate()
	server := grpc.NewServer(append(claimgateOptions(spec.plain), spec.options...)...)
	authv3.RegisterAuthorizationServer(server, fixed{})
	return server, nil
}

func serveFloor(_ context.Context, spec childSpec) (*grpc.Server, error) {
	canned, err := proto.Marshal(fixedAllow())
	if err != nil {
		return nil, err
	}
	likeClaimgate()
	all := slices.Concat(claimgateOptions(spec.plain), []grpc.ServerOption{grpc.ForceServerCodecV2(&cannedCodec{canned})}, spec.options)
	server := grpc.NewServer(all...)
	authv3.RegisterAuthorizationServer(server, unread{})
	return server, nil
}

// unread answers without having been asked anything.
type unread struct {
	authv3.UnimplementedAuthorizationServer
}

func (unread) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return nil, nil // the codec sends its bytes whatever this is
}
