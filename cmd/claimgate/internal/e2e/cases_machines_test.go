package e2e

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// metadataOf returns the identity headers that a gRPC upstream saw.
func metadataOf(ctx context.Context) metadata.MD {
	seen, _ := metadata.FromIncomingContext(ctx)
	out := metadata.MD{}
	for _, name := range []string{"x-user-id", "x-roles", "authorization"} {
		for _, value := range seen.Get(name) {
			out.Append("saw-"+name, value)
		}
	}
	return out
}

// TestCaseMachines: users and machines of one issuer have different rules, and
// the methods of a gRPC service are paths. A real gRPC client asks.
func TestCaseMachines(t *testing.T) {
	c := openCase(t, "machines", nil, caseIssuer{name: mainIssuer, address: "127.0.0.1:8080", algorithm: "RS256"})
	connection, err := grpc.NewClient(c.address(t, viaProfile), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("grpc.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	roles := func(names ...string) map[string]any {
		return map[string]any{"realm_access": map[string]any{"roles": names}}
	}
	machine := func(scope any) map[string]any {
		return map[string]any{"sub": "importer", "gty": "client-credentials", "scope": scope, "realm_access": map[string]any{"roles": []string{"admin"}}}
	}
	for _, q := range []struct {
		what, method string
		claims       map[string]any
		want         codes.Code
		saw          string
	}{
		{"a reader gets", "/shop.v1.Orders/GetOrder", roles("reader"), codes.OK, "alice reader"},
		{"a reader lists", "/shop.v1.Orders/ListOrders", roles("reader", "x"), codes.OK, "alice reader,x"},
		{"a reader does not write", "/shop.v1.Orders/CreateOrder", roles("reader"), codes.PermissionDenied, ""},
		{"an admin writes", "/shop.v1.Orders/CreateOrder", roles("admin"), codes.OK, "alice admin"},
		{"an admin does not purge", "/shop.v1.Orders/PurgeOrders", roles("admin"), codes.PermissionDenied, ""},
		{"no roles", "/shop.v1.Orders/GetOrder", nil, codes.PermissionDenied, ""},
		{"roles of another type", "/shop.v1.Orders/GetOrder", map[string]any{"realm_access": map[string]any{"roles": "reader"}}, codes.PermissionDenied, ""},
		{"roles at another place", "/shop.v1.Orders/GetOrder", map[string]any{"roles": []string{"admin"}}, codes.PermissionDenied, ""},
		{"a user does not import", "/shop.v1.Import/Orders", map[string]any{"scope": "orders:import"}, codes.PermissionDenied, ""},
		{"a machine imports", "/shop.v1.Import/Orders", machine("a orders:import"), codes.OK, "importer admin"},
		{"a machine without the scope", "/shop.v1.Import/Orders", machine("orders:imports"), codes.PermissionDenied, ""},
		{"a machine with a malformed scope", "/shop.v1.Import/Orders", machine(" orders:import"), codes.PermissionDenied, ""},
		{"a machine is no user, whatever its roles", "/shop.v1.Orders/GetOrder", machine("orders:import"), codes.PermissionDenied, ""},
		{"neither of them for sure", "/shop.v1.Orders/GetOrder", map[string]any{"gty": []string{"client-credentials"}, "realm_access": map[string]any{"roles": []string{"admin"}}}, codes.PermissionDenied, ""},
		{"another service", "/shop.v1.OrdersAdmin/GetOrder", roles("admin"), codes.PermissionDenied, ""},
		{"case counts", "/shop.v1.orders/GetOrder", roles("admin"), codes.PermissionDenied, ""},
	} {
		t.Run(q.what, func(t *testing.T) {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+c.mint(t, mainIssuer, q.claims), "x-user-id", "root", "x-roles", "admin")
			var seen metadata.MD
			err := connection.Invoke(ctx, q.method, &grpc_health_v1.HealthCheckRequest{}, &grpc_health_v1.HealthCheckResponse{}, grpc.Header(&seen))
			if status.Code(err) != q.want {
				t.Fatalf("got %v, want %s", err, q.want)
			}
			saw := strings.Join(append(append(seen.Get("saw-x-user-id"), seen.Get("saw-x-roles")...), seen.Get("saw-authorization")...), " ")
			if saw != q.saw {
				t.Errorf("the upstream saw %q, want %q", saw, q.saw)
			}
		})
	}
	if got := c.call(t, viaProfile, "grpc.example.com", "/shop.v1.Orders/GetOrder", ""); got != codes.Unauthenticated {
		t.Errorf("without a token: %s", got)
	}
	get := c.send(t, "GET", "grpc.example.com", "/shop.v1.Orders/GetOrder", authorization(c.mint(t, mainIssuer, roles("admin"))))
	if get.reason != "policy_denied" {
		t.Errorf("a gRPC method by GET: %d %s", get.status, get.reason)
	}
}
