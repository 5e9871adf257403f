package policy

import "testing"

// TestVerbs asks for each method by each: a bit stands for its own text alone.
func TestVerbs(t *testing.T) {
	all := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "QUERY", "get", "GETS", "GE", ""}
	for _, named := range all {
		methods := []string{"LOCK", named}
		for _, sent := range all {
			e := env{in: &Input{Method: sent}, verb: verbOf(sent)}
			if got, want := e.asks(verbsOf(methods), methods), named == sent && sent != ""; got != want {
				t.Errorf("%q among %q: %t", sent, methods, got)
			}
		}
	}
}
