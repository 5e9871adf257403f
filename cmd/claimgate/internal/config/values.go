package config

import (
	"regexp"
	"strings"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// jsonString is the type of texts in JSON Schema.
const jsonString = "string"

// delay is a duration longer than zero; zeroableDelay may be zero.
type (
	delay         time.Duration
	zeroableDelay time.Duration
)

const durationPattern = `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`

var durationForm = regexp.MustCompile(durationPattern)

// DecodeNode implements yamldoc.Custom.
func (d *delay) DecodeNode(n yamldoc.Node) {
	value, ok := readDuration(n)
	if ok && value <= 0 {
		n.Report("the duration must be longer than zero", "")
		return
	}
	*d = delay(value)
}

// Describe implements yamldoc.Custom.
func (*delay) Describe() (string, map[string]any) { return describeDuration() }

// DecodeNode implements yamldoc.Custom.
func (d *zeroableDelay) DecodeNode(n yamldoc.Node) {
	value, _ := readDuration(n)
	*d = zeroableDelay(value)
}

// Describe implements yamldoc.Custom.
func (*zeroableDelay) Describe() (string, map[string]any) { return describeDuration() }

func readDuration(n yamldoc.Node) (time.Duration, bool) {
	if n.Kind() == yamldoc.Number {
		n.Report("a duration needs a unit", "write it as 30s, 5m or 24h")
		return 0, false
	}
	text, ok := n.Text()
	if !ok {
		return 0, false
	}
	value, err := time.ParseDuration(text)
	if err != nil || !durationForm.MatchString(text) {
		n.Report("this is no duration", "write it as 100ms, 30s, 5m or 1h30m")
		return 0, false
	}
	return value, true
}

func describeDuration() (string, map[string]any) {
	return "duration", map[string]any{yamldoc.TypeKey: jsonString, "pattern": durationPattern}
}

// onlyTrue is a word that is either written with the value true or left out.
type onlyTrue bool

// DecodeNode implements yamldoc.Custom.
func (b *onlyTrue) DecodeNode(n yamldoc.Node) {
	value, ok := n.Bool()
	if ok && !value {
		n.Report("this is only ever true", "remove it, or write the opposite condition")
	}
	*b = onlyTrue(value)
}

// Describe implements yamldoc.Custom.
func (*onlyTrue) Describe() (string, map[string]any) {
	return "true", map[string]any{"const": true}
}

// claimPath is a claim: one literal name or a path of names.
type claimPath []string

const maxClaimPath = 16

// DecodeNode implements yamldoc.Custom.
func (c *claimPath) DecodeNode(n yamldoc.Node) {
	items := []yamldoc.Node{n}
	if n.Kind() == yamldoc.List {
		items = n.Items()
	}
	if len(items) == 0 || len(items) > maxClaimPath {
		n.Report("a claim path needs 1 to 16 names", "")
		return
	}
	for _, item := range items {
		text, ok := item.Text()
		if ok && text == "" {
			item.Report("the name of a claim is empty", "write the name")
		}
		*c = append(*c, text)
	}
}

// Describe implements yamldoc.Custom.
func (*claimPath) Describe() (string, map[string]any) {
	name := map[string]any{yamldoc.TypeKey: jsonString, "minLength": 1}
	return "name or list of names", map[string]any{"oneOf": []any{name,
		map[string]any{yamldoc.TypeKey: "array", "items": name, "minItems": 1, "maxItems": maxClaimPath}}}
}

// instant is a point in time; the zero value is none.
type instant struct{ time.Time }

// DecodeNode implements yamldoc.Custom.
func (i *instant) DecodeNode(n yamldoc.Node) {
	text, ok := n.Text()
	if !ok {
		return
	}
	value, err := time.Parse(time.RFC3339, text)
	if err != nil || value.IsZero() {
		n.Report("this is no time", "write it as 2026-12-31T00:00:00Z")
		return
	}
	i.Time = value
}

// Describe implements yamldoc.Custom.
func (*instant) Describe() (string, map[string]any) {
	return "time", map[string]any{yamldoc.TypeKey: jsonString, "format": "date-time"}
}

// tenantRef names a property of the tenant: name or labels.x; "" is none.
type tenantRef string

const tenantRefPattern = `^(name|labels\.[A-Za-z0-9._-]{1,64})$`

var tenantRefForm = regexp.MustCompile(tenantRefPattern)

// DecodeNode implements yamldoc.Custom.
func (t *tenantRef) DecodeNode(n yamldoc.Node) {
	text, ok := n.Text()
	if !ok {
		return
	}
	if !tenantRefForm.MatchString(text) {
		mend := "write name, or labels.x for the label x"
		if nameForm.MatchString(text) && !strings.HasPrefix(text, "label") {
			mend = "write labels." + text + " for a label of this name"
		}
		n.Report("a tenant has no such property", mend)
		return
	}
	*t = tenantRef(text)
}

// Describe implements yamldoc.Custom.
func (*tenantRef) Describe() (string, map[string]any) {
	return "name or labels.x", map[string]any{yamldoc.TypeKey: jsonString, "pattern": tenantRefPattern}
}

// label returns the name of the label, or "".
func (t tenantRef) label() string {
	label, _ := strings.CutPrefix(string(t), "labels.")
	if label == string(t) {
		return ""
	}
	return label
}

// fileKind is the kind of a reference to a file.
const fileKind = "file"

// secretRef refers to a secret that stands elsewhere.
type secretRef struct{ kind, name string }

// DecodeNode implements yamldoc.Custom. Whatever stands there may be the
// secret itself, so nothing of it is ever quoted.
func (s *secretRef) DecodeNode(n yamldoc.Node) {
	text := ""
	switch n.Kind() {
	case yamldoc.Text:
		text, _ = n.Text()
	case yamldoc.Number: // may be one that is all digits
	default:
		n.Mismatch("a text")
		return
	}
	kind, name, ok := strings.Cut(text, ":")
	if !ok || name == "" || kind != fileKind && kind != "env" {
		n.Report("a secret must not stand in this file", "write file:/path or env:NAME")
		return
	}
	*s = secretRef{kind, name}
}

// Describe implements yamldoc.Custom.
func (*secretRef) Describe() (string, map[string]any) {
	return "file:/path or env:NAME", map[string]any{yamldoc.TypeKey: jsonString, "pattern": "^(file|env):.+$"}
}
