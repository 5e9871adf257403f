package authz_test

import (
	"slices"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

// TestP5CookiesComeFromCookieLinesAlone holds that cookies which are written
// anew are those of the lines named cookie, and that what other headers hold
// is no cookie to withhold.
func TestP5CookiesComeFromCookieLinesAlone(t *testing.T) {
	a := placed(t, false, nil)
	for name, row := range map[string]struct {
		lines  []authz.Header
		cookie string // that is set; "" for none
		remove bool
	}{
		"another header before":       {[]authz.Header{{Name: "x-note", Value: "d=4; role=admin"}, {Name: "cookie", Value: "session=x; c=3"}}, "c=3", false},
		"another header after":        {[]authz.Header{{Name: "cookie", Value: "c=3; session=x"}, {Name: "x-note", Value: "d=4"}}, "c=3", false},
		"two lines":                   {[]authz.Header{{Name: "cookie", Value: "b=2"}, {Name: "cookie", Value: "session=x; ;\t; c=3\t"}}, "b=2; c=3", false},
		"nothing left but elsewhere":  {[]authz.Header{{Name: "x-note", Value: "d=4"}, {Name: "cookie", Value: "session=x"}}, "", true},
		"no credential in the cookie": {[]authz.Header{{Name: "x-note", Value: "session=x"}, {Name: "cookie", Value: "c=3"}}, "", false},
		"no cookie":                   {[]authz.Header{{Name: "x-note", Value: "session=x"}, {Name: "set-cookie", Value: "session=x"}}, "", false},
	} {
		d := a.decide(get("/healthz", "", row.lines...))
		if cookie, _ := header(&d, "cookie"); d.Reason != authz.PublicRoute || cookie != row.cookie || slices.Contains(d.Remove, "cookie") != row.remove {
			t.Errorf("%s: %v, cookie %q, removes %v", name, d.Reason, cookie, d.Remove)
		}
	}
}
