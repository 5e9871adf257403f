package authz

import (
	"fmt"
	"testing"

	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

func TestClaimView(t *testing.T) {
	tests := []struct {
		doc  string
		path []string
		want policy.Kind
	}{
		{`{"a":"x"}`, []string{"a"}, policy.String},
		{`{"a":true}`, []string{"a"}, policy.Bool},
		{`{"a":1.0}`, []string{"a"}, policy.Num},
		{`{"a":[]}`, []string{"a"}, policy.List},
		{`{"a":{}}`, []string{"a"}, policy.Object},
		{`{"a":null}`, []string{"a"}, policy.Null},
		{`{"a":{"b":null}}`, []string{"a", "b"}, policy.Null},
		{`{"a":1}`, []string{"b"}, policy.Missing},
		{`{"a.b":1}`, []string{"a", "b"}, policy.Missing},
		{`{"a.b":1}`, []string{"a.b"}, policy.Num},
		{`{"a":1}`, nil, policy.Missing},

		{`{"_claim_names":{"a":"src"}}`, []string{"a"}, policy.Withheld},
		{`{"_claim_names":{"a":"src"}}`, []string{"a", "b"}, policy.Withheld},
		{`{"_claim_names":{"a":"src"},"a":null}`, []string{"a"}, policy.Withheld},
		{`{"_claim_names":{"a":"src"},"a":1}`, []string{"a"}, policy.Num},
		{`{"_claim_names":{"a":"src"},"a":{}}`, []string{"a", "b"}, policy.Missing},
		{`{"_claim_names":{"a":"src"}}`, []string{"b"}, policy.Missing},
		{`{"_claim_names":["a"]}`, []string{"b"}, policy.Withheld},
		{`{"_claim_names":null}`, []string{"b"}, policy.Missing},
		{`{"hasgroups":true}`, []string{"groups"}, policy.Withheld},
		{`{"hasgroups":"true"}`, []string{"groups"}, policy.Withheld},
		{`{"hasgroups":false}`, []string{"groups"}, policy.Missing},
		{`{"hasgroups":null}`, []string{"groups"}, policy.Missing},
		{`{}`, []string{"groups"}, policy.Missing},
		{`{"hasgroups":true}`, []string{"roles"}, policy.Missing},
		{`{"hasgroups":true,"groups":["a"]}`, []string{"groups"}, policy.List},
	}
	for _, tt := range tests {
		root, err := token.ParseObject([]byte(tt.doc))
		if err != nil {
			t.Fatal(err)
		}
		view := claimView{root: root}
		if got := view.Claim(tt.path); got.Kind != tt.want {
			t.Errorf("%s: %v is of kind %d, want %d", tt.doc, tt.path, got.Kind, tt.want)
		}
	}
}

// What a claim says reaches a policy as it was said.
func TestClaimValues(t *testing.T) {
	root, err := token.ParseObject([]byte(`{"yes":true,"no":false,"text":"x","number":-1.50e1}`))
	if err != nil {
		t.Fatal(err)
	}
	view := claimView{root: root}
	for name, want := range map[string]policy.Value{
		"yes": {Kind: policy.Bool, Bool: true}, "no": {Kind: policy.Bool}, "text": {Kind: policy.String, String: "x"},
		"number": {Kind: policy.Num, Num: policy.Number{Neg: true, Digits: "15"}}, "none": {},
	} {
		if got := view.Claim([]string{name}); got != want {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
	}
	var got policy.Value
	if setValue(&got, &token.Value{}); got != (policy.Value{}) {
		t.Errorf("no value is %+v", got)
	}
}

func TestListView(t *testing.T) {
	root, err := token.ParseObject([]byte(`{"a":["x",2,[true]]}`))
	if err != nil {
		t.Fatal(err)
	}
	view := claimView{root: root}
	list := view.Claim([]string{"a"}).List
	if list.Len() != 3 || list.At(0).String != "x" || list.At(1).Num != (policy.Number{Digits: "2"}) || !list.At(2).List.At(0).Bool {
		t.Errorf("list reads %+v, %+v, %+v", list.At(0), list.At(1), list.At(2))
	}
}

// What a mapping cannot reach is not known to be absent, as with `claim`.
func TestP1MappedViewTellsHiddenFromMissing(t *testing.T) {
	issuer := &Issuer{mappings: []mapping{{"roles", []string{"realm_access", "roles"}}}}
	for doc, want := range map[string]policy.Kind{
		`{"realm_access":{"roles":["a"]}}`:           policy.List,
		`{"realm_access":{}}`:                        policy.Missing,
		`{}`:                                         policy.Missing,
		`{"realm_access":null}`:                      policy.Missing,
		`{"realm_access":"x"}`:                       policy.Withheld,
		`{"realm_access":["roles"]}`:                 policy.Withheld,
		`{"_claim_names":{"realm_access":"src"}}`:    policy.Withheld,
		`{"realm_access":{"roles":null},"roles":[]}`: policy.Null,
	} {
		root, err := token.ParseObject([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		view := mappedView{claims: &claimView{root: root}, issuer: issuer}
		if got := view.MappedClaim("roles"); got.Kind != want {
			t.Errorf("%s: %v, want %v", doc, got.Kind, want)
		}
		if got := view.MappedClaim("other"); got.Kind != policy.Missing {
			t.Errorf("%s: a name that is not mapped is %v", doc, got.Kind)
		}
	}
}

// Few or many, and asked for again or not, mappings lead to their own claims.
func TestMappings(t *testing.T) {
	idp := verifiedIssuer(t, "https://id.example.com/")
	for count := range 20 {
		paths, doc := map[string][]string{}, ``
		for i := range count {
			name := fmt.Sprint("m", i*7%20)
			paths[name] = []string{"c", name}
			doc += fmt.Sprintf(`"%s":"%s of the token",`, name, name)
		}
		issuer, problems := NewIssuer(IssuerSpec{Issuer: idp, Mappings: paths})
		root, err := token.ParseObject([]byte(`{"c":{` + doc + `"other":null}}`))
		if err != nil || len(problems) > 0 {
			t.Fatal(err, problems)
		}
		view := mappedView{claims: &claimView{root: root}, issuer: issuer}
		for range 2 {
			for name := range paths {
				if got := view.MappedClaim(name); got.Kind != policy.String || got.String != name+" of the token" {
					t.Errorf("%s of %d is %+v", name, count, got)
				}
			}
			for _, name := range []string{"", "m", "other", "m3x", "c"} {
				if got := view.MappedClaim(name); got.Kind != policy.Missing || view.at(issuer.mapping(name)) != nil {
					t.Errorf("%s, which is not mapped, is %+v", name, got)
				}
			}
		}
	}
}
