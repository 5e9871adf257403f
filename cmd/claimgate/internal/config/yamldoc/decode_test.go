package yamldoc

import (
	"fmt"
	"strings"
	"testing"
)

type leaf struct {
	Name  string   `yaml:"name" required:"true" doc:"A name."`
	Mode  string   `yaml:"mode" default:"slow" enum:"slow,fast" doc:"A mode."`
	Count int      `yaml:"count" default:"7" doc:"A count."`
	On    bool     `yaml:"on" default:"true" doc:"A switch."`
	Tags  []string `yaml:"tags" default:"[a, b]" empty:"items" doc:"Tags."`
}

type tree struct {
	leaf     `yaml:",inline"`
	Left     *tree           `yaml:"left" doc:"A child."`
	Section  leafSection     `yaml:"section" doc:"A section with defaults."`
	Branches []tree          `yaml:"branches" empty:"true" doc:"More children."`
	Named    map[string]leaf `yaml:"named" doc:"Children by name."`
}

type leafSection struct {
	Depth int `yaml:"depth" default:"3" doc:"A depth."`
}

func (*tree) UnknownField(name string) string {
	if name == "old" {
		return "use branches"
	}
	return ""
}

var limits = Limits{Bytes: 1000, Depth: 8, Nodes: 100}

func decode(text string) (tree, []string) {
	var into tree
	document, problems := Parse([]byte(text), limits)
	problems = append(problems, document.Decode(&into)...)
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = fmt.Sprintf("%d:%d %s: %s; %s", p.Line, p.Column, p.Path, p.Message, p.Mend)
	}
	return into, lines
}

