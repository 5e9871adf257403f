package manifests

import (
	"path"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networkpolicy "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	admission "k8s.io/pod-security-admission/api"
	evaluate "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

const kubernetes = "examples/kubernetes"

func cluster(t *testing.T) []runtime.Object {
	t.Helper()
	files := []string{"00-namespace.yaml", "10-config.yaml", "20-tenants.yaml", "30-claimgate.yaml", "40-network.yaml"}
	onlyThese(t, kubernetes, append(files, "README.md")...)
	var list []runtime.Object
	for _, file := range files {
		list = append(list, objects(t, path.Join(kubernetes, file))...)
	}
	return list
}

// settings are the parts of claimgate.yaml that manifests must be in step with.
type settings struct {
	Listen struct {
		Address   string
		DrainWait meta.Duration
		TLS       struct {
			CertFile, KeyFile, ClientCAFile string
			AllowedClientSANs               []string
		}
	}
	Health, Metrics struct{ Address string }
	Log             struct{ HashKey string }
	Entries         []struct{ Hosts []string }
	TenantDirs      []struct{ Path string }
	StateDir        string
}

func claimgateYAML(t *testing.T, list []runtime.Object) settings {
	t.Helper()
	var s settings
	if err := yaml.Unmarshal([]byte(one[*core.ConfigMap](t, list, "claimgate").Data["claimgate.yaml"]), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPodSecurity has the admission plugin's own evaluator judge the pod by the
// standard that the namespace enforces.
func TestPodSecurity(t *testing.T) {
	list := cluster(t)
	namespace := one[*core.Namespace](t, list)
	enforced := namespace.Labels[admission.EnforceLevelLabel]
	if enforced != string(admission.LevelRestricted) {
		t.Errorf("the namespace enforces %q", enforced)
	}
	evaluator, err := evaluate.NewEvaluator(evaluate.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	pod := one[*apps.Deployment](t, list).Spec.Template
	latest := admission.LevelVersion{Level: admission.LevelRestricted, Version: admission.LatestVersion()}
	results := evaluator.EvaluatePod(latest, &pod.ObjectMeta, &pod.Spec)
	if len(results) < 10 {
		t.Fatalf("%d checks were made", len(results))
	}
	for _, result := range results {
		if !result.Allowed {
			t.Errorf("%s: %s", result.ForbiddenReason, result.ForbiddenDetail)
		}
	}
	container := pod.Spec.Containers[0]
	if on := container.SecurityContext.ReadOnlyRootFilesystem; on == nil || !*on {
		t.Error("the root file system is writable")
	}
	if container.Resources.Requests.Cpu().IsZero() || container.Resources.Limits.Memory().IsZero() {
		t.Error("no CPU is asked for, or memory has no limit")
	}
	if !pinned(container.Image) {
		t.Errorf("image %s is not pinned", container.Image)
	}
	for _, mount := range []*bool{pod.Spec.AutomountServiceAccountToken, one[*core.ServiceAccount](t, list).AutomountServiceAccountToken} {
		if mount == nil || *mount {
			t.Error("a service account token is mounted")
		}
	}
	if pod.Spec.ServiceAccountName != one[*core.ServiceAccount](t, list).Name {
		t.Errorf("service account %q", pod.Spec.ServiceAccountName)
	}
}

// TestOneNamespace: everything is in it, and is selected by one label.
func TestOneNamespace(t *testing.T) {
	list := cluster(t)
	namespace := one[*core.Namespace](t, list).Name
	for _, object := range list {
		at := object.(interface{ GetNamespace() string }).GetNamespace()
		if _, ok := object.(*core.Namespace); !ok && at != namespace {
			t.Errorf("%T %s is in namespace %q", object, nameOf(object), at)
		}
	}
	deployment := one[*apps.Deployment](t, list)
	pod := labels.Set(deployment.Spec.Template.Labels)
	selectors := map[string]*meta.LabelSelector{
		"Deployment": deployment.Spec.Selector,
		"budget":     one[*policy.PodDisruptionBudget](t, list).Spec.Selector,
		"policy":     &one[*networkpolicy.NetworkPolicy](t, list).Spec.PodSelector,
	}
	for i := range deployment.Spec.Template.Spec.TopologySpreadConstraints {
		selectors["spread"+string(rune('0'+i))] = deployment.Spec.Template.Spec.TopologySpreadConstraints[i].LabelSelector
	}
	for _, name := range []string{"claimgate", "claimgate-pods"} {
		selectors[name] = &meta.LabelSelector{MatchLabels: one[*core.Service](t, list, name).Spec.Selector}
	}
	for name, selector := range selectors {
		s, err := meta.LabelSelectorAsSelector(selector)
		if err != nil || !s.Matches(pod) {
			t.Errorf("%s does not select the pods (%v)", name, err)
		}
	}
	if len(selectors) < 7 {
		t.Errorf("only %d selectors", len(selectors))
	}
}

// TestEndsInStep: a pod gets the time that it needs to end, and enough pods are
// there meanwhile.
func TestEndsInStep(t *testing.T) {
	list := cluster(t)
	deployment, budget := one[*apps.Deployment](t, list), one[*policy.PodDisruptionBudget](t, list)
	drain := claimgateYAML(t, list).Listen.DrainWait.Duration
	const after = 22 * time.Second // requests in progress, then the pages
	grace := time.Duration(*deployment.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
	if drain == 0 || grace < drain+after {
		t.Errorf("%s to end, which needs %s to drain and %s after it", grace, drain, after)
	}
	if deployment.Spec.Template.Spec.Containers[0].Lifecycle != nil {
		t.Error("a hook of the life cycle takes time out of the grace period: count it above")
	}
	if *deployment.Spec.Replicas < 2 || int32(budget.Spec.MinAvailable.IntValue()) >= *deployment.Spec.Replicas {
		t.Errorf("%d replicas, of which %s must stay: a node cannot be drained", *deployment.Spec.Replicas, budget.Spec.MinAvailable)
	}
	if update := deployment.Spec.Strategy.RollingUpdate; update.MaxUnavailable.IntValue() != 0 || update.MaxSurge.IntValue() < 1 {
		t.Error("a roll-out takes pods away before others are ready")
	}
}

// TestPorts: what listens is what is probed, served and let in.
func TestPorts(t *testing.T) {
	list := cluster(t)
	configured := claimgateYAML(t, list)
	container := one[*apps.Deployment](t, list).Spec.Template.Spec.Containers[0]
	ports := map[string]int32{}
	for _, port := range container.Ports {
		ports[port.Name] = port.ContainerPort
	}
	want := map[string]string{"grpc": configured.Listen.Address, "health": configured.Health.Address, "metrics": configured.Metrics.Address}
	for name, address := range want {
		if address != "0.0.0.0:"+itoa(ports[name]) {
			t.Errorf("port %s is %d, claimgate listens on %s", name, ports[name], address)
		}
	}
	for name, probe := range map[string]*core.Probe{"/livez": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
		if probe.HTTPGet.Path != name || probe.HTTPGet.Port.StrVal != "health" {
			t.Errorf("probe of %s: %+v", name, probe.HTTPGet)
		}
	}
	if container.StartupProbe.HTTPGet.Port.StrVal != "health" {
		t.Error("the startup probe asks elsewhere")
	}
	for _, name := range []string{"claimgate", "claimgate-pods"} {
		service := one[*core.Service](t, list, name)
		port := service.Spec.Ports[0]
		if len(service.Spec.Ports) != 1 || port.Name != "grpc" || *port.AppProtocol != "grpc" || port.TargetPort.StrVal != "grpc" || port.Port != ports["grpc"] {
			t.Errorf("service %s: %+v", name, service.Spec.Ports)
		}
		if headless := service.Spec.ClusterIP == core.ClusterIPNone; headless != (name == "claimgate-pods") {
			t.Errorf("service %s: cluster IP %q", name, service.Spec.ClusterIP)
		}
	}
}

// TestNetworkPolicy: nobody but the gateway and the monitoring get in, and
// nothing but names and issuers is reached.
func TestNetworkPolicy(t *testing.T) {
	spec := one[*networkpolicy.NetworkPolicy](t, cluster(t)).Spec
	if len(spec.PolicyTypes) != 2 || len(spec.PodSelector.MatchLabels)+len(spec.PodSelector.MatchExpressions) != 0 {
		t.Errorf("the policy is not about all traffic of all pods: %v", spec.PolicyTypes)
	}
	in := map[int32]string{9191: "istio-ingress", 9194: "monitoring"}
	for _, rule := range spec.Ingress {
		if len(rule.Ports) != 1 || len(rule.From) != 1 {
			t.Fatalf("a rule lets in %d ports from %d peers", len(rule.Ports), len(rule.From))
		}
		port, from := rule.Ports[0].Port.IntVal, rule.From[0]
		if from.PodSelector == nil || len(from.PodSelector.MatchLabels) == 0 || from.NamespaceSelector == nil ||
			from.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] != in[port] {
			t.Errorf("port %d is open to %+v", port, from)
		}
		delete(in, port)
	}
	if len(in) > 0 {
		t.Errorf("nobody gets in to %v", in)
	}
	for _, rule := range spec.Egress {
		for _, port := range rule.Ports {
			switch port.Port.IntVal {
			case 53:
				if rule.To[0].PodSelector == nil || rule.To[0].NamespaceSelector == nil {
					t.Error("names are asked of anybody")
				}
			case 443:
				for _, to := range rule.To {
					if to.IPBlock == nil || len(to.IPBlock.Except) == 0 {
						t.Errorf("private addresses are reached: %+v", to)
					}
				}
			default:
				t.Errorf("port %d is reached", port.Port.IntVal)
			}
		}
	}
	if len(spec.Egress) != 2 {
		t.Errorf("%d egress rules", len(spec.Egress))
	}
}

// TestMounts: every file that claimgate.yaml names is in a mounted directory,
// none of them by subPath, and what they come from exists or is documented.
func TestMounts(t *testing.T) {
	list := cluster(t)
	configured := claimgateYAML(t, list)
	pod := one[*apps.Deployment](t, list).Spec.Template.Spec
	at := map[string]string{} // mount path -> volume
	for _, mount := range pod.Containers[0].VolumeMounts {
		if mount.SubPath != "" || mount.ReadOnly == (mount.Name == "state") {
			t.Errorf("mount %s is by subPath, which is never updated, or writable", mount.Name)
		}
		at[mount.MountPath] = mount.Name
	}
	main := pod.Containers[0].Args[2]
	if strings.Join(pod.Containers[0].Args[:2], " ") != "serve --config" || at[path.Dir(main)] != "config" || path.Base(main) != "claimgate.yaml" {
		t.Errorf("args %v", pod.Containers[0].Args)
	}
	tls := configured.Listen.TLS
	for file, volume := range map[string]string{tls.CertFile: "tls", tls.KeyFile: "tls", tls.ClientCAFile: "tls", configured.TenantDirs[0].Path + "/x": "tenants"} {
		if at[path.Dir(path.Join(path.Dir(main), file))] != volume {
			t.Errorf("%s is not on volume %s", file, volume)
		}
	}
	if at[path.Dir(configured.StateDir)] != "state" {
		t.Errorf("state directory %q is not right below its volume, where it can be made", configured.StateDir)
	}
	for _, volume := range pod.Volumes {
		switch {
		case volume.ConfigMap != nil:
			one[*core.ConfigMap](t, list, volume.ConfigMap.Name)
			continue
		case volume.EmptyDir != nil:
			if volume.Name != "state" || volume.EmptyDir.SizeLimit == nil {
				t.Errorf("volume %s is empty at the start, or has no bound", volume.Name)
			}
			continue
		}
		if !strings.Contains(string(read(t, kubernetes+"/README.md")), volume.Secret.SecretName) {
			t.Errorf("the README does not say how to make secret %s", volume.Secret.SecretName)
		}
	}
	env := map[string]core.EnvVar{}
	for _, variable := range pod.Containers[0].Env {
		env[variable.Name] = variable
	}
	if name, _ := strings.CutPrefix(configured.Log.HashKey, "env:"); env[name].ValueFrom == nil || env[name].ValueFrom.SecretKeyRef == nil {
		t.Errorf("%s is not set from a secret", configured.Log.HashKey)
	}
	// claimgate keeps a tenth below the limit by itself, unless GOMEMLIMIT says otherwise.
	if _, set := env["GOMEMLIMIT"]; set || pod.Containers[0].Resources.Limits.Memory().IsZero() {
		t.Error("GOMEMLIMIT is set, or there is no limit to keep below")
	}
}
