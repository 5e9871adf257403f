package jwks

import "testing"

func TestFailuresHaveAMeaning(t *testing.T) {
	seen := map[string]FetchResult{}
	for _, r := range FetchResults() {
		meaning, failure := r.Meaning(), !r.good() && r != FetchCanceled
		if (meaning != "") != failure {
			t.Errorf("%s: meaning %q", r, meaning)
		}
		if other, ok := seen[meaning]; ok && failure {
			t.Errorf("%s and %s mean the same", r, other)
		}
		seen[meaning] = r
	}
}
