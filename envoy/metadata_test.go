package envoy

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

func claims(t testing.TB, text string) *token.Value {
	t.Helper()
	value, err := token.ParseObject([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

func TestMetadata(t *testing.T) {
	for in, want := range map[string]string{
		`{"v":null}`:              `null`,
		`{"v":true}`:              `true`,
		`{"v":false}`:             `false`,
		`{"v":"é\u0000\n"}`:       `"é\u0000\n"`,
		`{"v":[]}`:                `[]`,
		`{"v":{}}`:                `{}`,
		`{"v":[1,"1",[true]]}`:    `[1,"1",[true]]`,
		`{"v":{"a":{"b":1}}}`:     `{"a":{"b":1}}`,
		`{"v":0}`:                 `0`,
		`{"v":-5}`:                `-5`,
		`{"v":5.0}`:               `5`,
		`{"v":1e3}`:               `1000`,
		`{"v":0.5}`:               `0.5`,
		`{"v":-0.25}`:             `-0.25`,
		`{"v":0.1}`:               `"0.1"`,
		`{"v":9007199254740992}`:  `9007199254740992`,
		`{"v":9007199254740993}`:  `"9007199254740993"`,
		`{"v":-9007199254740993}`: `"-9007199254740993"`,
		`{"v":9007199254740994}`:  `"9007199254740994"`,
		`{"v":1e300}`:             `"1e300"`,
		`{"v":1e-300}`:            `"1e-300"`,
		`{"v":[[[[1]]]]}`:         `[[[[1]]]]`,
		// 2 to the powers of -40 and -41, and of -36 beside an integer: of more digits none is a number.
		`{"v":0.0000000000009094947017729282379150390625}`:  `9.094947017729282379150390625e-13`,
		`{"v":0.00000000000045474735088646411895751953125}`: `"0.00000000000045474735088646411895751953125"`,
		`{"v":1000.000000000014551915228366851806640625}`:   `1000.000000000014551915228366851806640625`,
		`{"v":10000.000000000014551915228366851806640625}`:  `"10000.000000000014551915228366851806640625"`,
		`{"v":[[[[[1,{"a":2}]]]]]}`:                         `[[[["[1,{\"a\":2}]"]]]]`,
		`{"v":{"a":{"b":{"c":{"d":{}}}}}}`:                  `{"a":{"b":{"c":{"d":"{}"}}}}`,
	} {
		value := claims(t, in).Get("v")
		metadata, err := metadataFrom([]authz.MetadataField{{Name: "v", Value: value}, {Name: "t", Text: "x"}})
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		sameMetadata(t, []authz.MetadataField{{Name: "v", Value: value}, {Name: "t", Text: "x"}})
		var expected any
		if err := json.Unmarshal([]byte(want), &expected); err != nil {
			t.Fatal(err)
		}
		got := metadata.AsMap()
		if !reflect.DeepEqual(got, map[string]any{"claimgate": map[string]any{"v": expected, "t": "x"}}) {
			t.Errorf("%s: %v, want %s", in, got, want)
		}
		if _, err := proto.Marshal(metadata); err != nil {
			t.Errorf("%s: does not encode: %v", in, err)
		}
	}
}

func TestMetadataIsBounded(t *testing.T) {
	long := strings.Repeat("a", maxMetadataBytes)
	for name, fields := range map[string][]authz.MetadataField{
		"text":   {{Name: "v", Text: long}},
		"name":   {{Name: long + "a"}},
		"string": {{Name: "v", Value: claims(t, `{"v":"`+long[:maxMetadataBytes/2]+`"}`)}, {Name: "w", Text: long[:maxMetadataBytes/2]}},
		"list":   {{Name: "v", Value: claims(t, `{"v":[`+strings.Repeat("1,", 1000)+`1]}`)}, {Name: "w", Text: long[:maxMetadataBytes/2]}},
	} {
		if _, err := metadataFrom(fields); !errors.Is(err, errMetadataOversize) {
			t.Errorf("%s: %v, want %v", name, err, errMetadataOversize)
		}
		sameMetadata(t, fields)
	}
	for size, fits := range map[int]bool{maxMetadataBytes - 1: true, maxMetadataBytes: true, maxMetadataBytes + 1: false} {
		fields := []authz.MetadataField{{Name: "v", Text: strings.Repeat("a", size-1)}}
		if _, err := metadataFrom(fields); (err == nil) != fits {
			t.Errorf("%d bytes: %v", size, err)
		}
		sameMetadata(t, fields)
	}
	if metadata, err := metadataFrom(nil); metadata != nil || err != nil {
		t.Errorf("no fields: %v, %v", metadata, err)
	}
}

func TestMetadataOnEveryVerdict(t *testing.T) {
	fields := []authz.MetadataField{{Name: "decision_id", Text: "0123"}}
	responder := newResponder()
	for _, d := range []authz.Decision{
		{Verdict: authz.Allow, Reason: authz.Allowed, Metadata: fields},
		{Verdict: authz.Challenge, Reason: authz.NoToken, Metadata: fields},
		{Reason: authz.PolicyDenied, Metadata: fields},
	} {
		response, err := said(t, responder, &authz.Request{}, &d)
		if err != nil {
			t.Fatal(err)
		}
		got := response.GetDynamicMetadata().AsMap()
		if !reflect.DeepEqual(got, map[string]any{"claimgate": map[string]any{"decision_id": "0123"}}) {
			t.Errorf("%v: %v", d.Reason, got)
		}
	}
}

// failer is what tests and properties have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// sameMetadata holds that both codecs say the same, or refuse the same.
func sameMetadata(t failer, fields []authz.MetadataField) {
	t.Helper()
	metadata, err := metadataFrom(fields)
	wire, own := appendMetadata(nil, fields)
	if fmt.Sprint(err) != fmt.Sprint(own) {
		t.Fatalf("the codecs differ: %v, %v", own, err)
	}
	got := &authv3.CheckResponse{}
	if err := proto.Unmarshal(wire, got); own == nil && (err != nil || !proto.Equal(got.GetDynamicMetadata(), metadata)) {
		t.Fatalf("the codecs differ (%v):\n%v\n%v", err, got.GetDynamicMetadata(), metadata)
	}
}

// TestAnyMetadata: whatever claims there are, both codecs count and say the
// same, to the byte at which it is too much.
func TestAnyMetadata(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := claims(t, `{"v":`+drawJSON(rt, 6)+`}`).Get("v")
		fields := []authz.MetadataField{{Name: "v", Value: value}, {Name: "w", Text: "é"}, {Name: "v", Text: "again"}}
		if rapid.Bool().Draw(rt, "edge") {
			size := meter{left: maxMetadataBytes}
			b := metadataBuilder{size}
			b.value(value, 1)
			room := max(b.left-len("vwéav")-len("gain")-1, 0)
			fields = append(fields, authz.MetadataField{Text: strings.Repeat("a", room+rapid.IntRange(-2, 2).Draw(rt, "beyond")+2)})
		}
		sameMetadata(rt, fields)
	})
}

func drawJSON(t *rapid.T, depth int) string {
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if depth == 0 {
		kind %= 5
	}
	var items []string
	switch kind {
	case 0:
		return "null"
	case 1:
		return rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool")
	case 2:
		return rapid.SampledFrom([]string{"0", "-1", "1.5", "0.1", "1e3", "1e30", "9007199254740992", "9007199254740993", "-90071992547409930e-1"}).Draw(t, "number")
	case 3, 4:
		text, _ := json.Marshal(rapid.String().Draw(t, "text"))
		return string(text)
	case 5:
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			items = append(items, drawJSON(t, depth-1))
		}
		return "[" + strings.Join(items, ",") + "]"
	default:
		for i := range rapid.IntRange(0, 3).Draw(t, "members") {
			items = append(items, fmt.Sprintf("%q:", fmt.Sprint("m", i))+drawJSON(t, depth-1))
		}
		return "{" + strings.Join(items, ",") + "}"
	}
}