func TestDefaults(t *testing.T) {
	got, problems := decode("name: x\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got.Mode != "slow" || got.Count != 7 || !got.On || strings.Join(got.Tags, "+") != "a+b" || got.Section.Depth != 3 {
		t.Errorf("defaults are missing: %+v", got)
	}
	got, problems = decode("{name: x, mode: fast, count: 0, on: false, tags: [\"\"], section: {}, left: {name: y}}")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got.Mode != "fast" || got.Count != 0 || got.On || len(got.Tags) != 1 || got.Section.Depth != 3 || got.Left.Count != 7 {
		t.Errorf("defaults replaced what was written: %+v", got)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "1:1 : the file is empty; write the document, or remove the file"},
		{"comment only", "# nothing\n", "1:1 : the file is empty; write the document, or remove the file"},
		{"null", "---\n~\n", "1:1 : the file is empty; write the document, or remove the file"},
		{"two documents", "name: x\n---\nname: y\n", "2:1 : a second document begins here; write one document a file"},
		{"scalar", "hello\n", "1:1 : this needs a mapping, but is a text; write each field as name: value"},
		{"syntax", "name: [x\n", "2:1 : this is not YAML: did not find expected ',' or ']' while parsing a flow sequence; close the bracket, and quote a text that holds a comma, bracket or \": \""},
		{"tab", "section:\n\tdepth: 1\n", "2:1 : this is not YAML: found character that cannot start any token while scanning for the next token; indent with spaces, not tabs, and quote a text that begins with @, ` or %"},
		{"encoding", "name: x\nmode: \xff\n", "2:7 : the file is not UTF-8 text; save it in UTF-8"},
		{"utf-16", "\xff\xfea\x00", "1:1 : the file is not UTF-8 text; save it in UTF-8"},
		{"too long", strings.Repeat("#", 1001), "1:1 : the file has more than 1000 bytes; split it"},
		{"too deep", "name: " + strings.Repeat("[", 9) + strings.Repeat("]", 9), "1:15 : this is nested more than 8 deep; "},
		{"too many", "name: x\ntags: [" + strings.Repeat("a,", 100) + "]\n", "1:1 : the file has more than 100 keys and values; split it"},
		{"missing", "mode: fast\n", "1:1 name: this field is missing; write name: ..."},
		{"missing below", "name: x\nleft:\n  mode: fast\n", "3:3 left.name: this field is missing; write name: ..."},
		{"unknown", "name: x\nzzzzzzzz: 1\n", `2:1 zzzzzzzz: there is no field "zzzzzzzz" here; known are name, mode, count, on, tags, left, section, branches, named`},
		{"misspelt", "naem: x\n", `1:1 naem: there is no field "naem" here; did you mean name?`},
		{"case", "Name: x\n", `1:1 Name: there is no field "Name" here; did you mean name?`},
		{"hint", "name: x\nold: 1\n", `2:1 old: there is no field "old" here; use branches`},
		{"duplicate", "name: x\nname: y\n", `2:1 name: "name" is written twice, first on line 1; keep one of them`},
		{"alias", "name: x\ntags: [*a]\n", "2:8 : aliases are not supported; write the value out, in quotes if it begins with *"},
		{"anchor and alias", "name: &a x\nmode: *a\n", "1:7 name: anchors are not supported; remove the anchor, or quote a value that begins with &\n2:7 mode: aliases are not supported; write the value out, in quotes if it begins with *"},
		{"merge", "name: x\n<<: {mode: fast}\n", "2:1 : merges are not supported; write the fields out"},
		{"tag", "name: !!str x\n", "1:7 name: tags are not supported; remove the tag, or quote a value that begins with !"},
		{"custom tag", "name: !secret x\n", "1:7 name: tags are not supported; remove the tag, or quote a value that begins with !"},
		{"list as key", "name: x\n? [a]\n: b\n", "2:3 : a field name must be a text; "},
		{"number as key", "name: x\n5: b\n", "2:1 : a field name must be a text, but this is a number; write it in quotes"},
		{"number for text", "name: 5\n", "1:7 name: this needs a text, but is a number; write it in quotes"},
		{"huge number for text", "name: 1e400\n", "1:7 name: this needs a text, but is a number; write it in quotes"},
		{"truth for text", "name: true\n", "1:7 name: this needs a text, but is a truth value; write it in quotes"},
		{"text for number", "name: x\ncount: seven\n", "2:8 count: this needs a number, but is a text; "},
		{"octal", "name: x\ncount: 0o17\n", "2:8 count: this is no plain decimal number; write it as 123, -1.5 or 2e9, or in quotes if it is a text"},
		{"fraction", "name: x\ncount: 1.5\n", "2:8 count: this needs a whole number below 2147483648; "},
		{"yes", "name: x\non: yes\n", "2:5 on: this needs true or false, but is a text; write true or false without quotes"},
		{"null value", "name: x\nmode:\n", "2:6 mode: there is no value; write a text, or remove the field"},
		{"empty text", "name: ''\n", "1:7 name: the text is empty; write a value"},
		{"empty list", "name: x\ntags: []\n", "2:7 tags: the list is empty; list at least one, or remove the field"},
		{"enum", "name: x\nmode: fats\n", `2:7 mode: "fats" is not known here; did you mean fast?`},
		{"list for mapping", "name: x\nsection: [a]\n", "2:10 section: this needs a mapping, but is a list; write each field as name: value"},
		{"mapping for list", "name: x\ntags: {a: b}\n", "2:7 tags: this needs a list, but is a mapping; write it in brackets, as in [one, two], or each element on a line after a dash"},
		{"in a map", "name: x\nnamed: {a b: {}}\n", `2:14 named."a b".name: this field is missing; write name: ...`},
		{"in a list", "name: x\nbranches:\n  - {name: y}\n  - mode: fast\n", "4:5 branches[1].name: this field is missing; write name: ..."},
		{"columns are characters", "{name: \"äöü\", mode: 5}\n", "1:21 mode: this needs a text, but is a number; write it in quotes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := decode(tt.text)
			if got := strings.Join(problems, "\n"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestPosition(t *testing.T) {
	document, problems := Parse([]byte("name: x\nbranches:\n  - name: y\n    left: {name: z}\nnamed:\n  a.b: {name: q}\n  a: {name: r}\n"), limits)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	tests := []struct {
		path string
		want Position
	}{
		{"", Position{1, 1}},
		{"name", Position{1, 7}},
		{"branches", Position{2, 1}},
		{"branches[0]", Position{3, 5}},
		{"branches[0].name", Position{3, 11}},
		{"branches[0].left.name", Position{4, 18}},
		{"branches[0].left.nothing.more", Position{4, 11}},
		{"branches[7].name", Position{2, 1}},
		{"branches[x", Position{2, 1}},
		{"branches[-1]", Position{2, 1}},
		{"named.a.b.name", Position{6, 15}},
		{"named.a.name", Position{7, 13}},
		{"name[0].x", Position{1, 7}},
		{"nothing", Position{1, 1}},
		{"..[[", Position{1, 1}},
	}
	for _, tt := range tests {
		if got := document.Position(tt.path); got != tt.want {
			t.Errorf("%q is at %v, want %v", tt.path, got, tt.want)
		}
	}
	if !document.Has("branches[0].left") || document.Has("branches[0].right") || document.Has("branches[1]") {
		t.Error("Has does not know what is there")
	}
	if (*Document)(nil).Position("x") != (Position{1, 1}) || (*Document)(nil).Has("x") {
		t.Error("a nil document has no places")
	}
}

func TestNearest(t *testing.T) {
	known := []string{"issuers", "audiences", "equals", "in", "any", "all"}
	tests := map[string]string{"isuers": "issuers", "Issuers": "issuers", "audience": "audiences", "equal": "equals",
		"eqauls": "equals", "ni": "in", "xyz": "", "": "", "completely": "", strings.Repeat("a", 100): ""}
	for word, want := range tests {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"name: x\n", "a: [1, {b: c}]\n", "a: &a [*a]\n", "? {a: b}\n: !!x y\n", "---\n...\n", "a: |\n  b\n", "\"\\x00\": 1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var into tree
		document, problems := Parse(data, limits)
		problems = append(problems, document.Decode(&into)...)
		if document == nil && len(problems) == 0 {
			t.Fatal("no document and no problem")
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Fatalf("problem without place or message: %+v", p)
			}
			document.Position(p.Path)
		}
		if len(problems) == 0 && into.Name == "" {
			t.Fatal("a required field is missing without a problem")
		}
	})
}
