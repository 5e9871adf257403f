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
}

// Collector keeps what it is sent. The zero value is one. Safe for concurrent
// use.
type Collector struct {
	mu    sync.Mutex
	spans []Span
	text  strings.Builder
	heads []http.Header
}

// ServeHTTP takes an export.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil || r.URL.Path != "/v1/traces" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var message coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &message); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heads = append(c.heads, r.Header.Clone())
	c.text.WriteString(protojson.Format(&message))
	c.text.Write(body) // as it came, too
	c.keep(&message)
}

func (c *Collector) keep(message *coltrace.ExportTraceServiceRequest) {
	for _, resource := range message.GetResourceSpans() {
		service := ""
		for _, a := range resource.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				span := Span{Service: service, Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()),
					ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()), Attributes: map[string]string{}}
				for _, a := range s.GetAttributes() {
					span.Attributes[a.GetKey()] = a.GetValue().GetStringValue()
				}
				c.spans = append(c.spans, span)
			}
		}
	}
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

// Headers returns those of each export.
func (c *Collector) Headers() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heads)
}
