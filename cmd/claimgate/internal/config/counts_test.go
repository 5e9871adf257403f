package config

import "testing"

// Counts are of what is written, in every place where it may be written.
func TestCounts(t *testing.T) {
	document, err := Load("testdata/good/platform.yaml")
	if err != nil {
		t.Fatal(err)
	}
	built, err := document.Build(Runtime{})
	if err != nil {
		t.Fatal(err)
	}
	// initech brings an issuer of its own, globex a rule beside the policy of all.
	if want := (Counts{Tenants: 3, Issuers: 3, Rules: 6}); built.Counts != want {
		t.Errorf("%+v, want %+v", built.Counts, want)
	}
}
