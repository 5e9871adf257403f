package manifests

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	mesh "istio.io/api/mesh/v1alpha1"
	api "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	security "istio.io/client-go/pkg/apis/security/v1"
	core "k8s.io/api/core/v1"
	networkpolicy "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

const istio = "examples/istio"

func itoa[T ~int32 | ~uint32](n T) string { return strconv.FormatInt(int64(n), 10) }

func istioObjects(t *testing.T) []runtime.Object {
	t.Helper()
	onlyThese(t, istio, "README.md", "authorization.yaml", "gateway.yaml", "values.yaml")
	return append(objects(t, path.Join(istio, "authorization.yaml")), objects(t, path.Join(istio, "gateway.yaml"))...)
}

// meshConfig decodes the mesh configuration strictly.
func meshConfig(text []byte) (*mesh.MeshConfig, error) {
	var values map[string]any
	if err := yaml.UnmarshalStrict(text, &values); err != nil {
		return nil, err
	}
	inner, err := yaml.Marshal(values["meshConfig"])
	if err != nil {
		return nil, err
	}
	if inner, err = yaml.YAMLToJSONStrict(inner); err != nil {
		return nil, err
	}
	config := &mesh.MeshConfig{}
	return config, protojson.Unmarshal(inner, config)
}

// TestMeshConfig: the provider is claimgate's service, has a timeout, and fails
// closed.
func TestMeshConfig(t *testing.T) {
	config, err := meshConfig(read(t, istio+"/values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(config.ExtensionProviders) != 1 {
		t.Fatalf("%d providers", len(config.ExtensionProviders))
	}
	provider := config.ExtensionProviders[0].GetEnvoyExtAuthzGrpc()
	service := one[*core.Service](t, cluster(t), "claimgate")
	if want := service.Name + "." + service.Namespace + ".svc.cluster.local"; provider.Service != want || provider.Port != uint32(service.Spec.Ports[0].Port) {
		t.Errorf("provider %s:%d, service %s:%d", provider.Service, provider.Port, want, service.Spec.Ports[0].Port)
	}
	if timeout := provider.Timeout.AsDuration(); timeout < 200*time.Millisecond || timeout > 5*time.Second {
		t.Errorf("timeout %s", timeout)
	}
	if provider.FailOpen || provider.StatusOnError != "503" || provider.IncludeRequestBodyInCheck != nil || provider.ClearRouteCache {
		t.Errorf("the provider fails open, hides faults, reads bodies or routes anew: %v", provider)
	}
	if !strings.Contains(string(read(t, istio+"/values.yaml")), "failOpen: false") {
		t.Error("failOpen is left to a default")
	}
	if n := config.PathNormalization.GetNormalization(); n != mesh.MeshConfig_ProxyPathNormalization_MERGE_SLASHES {
		t.Errorf("paths are normalised by %s", n)
	}
	for _, mistake := range []string{"timeout: 2s", "failOpen: false", "envoyExtAuthzGrpc:"} {
		bad := strings.Replace(string(read(t, istio+"/values.yaml")), mistake, "x"+mistake, 1)
		if _, err := meshConfig([]byte(bad)); err == nil {
			t.Errorf("x%s is accepted", mistake)
		}
	}
}

// TestEveryRequestIsAsked: the policy is CUSTOM, names the provider, selects the
// gateway and leaves nothing out.
func TestEveryRequestIsAsked(t *testing.T) {
	list := istioObjects(t)
	policy, gateway := one[*security.AuthorizationPolicy](t, list), one[*networking.Gateway](t, list)
	config, err := meshConfig(read(t, istio+"/values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if policy.Spec.Action != securityapi.AuthorizationPolicy_CUSTOM || policy.Spec.GetProvider().GetName() != config.ExtensionProviders[0].Name {
		t.Errorf("action %s, provider %s", policy.Spec.Action, policy.Spec.GetProvider().GetName())
	}
	if len(policy.Spec.Rules) != 1 || len(policy.Spec.Rules[0].From)+len(policy.Spec.Rules[0].To)+len(policy.Spec.Rules[0].When) != 0 {
		t.Errorf("some requests are not asked about: %v", policy.Spec.Rules)
	}
	for key, value := range policy.Spec.Selector.MatchLabels {
		if gateway.Spec.Selector[key] != value {
			t.Errorf("the policy selects %s=%s, the gateway %v", key, value, gateway.Spec.Selector)
		}
		from := one[*networkpolicy.NetworkPolicy](t, cluster(t)).Spec.Ingress[0].From[0]
		if from.PodSelector == nil || from.PodSelector.MatchLabels[key] != value || from.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] != policy.Namespace {
			t.Errorf("the network policy of claimgate lets in %+v", from)
		}
	}
	if policy.Namespace != gateway.Namespace || len(policy.Spec.Selector.MatchLabels) == 0 {
		t.Errorf("policy in %s, gateway in %s", policy.Namespace, gateway.Namespace)
	}
}

// TestMutualTLS: the gateway proves who it is to claimgate, and checks whom it
// asks.
func TestMutualTLS(t *testing.T) {
	rule := one[*networking.DestinationRule](t, istioObjects(t))
	config, err := meshConfig(read(t, istio+"/values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	host := config.ExtensionProviders[0].GetEnvoyExtAuthzGrpc().Service
	tls := rule.Spec.TrafficPolicy.Tls
	if rule.Spec.Host != host || !slices.Equal(tls.SubjectAltNames, []string{host}) || tls.Sni != host {
		t.Errorf("the rule is about %s and expects %v, the provider is %s", rule.Spec.Host, tls.SubjectAltNames, host)
	}
	if tls.Mode != api.ClientTLSSettings_MUTUAL || tls.CredentialName == "" || tls.InsecureSkipVerify.GetValue() {
		t.Errorf("TLS %v", tls)
	}
	names := claimgateYAML(t, cluster(t)).Listen.TLS.AllowedClientSANs
	readme := string(read(t, istio+"/README.md"))
	if len(names) != 1 || !strings.Contains(readme, names[0]) || !strings.Contains(readme, tls.CredentialName) || !strings.Contains(names[0], rule.Namespace) {
		t.Errorf("claimgate lets in %v; the README does not say how to get there", names)
	}
}

// TestHosts: what finds the tenant is what routes are chosen by.
func TestHosts(t *testing.T) {
	list := istioObjects(t)
	gateway, routes := one[*networking.Gateway](t, list), one[*networking.VirtualService](t, list)
	if !slices.Equal(routes.Spec.Gateways, []string{gateway.Name}) {
		t.Errorf("routes of %v", routes.Spec.Gateways)
	}
	redirects := 0
	for _, server := range gateway.Spec.Servers {
		if !slices.Equal(server.Hosts, routes.Spec.Hosts) {
			t.Errorf("the gateway serves %v, routes are for %v", server.Hosts, routes.Spec.Hosts)
		}
		if server.Port.Protocol != "HTTPS" && !server.Tls.HttpsRedirect {
			t.Errorf("port %d takes tokens in the clear", server.Port.Number)
		}
		if server.Tls.HttpsRedirect {
			redirects++
		}
	}
	if redirects != 1 {
		t.Errorf("%d servers redirect", redirects)
	}
	places := []string{}
	for _, entry := range claimgateYAML(t, cluster(t)).Entries {
		places = append(places, entry.Hosts...)
	}
	for _, tenant := range one[*core.ConfigMap](t, cluster(t), "claimgate-tenants").Data {
		var own struct{ Hosts []string }
		if err := yaml.Unmarshal([]byte(tenant), &own); err != nil {
			t.Fatal(err)
		}
		places = append(places, own.Hosts...)
	}
	for i := range places {
		places[i] = strings.Replace(places[i], "{tenant}", "*", 1)
	}
	slices.Sort(places)
	hosts := slices.Sorted(slices.Values(routes.Spec.Hosts))
	if !slices.Equal(places, hosts) {
		t.Errorf("claimgate knows %v, routes are for %v", places, hosts)
	}
}
