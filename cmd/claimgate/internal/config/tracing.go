package config

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/certs"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// TracingSettings say where traces go.
type TracingSettings struct {
	Endpoint string            // URL that traces are posted to; "": there are none
	Sample   float64           // share of the requests without a parent that are traced, from 0 to 1
	Headers  map[string]string // of each post, with secrets resolved
	CA       []byte            // PEM; nil: the system's authorities
	Timeout  time.Duration     // of one export
	Resource map[string]string // attributes of the process
}

// Bounds of tracing.
const (
	maxTracingHeaders  = 16
	maxTracingResource = 32
	maxResourceBytes   = 256
	maxTracingTimeout  = time.Minute
)

// tracesPath is where a collector takes traces (OTLP 1.x, "OTLP/HTTP Request").
const tracesPath = "/v1/traces"

type tracingDoc struct {
	Endpoint     string               `yaml:"endpoint" required:"true" doc:"https URL of a collector that takes OTLP over HTTP, such as https://otel.example.com:4318. Without a path /v1/traces is asked. http is for loopback addresses, or with insecureHTTP. No proxy of the environment is used."`
	Sample       share                `yaml:"sample" default:"0.01" doc:"Share of the requests without a trace that are traced, from 0 to 1. Where Envoy's call brings a trace in its metadata, that trace's own decision is followed. In force at once after a reload."`
	Headers      map[string]secretRef `yaml:"headers" doc:"Headers of each export, such as an authorization, each value as file:/path or env:NAME. At most 16."`
	CAFile       string               `yaml:"caFile" doc:"PEM bundle of certificate authorities in place of the system's, relative to this file."`
	Timeout      delay                `yaml:"timeout" default:"10s" doc:"Longest time of one export, its repetitions included; at most 1m."`
	Resource     map[string]string    `yaml:"resource" doc:"Attributes of the process in each trace, such as deployment.environment.name. service.name is claimgate unless it is written here. At most 32, of 256 bytes each; what OTEL_RESOURCE_ATTRIBUTES says besides is added."`
	InsecureHTTP bool                 `yaml:"insecureHTTP" doc:"Allow http to an endpoint beyond loopback, without headers: whoever is on the network can then read the names of tenants, rules and issuers."`
}

// share is a number from 0 to 1.
type share float64

// DecodeNode implements yamldoc.Custom.
func (s *share) DecodeNode(n yamldoc.Node) {
	text, ok := n.DecimalText()
	if !ok {
		return
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || value < 0 || value > 1 {
		n.Report("this must be between 0 and 1", "write 0.01 for one in a hundred")
		return
	}
	*s = share(value)
}

// Describe implements yamldoc.Custom.
func (*share) Describe() (string, map[string]any) {
	return "number from 0 to 1", map[string]any{yamldoc.TypeKey: "number", "minimum": 0, "maximum": 1}
}

// exporterEnv are variables of the environment that the exporter would read, and
// print to the error output where they are malformed.
var exporterEnv = []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"}

func (b *builder) tracing() TracingSettings {
	doc, at := b.main.doc.Tracing, place{b.main.source, "tracing"}
	if doc == nil {
		return TracingSettings{}
	}
	s := TracingSettings{Sample: float64(doc.Sample), Timeout: time.Duration(doc.Timeout)}
	s.Endpoint = b.collector(at, doc)
	s.Headers = b.tracingHeaders(at.at("headers"), doc.Headers)
	s.Resource = b.resource(at.at("resource"), doc.Resource)
	if doc.CAFile != "" {
		s.CA = b.authorities(at.at("caFile"), doc.CAFile)
	}
	if s.Timeout > maxTracingTimeout {
		b.problem(at.at("timeout"), "the longest time is 1m", "")
	}
	for _, name := range exporterEnv {
		if _, set := os.LookupEnv(name); set {
			b.problem(at, "the environment variable "+name+" is set, which has no effect here and may be printed", "unset it, and write headers here")
		}
	}
	return s
}

// collector returns the URL to post to. Nothing of it is quoted, since it may
// hold a secret in the wrong place.
func (b *builder) collector(at place, doc *tracingDoc) string {
	if doc.Endpoint == "" {
		return "" // reported as missing
	}
	endpoint := at.at("endpoint")
	u, err := url.Parse(doc.Endpoint)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		b.problem(endpoint, "this is no URL of a collector", "write it as https://otel.example.com:4318")
		return ""
	case u.User != nil:
		b.problem(endpoint, "a user or password must not stand in a URL", "write headers: {authorization: file:/path}")
		return ""
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(doc.Endpoint, "#"):
		b.problem(endpoint, "the URL of a collector has no query and no fragment", "leave out ? or # and what follows")
		return ""
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		b.plainCollector(at, doc)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = tracesPath
	}
	return u.String()
}

