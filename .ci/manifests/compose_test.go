package manifests

import (
	"bytes"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"sigs.k8s.io/yaml"
)

const compose = "examples/compose"

// project loads docker-compose.yaml as the command does: by the schema, with
// what it interpolates, and with references between services resolved.
func project(t *testing.T, file string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{file}, cli.WithWorkingDirectory(filepath.Dir(file)), cli.WithoutEnvironmentResolution)
	if err != nil {
		return nil, err
	}
	return options.LoadProject(t.Context())
}

func composed(t *testing.T) *types.Project {
	t.Helper()
	loaded, err := project(t, filepath.Join(root, "docker-compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// TestComposeStrict: the other tests would prove nothing if mistakes passed.
func TestComposeStrict(t *testing.T) {
	text := string(read(t, "docker-compose.yaml"))
	for _, right := range []string{"read_only:", "condition: service_started", "depends_on:", "idp: {condition"} {
		wrong := strings.Replace(text, right, "x"+right, 1)
		file := filepath.Join(t.TempDir(), "docker-compose.yaml")
		if err := os.WriteFile(file, []byte(wrong), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := project(t, file); err == nil {
			t.Errorf("x%s is accepted", right)
		}
	}
}

// TestComposeConfined: nothing is reachable from elsewhere, nothing has more
// rights than it needs, and every image is pinned.
func TestComposeConfined(t *testing.T) {
	services := composed(t).Services
	if len(services) != 4 {
		t.Fatalf("%d services", len(services))
	}
	for name, service := range services {
		if service.Privileged || !slices.Equal(service.CapDrop, []string{"ALL"}) || len(service.CapAdd) > 0 ||
			!slices.Contains(service.SecurityOpt, "no-new-privileges:true") || service.Pid != "" || service.Ipc != "" {
			t.Errorf("%s has more rights than it needs", name)
		}
		if !service.ReadOnly && name != "idp" {
			t.Errorf("%s can write its file system", name)
		}
		if service.NetworkMode != "" && service.NetworkMode != "service:envoy" {
			t.Errorf("%s has network %s", name, service.NetworkMode)
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s is reachable from elsewhere at %s:%s", name, port.HostIP, port.Published)
			}
		}
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind || !volume.ReadOnly {
				t.Errorf("%s can write %s", name, volume.Source)
			}
			if _, err := os.Stat(volume.Source); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if (service.Image == "") == (service.Build == nil) {
			t.Errorf("%s is neither an image nor built here", name)
		}
		if service.Image != "" && !pinned(service.Image) {
			t.Errorf("%s: image %s is not pinned", name, service.Image)
		}
		if user := service.User; user == "0" || strings.HasPrefix(user, "root") {
			t.Errorf("%s runs as %s", name, user)
		}
	}
}

// TestComposeOrder: who waits for whom, and what makes an identity provider
// healthy.
func TestComposeOrder(t *testing.T) {
	services := composed(t).Services
	waits := services["claimgate"].DependsOn
	if waits["idp"].Condition != types.ServiceConditionHealthy || !waits["envoy"].Restart {
		t.Errorf("claimgate waits for %v", waits)
	}
	if services["envoy"].DependsOn["upstream"].Condition != types.ServiceConditionStarted {
		t.Errorf("Envoy waits for %v", services["envoy"].DependsOn)
	}
	check := services["idp"].HealthCheck
	if check == nil || check.Disable || len(check.Test) != 4 || !strings.Contains(check.Test[3], "/health/ready") {
		t.Errorf("the identity provider is healthy when %v", check)
	}
	if enabled := services["idp"].Environment["KC_HEALTH_ENABLED"]; enabled == nil || *enabled != "true" {
		t.Error("Keycloak does not tell whether it is healthy")
	}
}

// TestComposeFiles: each file of the folder is mounted, and where the command
// looks for it.
func TestComposeFiles(t *testing.T) {
	onlyThese(t, compose, "README.md", "claimgate.yaml", "envoy.yaml", "realm.json")
	for service, file := range map[string]string{"claimgate": "claimgate.yaml", "envoy": "envoy.yaml", "idp": "realm.json"} {
		of := composed(t).Services[service]
		if len(of.Volumes) != 1 || filepath.Base(of.Volumes[0].Source) != file || path.Base(of.Volumes[0].Target) != file {
			t.Fatalf("%s: %v", service, of.Volumes)
		}
		target := of.Volumes[0].Target
		switch service {
		case "idp":
			if path.Dir(target) != "/opt/keycloak/data/import" || !slices.Equal(of.Command, []string{"start-dev", "--import-realm"}) {
				t.Errorf("Keycloak imports nothing: %s, %v", target, of.Command)
			}
		default:
			if !slices.Contains(of.Command, target) {
				t.Errorf("%s does not read %s: %v", service, target, of.Command)
			}
		}
	}
}

// realm is what is used of Keycloak's realm representation; any other field
// fails.
type realm struct {
	Realm, SSLRequired  string
	Enabled             bool
	AccessTokenLifespan int
	Roles               struct {
		Realm []struct{ Name, Description string }
	}
	Clients []struct {
		ClientID, Name, Protocol, Secret                                                              string
		Enabled, PublicClient, StandardFlowEnabled, DirectAccessGrantsEnabled, ServiceAccountsEnabled bool
		ProtocolMappers                                                                               []struct {
			Name, Protocol, ProtocolMapper string
			Config                         map[string]string
		}
	}
	Users []user
}

type user struct {
	Username, Email, FirstName, LastName, ServiceAccountClientID string
	Enabled, EmailVerified                                       bool
	Credentials                                                  []struct {
		Type, Value string
		Temporary   bool
	}
	RealmRoles []string
}

// TestRealm: what the realm issues is what claimgate asks for.
func TestRealm(t *testing.T) {
	var r realm
	decoder := json.NewDecoder(bytes.NewReader(read(t, compose+"/realm.json")))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		t.Fatal(err)
	}
	var config struct {
		Issuers []struct {
			Issuer, JwksURI string
			Audiences       []string
		}
	}
	text := read(t, compose+"/claimgate.yaml")
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	issuer, idp := config.Issuers[0], composed(t).Services["idp"]
	if want := *idp.Environment["KC_HOSTNAME"] + "/realms/" + r.Realm; issuer.Issuer != want {
		t.Errorf("issuer %s, tokens say %s", issuer.Issuer, want)
	}
	if want := "http://idp:8080/realms/" + r.Realm + "/protocol/openid-connect/certs"; issuer.JwksURI != want {
		t.Errorf("keys at %s, want %s", issuer.JwksURI, want)
	}
	if len(r.Clients) != 2 || !r.Enabled {
		t.Fatalf("%d clients", len(r.Clients))
	}
	for _, client := range r.Clients {
		mapper := client.ProtocolMappers[0]
		if !client.Enabled || mapper.ProtocolMapper != "oidc-audience-mapper" || mapper.Config["included.custom.audience"] != issuer.Audiences[0] ||
			mapper.Config["access.token.claim"] != "true" {
			t.Errorf("client %s: tokens are not for %v", client.ClientID, issuer.Audiences)
		}
		if client.PublicClient == client.ServiceAccountsEnabled || client.PublicClient == (client.Secret != "") {
			t.Errorf("client %s is neither one for people nor one for a machine", client.ClientID)
		}
		if !strings.Contains(string(read(t, compose+"/README.md")), "client_id="+client.ClientID) {
			t.Errorf("the README does not use client %s", client.ClientID)
		}
	}
	for _, role := range r.Roles.Realm {
		if !strings.Contains(string(text), "contains: "+role.Name) {
			t.Errorf("no rule asks for role %s", role.Name)
		}
		if !slices.ContainsFunc(r.Users, func(u user) bool { return slices.Contains(u.RealmRoles, role.Name) }) {
			t.Errorf("nobody has role %s", role.Name)
		}
	}
}

// TestDockerfile: stages are pinned, the last one holds nothing but the binary
// and the authorities, and it does not run as root.
func TestDockerfile(t *testing.T) {
	services := composed(t).Services
	file := services["claimgate"].Build.Dockerfile
	text := string(read(t, file))
	stages := regexp.MustCompile(`(?m)^FROM (?:--platform=\S+ )?(\S+)`).FindAllStringSubmatch(text, -1)
	if len(stages) != 2 || !pinned(stages[0][1]) || stages[1][1] != "scratch" {
		t.Fatalf("stages %v", stages)
	}
	_, last, _ := strings.Cut(text, "FROM scratch\n")
	if strings.Count(last, "COPY") != 2 || strings.Contains(last, "RUN") {
		t.Errorf("the last stage is more than two copies:\n%s", last)
	}
	number := regexp.MustCompile(`(?m)^USER ([1-9]\d*):([1-9]\d*)$`).FindStringSubmatch(last)
	if number == nil {
		t.Error("no user by number")
	}
	for _, want := range []string{"CGO_ENABLED=0", "-trimpath", "-buildid=", "-X main.version=", "/etc/ssl/certs/ca-certificates.crt", `ENTRYPOINT ["/claimgate"]`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	module := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(read(t, "go.mod")))
	if !strings.HasPrefix(stages[0][1], "golang:"+module[1]+".") {
		t.Errorf("built with %s, the module needs Go %s", stages[0][1], module[1])
	}
	ignored := strings.Fields(string(read(t, file+".dockerignore")))
	for _, needed := range []string{"cmd", "envoy", "authz", "policy", "examples", "go.mod", "go.sum"} {
		if slices.Contains(ignored, needed) {
			t.Errorf("%s is left out of the build", needed)
		}
	}
}
