package authz_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/policy"
)

// relaxed is acme with relaxations. Tokens may do anything below /any, but
// nothing to /any/secret or below /admin; /any/open and all below is public
// but for /any/open/not.
func relaxed(tb testing.TB, admitted authz.Oddity) *acme {
	tb.Helper()
	return newACME(tb, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
		tenant.Relaxations = admitted
		tenant.Policy = compilePolicy(tb, policy.Spec{
			Rules: []policy.RuleSpec{
				{Name: "any", Action: policy.Allow, Methods: []string{"GET"}, Paths: []string{"/any/**"}, NotPaths: []string{"/any/not/**"}, AnyToken: true},
				{Name: "one", Action: policy.Allow, Methods: []string{"GET"}, Paths: []string{"/one/*/end", "/*/admin"}, AnyToken: true},
				{Name: "secret", Action: policy.Deny, Paths: []string{"/any/secret/**", "/admin/**", "/any/*x/y"}},
				{Name: "most", Action: policy.Deny, Paths: []string{"/any/closed/**"}, NotPaths: []string{"/any/closed/but/**"}},
			},
			Public: []policy.PublicSpec{{Name: "open", Paths: []string{"/any/open/**"}, NotPaths: []string{"/any/open/not/**"}}},
		})
	})
}

func TestP1RelaxedPaths(t *testing.T) {
	const slashes, encoded, semicolon = authz.PathDoubleSlash, authz.PathEncodedSlash, authz.PathSemicolon
	const refused = authz.PathNotCanonical
	tests := []struct {
		path  string
		admit authz.Oddity
		want  authz.Reason
	}{
		// What is admitted works.
		{"/any//x", slashes, authz.Allowed},
		{"/any/x//", slashes, authz.Allowed},
		{"/any/x%2fy", encoded, authz.Allowed},
		{"/any/x;v=1/y", semicolon, authz.Allowed},
		{"/any/x%3Bv=1/y", semicolon, authz.Allowed},
		{"/any/open//x", slashes, authz.PublicRoute},
		{"/any/open/x;y", semicolon, authz.PublicRoute},
		{"/any/open/x%2Fy", encoded, authz.PublicRoute},
		{"/any/x/y", authz.Relaxable, authz.Allowed},

		// What is not admitted is refused, whatever else is.
		{"/any//x", encoded | semicolon, refused},
		{"/any/x%2fy", slashes | semicolon, refused},
		{"/any/x;v=1", slashes | encoded, refused},
		{"/any/x%3bv=1", slashes | encoded, refused},
		{"/any//x", 0, refused},
		{"/any/;/x", semicolon, refused}, // leaves an empty segment
		{"/any/x%2f%2fy", encoded, refused},
		{"/any/x%2f%2fy", encoded | slashes, refused}, // nor both: who decodes may merge or not
		{"/one/%2fx/end", encoded | slashes, refused}, // /one//x/end to one who decodes and does not merge
		{"/any/;/x", semicolon | slashes, authz.Allowed},

		// Deny rules hold in either reading.
		{"/any//secret", slashes, authz.PolicyDenied},
		{"//any/secret/x", slashes, authz.PolicyDenied},
		{"/any%2fsecret", encoded, authz.PolicyDenied},
		{"/any/secret%2Fx", encoded, authz.PolicyDenied},
		{"/any/secret;x", semicolon, authz.PolicyDenied},
		{"/any/secret%3bx", semicolon, authz.PolicyDenied},
		{"/any;a/secret;b/c;d", semicolon, authz.PolicyDenied},
		{"/any/%73ecret;x", semicolon, authz.PolicyDenied},
		{"/any/;/secret", semicolon | slashes, authz.PolicyDenied},
		{"/;/admin", semicolon | slashes, authz.PolicyDenied},
		{"//admin", slashes, authz.PolicyDenied},
		{"/%2fadmin", encoded | slashes, refused},
		{"/%2f%2fadmin", encoded | slashes, refused},
		{"/any/w;x/y", semicolon, authz.PolicyDenied}, // `*x` as sent

		// Allow and public rules hold in both.
		{"/any/..%2fx", encoded, refused},
		{"/one//end", slashes, authz.PolicyDenied},
		{"/one/a%2fb/end", encoded, authz.PolicyDenied},
		{"/one/a;b/end", semicolon, authz.Allowed},
		{"/one/;b/end", semicolon | slashes, authz.PolicyDenied},
		{"/x;/admin", semicolon, authz.Allowed}, // both readings have one segment before it
		{"/any;x/y", semicolon, authz.PolicyDenied},
		{"/any%2fy", encoded, authz.PolicyDenied},
		{"//any/y", slashes, authz.PolicyDenied},
		{"/any//open/x", slashes, authz.Allowed}, // public in one reading only
		{"/any/not//x", slashes, authz.PolicyDenied},
		{"/any//not/x", slashes, authz.PolicyDenied}, // notPaths exclude in either
		{"/any/not;x/y", semicolon, authz.PolicyDenied},
		{"/any/open//not", slashes, authz.Allowed},
		{"/any/open/not;x", semicolon, authz.Allowed},

		// The exceptions of a deny rule hold in both only.
		{"/any/closed/but/x", slashes, authz.Allowed},
		{"/any/closed/but//x", slashes, authz.Allowed},
		{"/any/closed//but/x", slashes, authz.PolicyDenied},
		{"/any/closed/but;x", semicolon, authz.PolicyDenied},
		{"/any/closed%2fbut", encoded, authz.PolicyDenied},
	}
	for _, tt := range tests {
		a := relaxed(t, tt.admit)
		if d := a.decide(get(tt.path, a.idp.sign(t, scope))); d.Reason != tt.want {
			t.Errorf("%s with %v: %v %s, want %v", tt.path, tt.admit, d.Reason, d.Rule, tt.want)
		}
	}
}

