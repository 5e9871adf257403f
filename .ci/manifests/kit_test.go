package manifests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	security "istio.io/client-go/pkg/apis/security/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networkpolicy "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const root = "../.."

// read returns a file of the repository.
func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// onlyThese fails for a file of a folder that no test reads.
func onlyThese(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains(names, entry.Name()) {
			t.Errorf("%s/%s is read by no test", folder, entry.Name())
		}
	}
	if len(entries) != len(names) {
		t.Errorf("%s: %d files, want %d", folder, len(entries), len(names))
	}
}

// objects decodes every document of a file strictly.
func objects(t *testing.T, path string) []runtime.Object {
	t.Helper()
	list, err := decode(read(t, path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return list
}

// decode decodes documents strictly: a field that the API does not have, and
// one that is written twice, are errors.
func decode(text []byte) ([]runtime.Object, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		core.AddToScheme, apps.AddToScheme, policy.AddToScheme, networkpolicy.AddToScheme, networking.AddToScheme, security.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	var list []runtime.Object
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return nil, err
		}
		if err := strictSpec(document, object); err != nil {
			return nil, err
		}
		list = append(list, object)
	}
}

// strictSpec decodes the spec of an Istio object again, since those types
// decode themselves and pass over fields that they do not know.
func strictSpec(document []byte, object runtime.Object) error {
	field := reflect.ValueOf(object).Elem().FieldByName("Spec")
	if !field.IsValid() {
		return nil
	}
	spec, ok := field.Addr().Interface().(proto.Message)
	if !ok {
		return nil
	}
	var parts struct {
		Spec json.RawMessage `json:"spec"`
	}
	if err := yaml.Unmarshal(document, &parts); err != nil {
		return err
	}
	return protojson.Unmarshal(parts.Spec, spec.ProtoReflect().New().Interface())
}

// one returns the only object of its type, or the one of that name.
func one[T runtime.Object](t *testing.T, list []runtime.Object, named ...string) T {
	t.Helper()
	var found []T
	for _, object := range list {
		of, ok := object.(T)
		if ok && (len(named) == 0 || nameOf(object) == named[0]) {
			found = append(found, of)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T %v, want 1", len(found), *new(T), named)
	}
	return found[0]
}

func nameOf(object runtime.Object) string {
	named, _ := object.(interface{ GetName() string })
	return named.GetName()
}

// pinned reports whether an image is named with a tag that says a version, or
// with a digest.
func pinned(image string) bool {
	if _, digest, ok := strings.Cut(image, "@sha256:"); ok {
		return len(digest) == 64
	}
	_, tag, ok := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return ok && tag != "latest" && strings.Count(tag, ".") >= 2 && strings.ContainsAny(tag, "0123456789")
}

// TestPinned is about the test of the images itself.
func TestPinned(t *testing.T) {
	for image, want := range map[string]bool{
		"a/b:1.2.3": true, "a/b:distroless-v1.40.0": true, "r.example.com:5000/a:v1.0.0": true, "a@sha256:" + strings.Repeat("0", 64): true,
		"a/b": false, "a/b:latest": false, "a/b:26": false, "a/b:26.4": false, "r.example.com:5000/a": false, "a@sha256:0": false,
	} {
		if pinned(image) != want {
			t.Errorf("%s: %v", image, !want)
		}
	}
}

// TestStrict: mistakes in every kind of object are found, or the other tests
// would prove nothing.
func TestStrict(t *testing.T) {
	for name, text := range map[string]string{
		"unknown field":       "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {port: []}\n",
		"field twice":         "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: ClusterIP, type: ClusterIP}\n",
		"unknown kind":        "apiVersion: v1\nkind: Servise\nmetadata: {name: a}\n",
		"istio, in the spec":  "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\nspec: {server: []}\n",
		"istio, deep":         "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec: {host: b, trafficPolicy: {tls: {mode: MUTUAL, credential: c}}}\n",
		"istio, a wrong word": "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\nspec: {action: CUSTOMS}\n",
		"istio, outside":      "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {named: a}\nspec: {}\n",
	} {
		if _, err := decode([]byte(text)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := decode([]byte("apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\nspec: {selector: {a: b}}\n")); err != nil {
		t.Errorf("a good object: %v", err)
	}
}