// plainCollector judges http beyond loopback.
func (b *builder) plainCollector(at place, doc *tracingDoc) {
	switch {
	case !doc.InsecureHTTP:
		b.problem(at.at("endpoint"), "traces name tenants, so http is for loopback addresses only", "write https, or insecureHTTP: true")
	case len(doc.Headers) > 0:
		b.problem(at.at("headers"), "headers hold secrets, which http would send in the clear", "write https, or remove the headers")
	}
}

// transportHeaders are those that the exporter or HTTP itself writes.
var transportHeaders = []string{"host", "connection", "content-length", "content-type", "content-encoding", "transfer-encoding", "te", "trailer", "upgrade", "user-agent"}

func (b *builder) tracingHeaders(at place, refs map[string]secretRef) map[string]string {
	if len(refs) > maxTracingHeaders {
		b.problem(at, fmt.Sprintf("%d headers are too many, %d are the most", len(refs), maxTracingHeaders), "")
		return nil
	}
	headers := make(map[string]string, len(refs))
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		ref, lower, at := refs[name], strings.ToLower(name), at.at(yamldoc.PathName(name))
		_, twice := headers[lower]
		switch {
		case !headerToken.MatchString(name):
			b.problem(at, "this is no header name", "")
		case slices.Contains(transportHeaders, lower):
			b.problem(at, "this header is written by the exporter", "remove it")
		case twice:
			b.problem(at, "this header is written twice", "remove one of them")
		case ref != (secretRef{}):
			headers[lower] = b.headerValue(at, ref)
		}
	}
	return headers
}

// headerValue resolves the value of a header. What is wrong with it is told
// without it.
func (b *builder) headerValue(at place, ref secretRef) string {
	value := strings.TrimRight(string(b.referred(at, ref)), "\r\n")
	visible := func(r rune) bool { return r >= ' ' && r < 0x7f }
	switch {
	case b.touches(at.source.name, at.path):
	case len(value) > maxSecretBytes:
		b.problem(at, fmt.Sprintf("the value of a header has at most %d bytes", maxSecretBytes), "")
	case value == "" || strings.TrimSpace(value) != value || strings.ContainsFunc(value, func(r rune) bool { return !visible(r) }):
		b.problem(at, "the value of a header is one line of visible ASCII, without space around it", "")
	}
	return value
}

var resourceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func (b *builder) resource(at place, attributes map[string]string) map[string]string {
	if len(attributes) > maxTracingResource {
		b.problem(at, fmt.Sprintf("%d attributes are too many, %d are the most", len(attributes), maxTracingResource), "")
		return nil
	}
	for name, value := range attributes {
		at := at.at(yamldoc.PathName(name))
		switch {
		case !resourceName.MatchString(name):
			b.problem(at, "this is no name of an attribute", "use 1 to 128 of A-Z a-z 0-9 . _ -")
		case len(value) > maxResourceBytes:
			b.problem(at, fmt.Sprintf("the value is longer than %d bytes", maxResourceBytes), "")
		}
	}
	return attributes
}

func (b *builder) authorities(at place, path string) []byte {
	bundle, ok := b.pem(at, path)
	if !ok {
		return nil
	}
	authorities, err := certs.ParseAuthorities(bundle)
	if err != nil {
		b.problem(at, err.Error(), "name a PEM file with certificates and nothing else")
		return nil
	}
	if err := authorities.Valid(time.Now()); err != nil {
		b.warn(at, err.Error(), "replace it: the collector is not trusted")
	}
	return bundle
}