// TestP1NeverAdmitted holds what no relaxation admits, with a token and
// without.
func TestP1NeverAdmitted(t *testing.T) {
	a := relaxed(t, authz.Relaxable)
	good := a.idp.sign(t, scope)
	for _, path := range []string{
		"/any/../x", "/any/%2e%2e/x", "/any;/../x", "/any/..;/x", "/any/..;x/y", "/any/.;/x", "/any/..%3b/x", "/any/.%3B./x",
		"/any%2f..%2fx", "/any/%2e%2e%2fx", "/any//../x", "/any/;/../x", "/any/..%2f", "/any/x;%2f..%2fy", "/any/open/..%2fsecret",
		`/any\x`, "/any%5cx", "/any/x%5C..%2fy", "/any/%00", "/any/x%0a", "/any/x\t", "/any/é", "/any/%ff", "/any/x#y", "/any/x?y",
		"/any/%", "/any/%zz", "/any/%252fx", "/any/%252e%252e/x", "/any/%253bx", "/any/%25252f", "/any/x%3b%252fy", "any/x", "*", "http://h/any",
		"/any//x;y", "/any//x%2fy", "/any/x;y%2fz", "/any/x;y/z%3bw", "/any/x%3by%2fz", // two kinds of leniency
	} {
		for _, raw := range []string{good, ""} {
			if d := a.decide(get(path, raw)); d.Reason != authz.PathNotCanonical {
				t.Errorf("%q with token %v: %v", path, raw != "", d.Reason)
			}
		}
	}
}

// Without a token an odd path is answered alike at a place that admits it, at
// one that does not, and at none, so that names cannot be probed.
func TestP1OddPathsProbeNothing(t *testing.T) {
	strict, lax := relaxed(t, 0), relaxed(t, authz.Relaxable)
	for _, path := range []string{"/any//x", "/any/x%2fy", "/any/x;y", "/none//x"} {
		for _, raw := range []string{"", "garbage"} {
			unknown := get(path, raw)
			unknown.Host = "nobody.example.com"
			answers := []authz.Reason{strict.decide(get(path, raw)).Reason, lax.decide(get(path, raw)).Reason}
			want := authz.NoToken
			if raw != "" {
				want = authz.TokenMalformed
			}
			if d := strict.decide(unknown); d.Reason != authz.PlaceUnknown || answers[0] != want || answers[1] != want {
				t.Errorf("%s with %q: unknown %v, known %v", path, raw, d.Reason, answers)
			}
		}
	}
	if d := strict.decide(get("/any//x", strict.idp.sign(t, scope))); d.Reason != authz.PathNotCanonical {
		t.Errorf("with a token: %v", d.Reason)
	}
	if d := strict.decide(get("/any/open//x", "")); d.Verdict == authz.Allow {
		t.Error("a public route takes a path that is not admitted")
	}
}

func TestPreflightOfOddPath(t *testing.T) {
	for admitted, want := range map[authz.Oddity]authz.Reason{0: authz.NoToken, authz.PathDoubleSlash: authz.PreflightPassed} {
		a := newACME(t, func(tenant *authz.TenantSpec, _ *authz.SnapshotSpec) {
			tenant.Preflight, tenant.Relaxations = true, admitted
		})
		req := get("/any//x", "", authz.Header{Name: "origin", Value: "https://a"}, authz.Header{Name: "access-control-request-method", Value: "GET"})
		req.Method = "OPTIONS"
		if d := a.decide(req); d.Reason != want {
			t.Errorf("with %v admitted: %v, want %v", admitted, d.Reason, want)
		}
	}
}

func TestRelaxationsOfAnEntry(t *testing.T) {
	a := newACME(t, func(tenant *authz.TenantSpec, snapshot *authz.SnapshotSpec) {
		tenant.Entries = []string{"mesh"}
		snapshot.Entries = []authz.EntrySpec{{Name: "mesh", ContextExtension: "tenant", Relaxations: authz.PathDoubleSlash}}
	})
	raw := a.idp.sign(t, scope)
	mesh := get("/orders//7", raw)
	mesh.Context = map[string]string{"tenant": "acme"}
	if d := a.decide(mesh); d.Reason != authz.Allowed {
		t.Errorf("at the entry: %v", d.Reason)
	}
	if d := a.decide(get("/orders//7", raw)); d.Reason != authz.PathNotCanonical {
		t.Errorf("at the tenant's own host: %v", d.Reason)
	}
}

func TestRelaxationProblems(t *testing.T) {
	a := newACME(t, nil)
	for _, odd := range []authz.Oddity{authz.PathDotSegment, authz.PathMixed, authz.PathDoubleEscape, authz.Relaxable | authz.PathBackslash} {
		spec := a.tenant
		spec.Relaxations = odd
		_, problems := authz.NewTenant(spec)
		if len(problems) != 1 || problems[0].Path != "pathRelaxations" || strings.Contains(problems[0].Message, "semicolon") {
			t.Errorf("%v: %v", odd, problems)
		}
		_, problems = authz.NewSnapshot(authz.SnapshotSpec{Entries: []authz.EntrySpec{{Name: "e", ContextExtension: "k", Relaxations: odd}}})
		if !slices.ContainsFunc(problems, func(p authz.Problem) bool { return p.Path == "entries[0].pathRelaxations" }) {
			t.Errorf("entry with %v: %v", odd, problems)
		}
	}
}
