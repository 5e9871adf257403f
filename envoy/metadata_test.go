package envoy

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
)

func claims(t *testing.T, text string) *token.Value {
	t.Helper()
	value, err := token.ParseObject([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

func TestMetadata(t *testing.T) {
	for in, want := range map[string]string{
		`{"v":null}`:                       `null`,
		`{"v":true}`:                       `true`,
		`{"v":"é\u0000\n"}`:                `"é\u0000\n"`,
		`{"v":[]}`:                         `[]`,
		`{"v":{}}`:                         `{}`,
		`{"v":[1,"1",[true]]}`:             `[1,"1",[true]]`,
		`{"v":{"a":{"b":1}}}`:              `{"a":{"b":1}}`,
		`{"v":0}`:                          `0`,
		`{"v":-5}`:                         `-5`,
		`{"v":5.0}`:                        `5`,
		`{"v":1e3}`:                        `1000`,
		`{"v":0.5}`:                        `0.5`,
		`{"v":-0.25}`:                      `-0.25`,
		`{"v":0.1}`:                        `"0.1"`,
		`{"v":9007199254740992}`:           `9007199254740992`,
		`{"v":9007199254740993}`:           `"9007199254740993"`,
		`{"v":-9007199254740993}`:          `"-9007199254740993"`,
		`{"v":9007199254740994}`:           `"9007199254740994"`,
		`{"v":1e300}`:                      `"1e300"`,
		`{"v":1e-300}`:                     `"1e-300"`,
		`{"v":[[[[1]]]]}`:                  `[[[[1]]]]`,
		`{"v":[[[[[1,{"a":2}]]]]]}`:        `[[[["[1,{\"a\":2}]"]]]]`,
		`{"v":{"a":{"b":{"c":{"d":{}}}}}}`: `{"a":{"b":{"c":{"d":"{}"}}}}`,
	} {
		value := claims(t, in).Get("v")
		metadata, err := metadataFrom([]authz.MetadataField{{Name: "v", Value: value}, {Name: "t", Text: "x"}})
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
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
