// Package otlptest is a collector of traces for tests: OTLP over HTTP, kept in
// memory.
package otlptest

import (
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// maxBody bounds what one export may hold.
const maxBody = 16 << 20

// Span is what tests want to know of a span.
type Span struct {
	Service, Name     string
	Trace, ID, Parent string // in hexadecimal; no parent: ""
	Attributes        map[string]string
	Resource          map[string]string // attributes of the process
}

// Collector keeps what it is sent. The zero value is one. Safe for concurrent
// use.
type Collector struct {
	mu    sync.Mutex
	spans []Span
	text  strings.Builder
	heads []http.Header
	paths []string

	status int    // of the answer; 0: 200
	body   string // of the answer
}

// Answer sets the answer to the exports to come; one that redirects leads
// elsewhere on this server, and one that is busy remains so for an hour. They are
// kept all the same. Status 0 is 200.
func (c *Collector) Answer(status int, body string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.body = status, body
}

// ServeHTTP takes an export.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paths = append(c.paths, r.URL.Path)
	if err != nil || r.URL.Path != "/v1/traces" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var message coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &message); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.heads = append(c.heads, r.Header.Clone())
	c.text.WriteString(protojson.Format(&message))
	c.text.Write(body) // as it came, too
	c.keep(&message)
	if c.status != 0 {
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(c.status)
	}
	_, _ = io.WriteString(w, c.body)
}

func (c *Collector) keep(message *coltrace.ExportTraceServiceRequest) {
	for _, resource := range message.GetResourceSpans() {
		process := words(resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, Span{Service: process["service.name"], Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()),
					ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
					Attributes: words(s.GetAttributes()), Resource: process})
			}
		}
	}
}

// words returns attributes that are texts; others are "".
func words(attributes []*commonv1.KeyValue) map[string]string {
	texts := make(map[string]string, len(attributes))
	for _, a := range attributes {
		texts[a.GetKey()] = a.GetValue().GetStringValue()
	}
	return texts
}

// Spans returns the spans that came, in their order.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Text returns all that came, in words and in bytes, but for headers.
func (c *Collector) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// Paths returns those of all requests, whether they were exports or not.
func (c *Collector) Paths() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.paths)
}

// Headers returns those of each export.
func (c *Collector) Headers() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heads)
}
