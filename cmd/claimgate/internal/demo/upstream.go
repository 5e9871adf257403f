package demo

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Seen is what the upstream saw of a request. Header names are lower-case.
type Seen struct {
	Method  string              `json:"method"`
	Host    string              `json:"host"`
	Path    string              `json:"path"`
	Headers map[string][]string `json:"headers"`
}

// Echo answers every request with what it saw, as JSON.
func Echo(w http.ResponseWriter, r *http.Request) {
	seen := Seen{Method: r.Method, Host: r.Host, Path: r.RequestURI, Headers: map[string][]string{}}
	for name, values := range r.Header {
		seen.Headers[strings.ToLower(name)] = values
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(seen) // the client is gone: nobody to tell
}

// With returns the headers of the given names as `name=value`, sorted; a
// header that came more than once is there more than once.
func (s *Seen) With(names []string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		if slices.Contains(names, name) {
			for _, value := range s.Headers[name] {
				out = append(out, name+"="+value)
			}
		}
	}
	return out
}
