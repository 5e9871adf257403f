package policy_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/policy"
)

func TestPatterns(t *testing.T) {
	for _, tc := range []struct {
		pattern string
		yes, no []string
	}{
		{"/", []string{"/"}, []string{"/x", "//", ""}},
		{"/x", []string{"/x"}, []string{"/x/", "/X", "/xy", "/x/y", "/", "x", "//x"}},
		{"/x/", []string{"/x/"}, []string{"/x", "/x//", "/x/y"}},
		{"/**", []string{"/", "/x", "/x/y/"}, []string{"", "*", "x"}},
		{"/x/**", []string{"/x", "/x/", "/x/y", "/x/y/z/"}, []string{"/xy", "/", "/X/y", "/y/x"}},
		{"/x/y/**", []string{"/x/y", "/x/y/", "/x/y/z"}, []string{"/x", "/", "/x/", "/x/z", "/x/z/y"}},
		{"/*/*/**", []string{"/x/y", "/x/y/z"}, []string{"/x", "/", "/x/"}},
		{strings.Repeat("/a", 32), []string{strings.Repeat("/a", 32)}, []string{strings.Repeat("/a", 31), strings.Repeat("/a", 33), strings.Repeat("/a", 31) + "/b"}},
		{strings.Repeat("/a", 31) + "/{id}/**", []string{strings.Repeat("/a", 32), strings.Repeat("/a", 40)}, []string{strings.Repeat("/a", 31), strings.Repeat("/a", 31) + "/"}},
		{"/x/*", []string{"/x/y", "/x/%2A", "/x/*"}, []string{"/x", "/x/", "/x/y/", "/x/y/z"}},
		{"/*/y", []string{"/x/y"}, []string{"//y", "/y", "/x/y/"}},
		{"/*/**", []string{"/x", "/x/", "/x/y"}, []string{"/"}},
		{"/Get*", []string{"/GetUser", "/Gets"}, []string{"/Get", "/getUser", "/Get/User", "/AGet1"}},
		{"/*.json", []string{"/a.json", "/.json.json"}, []string{"/.json", "/a.jsonx", "/a.JSON"}},
		{"/a*b*c", []string{"/a1b2c", "/abbbc", "/a1b2bc3c"}, []string{"/abc", "/a1bc", "/ab2c", "/a1b2c3", "/a1c", "/a", "/a1", "/a1b", "/"}},
		{"/*a*", []string{"/xay", "/aaa"}, []string{"/a", "/ax", "/xa"}},
		{"/x/{id}", []string{"/x/1", "/x/a:b"}, []string{"/x/", "/x", "/x/1/2"}},
		{"/x/{id}/y/{n}", []string{"/x/1/y/2"}, []string{"/x/1/y/", "/x//y/2"}},
		{"/%61%2D", []string{"/a-"}, []string{"/%61%2D"}},
		{"/x%3ay", []string{"/x%3Ay"}, []string{"/x:y"}},
		{"/%2A", []string{"/%2A"}, []string{"/*", "/a"}},
		{"/%7Bid%7D", []string{"/%7Bid%7D"}, []string{"/1"}},
		{"/caf%c3%a9", []string{"/caf%C3%A9"}, []string{"/cafe"}},
	} {
		p := compile(t, rules(anyone("r", tc.pattern)))
		for _, path := range tc.yes {
			if p.Evaluate(request(path, object{})).Outcome != policy.Allowed {
				t.Errorf("%s does not match %q", tc.pattern, path)
			}
		}
		for _, path := range tc.no {
			if p.Evaluate(request(path, object{})).Outcome != policy.NoRule {
				t.Errorf("%s matches %q", tc.pattern, path)
			}
		}
	}
}

func TestTrailingSlash(t *testing.T) {
	everywhere := anyone("all", "/**")
	but := func(not ...string) policy.RuleSpec {
		r := anyone("all", "/**")
		r.NotPaths = not
		return r
	}
	denyBut := deny("d", "/**")
	denyBut.NotPaths = []string{"/open"}
	denyButSlash := deny("d", "/**")
	denyButSlash.NotPaths = []string{"/open/"}
	for _, tc := range []struct {
		name  string
		rules []policy.RuleSpec
		path  string
		want  policy.Outcome
	}{
		{"paths of an allow rule", []policy.RuleSpec{anyone("a", "/x")}, "/x/", policy.NoRule},
		{"paths of a deny rule", []policy.RuleSpec{everywhere, deny("d", "/x")}, "/x/", policy.DeniedByRule},
		{"paths of a deny rule, slash in the pattern", []policy.RuleSpec{everywhere, deny("d", "/x/")}, "/x", policy.DeniedByRule},
		{"paths of a deny rule, both with slash", []policy.RuleSpec{everywhere, deny("d", "/x/")}, "/x/", policy.DeniedByRule},
		{"star of a deny rule", []policy.RuleSpec{everywhere, deny("d", "/x/*")}, "/x/y/", policy.DeniedByRule},
		{"star of a deny rule is not empty", []policy.RuleSpec{everywhere, deny("d", "/x/*")}, "/x/", policy.Allowed},
		{"deny of the root", []policy.RuleSpec{everywhere, deny("d", "/")}, "/", policy.DeniedByRule},
		{"deny of the root alone", []policy.RuleSpec{everywhere, deny("d", "/")}, "/x", policy.Allowed},
		{"deny of the root, two slashes", []policy.RuleSpec{everywhere, deny("d", "/")}, "//", policy.DeniedByRule},
		{"deny of a path, below it with a slash", []policy.RuleSpec{everywhere, deny("d", "/x")}, "/x/y/", policy.Allowed},
		{"deny of a path, two below it with a slash", []policy.RuleSpec{everywhere, deny("d", "/x")}, "/x/y/z/", policy.Allowed},
		{"deny of a path, another with a slash", []policy.RuleSpec{everywhere, deny("d", "/x/y")}, "/x/", policy.Allowed},
		{"deny of a path, escapes below it", []policy.RuleSpec{everywhere, deny("d", "/x")}, "/x/a%20b", policy.Allowed},
		{"deny of an escape, below it twice escaped", []policy.RuleSpec{everywhere, deny("d", "/a%20b")}, "/a%2520b/c", policy.Allowed},
		{"deny of an escape, twice escaped", []policy.RuleSpec{everywhere, deny("d", "/a%20b")}, "/a%2520b", policy.DeniedByRule},
		{"deny of an escape and below, twice escaped", []policy.RuleSpec{everywhere, deny("d", "/a%20b/**")}, "/a%2520b/c", policy.DeniedByRule},
		{"notPaths of an allow rule, below it with a slash", []policy.RuleSpec{but("/x")}, "/x/y/", policy.Allowed},
		{"notPaths of an allow rule", []policy.RuleSpec{but("/x")}, "/x/", policy.NoRule},
		{"notPaths of an allow rule, slash in the pattern", []policy.RuleSpec{but("/x/")}, "/x", policy.NoRule},
		{"notPaths of an allow rule, elsewhere", []policy.RuleSpec{but("/x/")}, "/x/y", policy.Allowed},
		{"notPaths of a deny rule", []policy.RuleSpec{everywhere, denyBut}, "/open", policy.Allowed},
		{"notPaths of a deny rule, slash", []policy.RuleSpec{everywhere, denyBut}, "/open/", policy.DeniedByRule},
		{"notPaths of a deny rule, slash in the pattern", []policy.RuleSpec{everywhere, denyButSlash}, "/open", policy.DeniedByRule},
		{"notPaths of a deny rule, both with slash", []policy.RuleSpec{everywhere, denyButSlash}, "/open/", policy.Allowed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantOutcome(t, compile(t, rules(tc.rules...)), request(tc.path, object{}), tc.want)
		})
	}
}

func TestTwoForms(t *testing.T) {
	everywhere := anyone("all", "/**")
	allBut := anyone("all", "/**")
	allBut.NotPaths = []string{"/admin:reset"}
	butEscaped := anyone("all", "/**")
	butEscaped.NotPaths = []string{"/caf%C3%A9"}
	denyBut := deny("d", "/**")
	denyBut.NotPaths = []string{"/open:x"}
	for _, tc := range []struct {
		name          string
		rules         []policy.RuleSpec
		path, lenient string
		want          policy.Outcome
	}{
		{"deny, encoded colon", []policy.RuleSpec{everywhere, deny("d", "/admin:reset")}, "/admin%3Areset", "/admin:reset", policy.DeniedByRule},
		{"deny, lenient left out", []policy.RuleSpec{everywhere, deny("d", "/admin:reset")}, "/admin%3Areset", "", policy.DeniedByRule},
		{"deny, lenient not decoded", []policy.RuleSpec{everywhere, deny("d", "/admin:reset")}, "/admin%3Areset", "/admin%3Areset", policy.DeniedByRule},
		{"deny of the encoded", []policy.RuleSpec{everywhere, deny("d", "/admin%3Areset")}, "/admin:reset", "", policy.DeniedByRule},
		{"deny, encoded and slash", []policy.RuleSpec{everywhere, deny("d", "/admin:reset")}, "/admin%3Areset/", "/admin:reset/", policy.DeniedByRule},
		{"allow asks both", []policy.RuleSpec{anyone("a", "/a:b")}, "/a%3Ab", "/a:b", policy.NoRule},
		{"allow of the encoded", []policy.RuleSpec{anyone("a", "/a%3Ab")}, "/a%3Ab", "/a:b", policy.Allowed},
		{"allow of the encoded only", []policy.RuleSpec{anyone("a", "/a%3Ab")}, "/a:b", "", policy.NoRule},
		{"allow by two patterns", []policy.RuleSpec{anyone("a", "/x/*", "/x/a/b")}, "/x/a%2Fb", "/x/a/b", policy.NoRule},
		{"allow beyond its segment", []policy.RuleSpec{anyone("a", "/x/*")}, "/x/a%2Fb", "/x/a/b", policy.NoRule},
		{"allow, lenient dot segment", []policy.RuleSpec{everywhere}, "/x/%2E%2E/y", "/x/../y", policy.NoRule},
		{"allow, lenient backslash", []policy.RuleSpec{everywhere}, "/x%5Cy", "/x\\y", policy.NoRule},
		{"allow, lenient NUL", []policy.RuleSpec{everywhere}, "/x%00y", "/x\x00y", policy.NoRule},
		{"notPaths of allow, either", []policy.RuleSpec{allBut}, "/admin%3Areset", "/admin:reset", policy.NoRule},
		{"notPaths of deny, both", []policy.RuleSpec{everywhere, denyBut}, "/open:x", "", policy.Allowed},
		{"notPaths of deny, one", []policy.RuleSpec{everywhere, denyBut}, "/open%3Ax", "/open:x", policy.DeniedByRule},
		{"encoded star is a character", []policy.RuleSpec{anyone("a", "/x/%2A")}, "/x/%2A", "/x/*", policy.Allowed},
		{"encoded star is no wildcard", []policy.RuleSpec{anyone("a", "/x/%2A")}, "/x/a", "", policy.NoRule},
		{"deny of an encoded star", []policy.RuleSpec{everywhere, deny("d", "/x/%2a")}, "/x/*", "", policy.DeniedByRule},
		{"decoded once, not twice", []policy.RuleSpec{everywhere, deny("d", "/a")}, "/%2561", "/%61", policy.Allowed},
		{"deny of an escape, escaped twice", []policy.RuleSpec{everywhere, deny("d", "/a%20b")}, "/a%2520b", "/a%20b", policy.DeniedByRule},
		{"deny of an escape, escaped twice, lenient left out", []policy.RuleSpec{everywhere, deny("d", "/a%20b")}, "/a%2520b", "", policy.DeniedByRule},
		{"deny beyond ASCII, escaped twice", []policy.RuleSpec{everywhere, deny("d", "/caf%C3%A9/**")}, "/caf%25C3%25A9/x", "/caf%C3%A9/x", policy.DeniedByRule},
		{"deny of an escape, another one twice", []policy.RuleSpec{everywhere, deny("d", "/a%20b")}, "/a%2521b", "/a%21b", policy.Allowed},
		{"allow of an escape, escaped twice", []policy.RuleSpec{anyone("a", "/a%20b")}, "/a%2520b", "/a%20b", policy.NoRule},
		{"allow but an escape, escaped twice", []policy.RuleSpec{butEscaped}, "/caf%25C3%25A9", "/caf%C3%A9", policy.NoRule},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := request(tc.path, object{})
			in.LenientPath = tc.lenient
			wantOutcome(t, compile(t, rules(tc.rules...)), in, tc.want)
		})
	}
}

// A deny rule that captures a segment which only one reading of the path has
// knows nothing of it, and denies.
func TestP1ACaptureOfOneReadingIsUnknown(t *testing.T) {
	p := compile(t, rules(anyone("all"), policy.RuleSpec{Name: "own", Paths: []string{"/users/{id}"}, When: []policy.Condition{{Claim: claim("sub"), Equals: &policy.Operand{Path: "id"}}}}))
	for path, want := range map[string]policy.Outcome{"/users/u-1": policy.DeniedByRule, "/users/u-2": policy.Allowed} {
		wantOutcome(t, p, request(path, object{"sub": "u-1"}), want)
	}
	for _, path := range []string{"/users%2Fu-1", "/users%2Fu-2", "/users/u-2%2F"} {
		in := request(path, object{"sub": "u-1"})
		if got := p.Evaluate(in); got.Outcome != policy.DeniedByRule || !got.Erred.Has(1) {
			t.Errorf("%s: %v", path, got.Outcome)
		}
	}
}

func TestCaptures(t *testing.T) {
	own := policy.Condition{Claim: claim("sub"), Equals: &policy.Operand{Path: "id"}}
	for _, tc := range []struct {
		name, path, lenient, sub string
		want                     policy.Truth
	}{
		{"equal", "/users/u1", "", "u1", isTrue},
		{"other", "/users/u2", "", "u1", isFalse},
		{"case", "/users/U1", "", "u1", isFalse},
		{"decoded once", "/users/a%20b", "/users/a b", "a b", isTrue},
		{"decoded once, lenient left out", "/users/a%20b", "", "a b", isTrue},
		{"not compared as sent", "/users/a%20b", "/users/a b", "a%20b", isFalse},
		{"beyond ASCII", "/users/%C3%A9", "/users/é", "é", isTrue},
		{"decoded twice", "/users/%2575", "/users/%75", "u", isUnknown},
		{"percent sign", "/users/%2575", "/users/%75", "%75", isUnknown},
		{"forms disagree", "/users/u1", "/users/u2", "u1", isUnknown},
		{"forms disagree the other way", "/users/u1", "/users/u2", "u2", isUnknown},
		{"path parameter", "/users/a%3Bb", "/users/a;b", "a;b", isUnknown},
		{"fragment", "/users/a%23b", "/users/a#b", "a#b", isUnknown},
		{"longer as sent", "/users/u12", "/users/u1", "u1", isUnknown},
		{"longer as sent, the other way", "/users/u12", "/users/u1", "u12", isUnknown},
		{"longer as read", "/users/u1", "/users/u12", "u12", isUnknown},
		{"longer as read, the other way", "/users/u1", "/users/u12", "u1", isUnknown},
		{"query mark", "/users/a%3Fb", "/users/a?b", "a?b", isUnknown},
		{"not UTF-8", "/users/%FF", "/users/\xff", "\xff", isUnknown},
		{"control beyond ASCII", "/users/%C2%85", "/users/\u0085", "\u0085", isUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := request(tc.path, object{"sub": tc.sub})
			in.LenientPath = tc.lenient
			if got := truthOf(t, own, in, "/users/{id}"); got.Truth != tc.want {
				t.Errorf("%s is %v, want %v", got.Text, got.Truth, tc.want)
			}
		})
	}
}

func TestCaptureOfFirstMatchingPattern(t *testing.T) {
	own := policy.Condition{Claim: claim("sub"), Equals: &policy.Operand{Path: "id"}}
	r := policy.RuleSpec{Name: "own", Action: policy.Allow, Paths: []string{"/t/{x}/{id}", "/{id}/**"}, When: []policy.Condition{own}}
	p := compile(t, rules(r))
	wantOutcome(t, p, request("/t/a/u1", object{"sub": "u1"}), policy.Allowed)
	wantOutcome(t, p, request("/t/a/u1", object{"sub": "t"}), policy.NoRule)
	wantOutcome(t, p, request("/u1/a/b", object{"sub": "u1"}), policy.Allowed)
}

func TestMethods(t *testing.T) {
	byDefault := compile(t, rules(anyone("a", "/**")))
	gets := anyone("g", "/**")
	gets.Methods = []string{"GET"}
	onlyGet := compile(t, rules(gets))
	for method, want := range map[string][2]policy.Outcome{
		"GET":     {policy.Allowed, policy.Allowed},
		"HEAD":    {policy.Allowed, policy.NoRule},
		"POST":    {policy.Allowed, policy.NoRule},
		"PUT":     {policy.Allowed, policy.NoRule},
		"PATCH":   {policy.Allowed, policy.NoRule},
		"DELETE":  {policy.Allowed, policy.NoRule},
		"OPTIONS": {policy.Allowed, policy.NoRule},
		"TRACE":   {policy.NoRule, policy.NoRule},
		"QUERY":   {policy.NoRule, policy.NoRule},
		"CONNECT": {policy.NoRule, policy.NoRule},
		"get":     {policy.NoRule, policy.NoRule},
		"Get":     {policy.NoRule, policy.NoRule},
		"GET ":    {policy.NoRule, policy.NoRule},
		"":        {policy.NoRule, policy.NoRule},
	} {
		in := request("/x", object{})
		in.Method = method
		wantOutcome(t, byDefault, in, want[0])
		wantOutcome(t, onlyGet, in, want[1])
		wantOutcome(t, compile(t, rules(anyone("a"), deny("d", "/x"))), in, policy.DeniedByRule)
	}
}

// HEAD is not GET, neither where it is allowed nor where it is denied.
func TestHeadIsNotGet(t *testing.T) {
	closed := deny("closed", "/x")
	closed.Methods = []string{"GET"}
	p := compile(t, rules(anyone("all"), closed))
	in := request("/x", object{})
	wantOutcome(t, p, in, policy.DeniedByRule)
	in.Method = "HEAD"
	wantOutcome(t, p, in, policy.Allowed)
}

func TestUpgrades(t *testing.T) {
	socket := anyone("socket", "/ws")
	socket.Upgrades = []string{"websocket"}
	p := compile(t, policy.Spec{
		Rules:  []policy.RuleSpec{anyone("all", "/**"), socket, deny("closed", "/ws/closed")},
		Public: []policy.PublicSpec{{Name: "p", Paths: []string{"/**"}}},
	})
	for _, tc := range []struct {
		path, upgrade string
		want          policy.Outcome
	}{
		{"/ws", "websocket", policy.Allowed},
		{"/ws", "", policy.Allowed},
		{"/ws", "h2c", policy.NoRule},
		{"/ws", "WebSocket", policy.NoRule},
		{"/ws", "websocket, h2c", policy.NoRule},
		{"/other", "websocket", policy.NoRule},
		{"/other", "", policy.Allowed},
		{"/ws/closed", "websocket", policy.DeniedByRule},
	} {
		in := request(tc.path, object{})
		in.Upgrade = tc.upgrade
		wantOutcome(t, p, in, tc.want)
		if matched := p.MatchPublic(in) != nil; matched != (tc.upgrade == "") {
			t.Errorf("upgrade %q to a public route: %v", tc.upgrade, matched)
		}
	}
}

func TestLongPathsAreCompared(t *testing.T) {
	long := "/x" + strings.Repeat("/y", 5000)
	p := compile(t, rules(anyone("a", "/x/**"), anyone("b", "/"+strings.Repeat("z/", 30)+"z")))
	wantOutcome(t, p, request(long, object{}), policy.Allowed)
	wantOutcome(t, p, request("/"+strings.Repeat("z/", 30)+"z", object{}), policy.Allowed)
	wantOutcome(t, p, request("/"+strings.Repeat("z/", 60)+"z", object{}), policy.NoRule)
	wantOutcome(t, p, request(long+"/..", object{}), policy.NoRule)
}

// TestEveryByteOfAPattern tries each byte in the name of a capture, and each
// escape: those of unreserved characters stand for the characters.
func TestEveryByteOfAPattern(t *testing.T) {
	compiles := func(pattern string) bool {
		_, problems := policy.Compile(rules(anyone("r", pattern)))
		return len(problems) == 0
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	const digits = "0123456789"
	for i := range 256 {
		c := string([]byte{byte(i)})
		if got := compiles("/x/{a" + c + "b}"); got != strings.Contains(letters+digits+"_", c) {
			t.Errorf("a capture with %q: %v", c, got)
		}
		if got := compiles("/x/{" + c + "b}"); got != strings.Contains(letters+"_", c) {
			t.Errorf("a capture that begins with %q: %v", c, got)
		}
		escape := fmt.Sprintf("%%%02X", i)
		if refused := i < ' ' || i == 0x7f || strings.Contains(`/\;`, c); compiles("/a"+escape) == refused {
			t.Errorf("escape %s: refused %v", escape, refused)
			continue
		} else if refused {
			continue
		}
		plain := strings.Contains(letters+digits+"-._~", c)
		p := compile(t, rules(anyone("r", "/a"+strings.ToLower(escape))))
		for path, want := range map[string]bool{"/a" + c: plain, "/a" + escape: !plain} {
			if got := p.Evaluate(request(path, object{})).Outcome == policy.Allowed; got != want {
				t.Errorf("pattern /a%s and path %q: %v", escape, path, got)
			}
		}
	}
	for pattern, good := range map[string]bool{
		strings.Repeat("/a", 32): true, strings.Repeat("/a", 33): false, "/{" + strings.Repeat("a", 64) + "}": true, "/{" + strings.Repeat("a", 65) + "}": false,
		"/" + strings.Repeat("a", 1023): true, "/" + strings.Repeat("a", 1024): false, "": false, "a": false, "/{}": false,
	} {
		if got := compiles(pattern); got != good {
			t.Errorf("a pattern of %d bytes, %.8q: %v", len(pattern), pattern, got)
		}
	}
}

// TestP1EveryByteOfARequestPath holds which bytes of a path no allow may rest on,
// as sent and as it is read.
func TestP1EveryByteOfARequestPath(t *testing.T) {
	p := compile(t, rules(anyone("all", "/**")))
	for i := range 256 {
		c := string([]byte{byte(i)})
		control := i < ' ' || i == 0x7f || c == `\`
		sent := request("/x"+c+"y", object{})
		sent.LenientPath = "/xy"
		read := request("/xy", object{})
		read.LenientPath = "/x" + c + "y"
		for name, row := range map[string]struct {
			in  *policy.Input
			odd bool
		}{"sent": {sent, control || strings.Contains(" #?", c) || i >= 0x80}, "read": {read, control}} {
			if got := p.Evaluate(row.in).Outcome; (got == policy.Allowed) == row.odd {
				t.Errorf("%q as %s: %v", c, name, got)
			}
		}
	}
	for path, odd := range map[string]bool{
		"/.": true, "/..": true, "/x/.": true, "/x/..": true, "/./x": true, "/../x": true, "/x/./y": true, "/x/../y": true,
		"/...": false, "/.x": false, "/x.": false, "/..x": false, "/x..": false, "/x/.y": false, "/a": false, "/ab": false, "/x/a/y": false, "/x/ab/y": false,
		strings.Repeat("/a", 40): false, strings.Repeat("/a", 40) + "/..": true, "": true, "x": true, "*": true,
	} {
		for name, in := range map[string]*policy.Input{"sent": request(path, object{}), "read": request("/x", object{})} {
			if name == "read" && path != "" { // "" stands for the path as sent
				in.LenientPath = path
			}
			want := odd && (name == "sent" || path != "")
			if got := p.Evaluate(in).Outcome; (got == policy.Allowed) == want {
				t.Errorf("%s as %s: %v", path, name, got)
			}
		}
	}
}

// TestP1EveryDigitOfAnEscape holds that two hexadecimal digits make an escape of
// a captured segment, and nothing else does.
func TestP1EveryDigitOfAnEscape(t *testing.T) {
	own := policy.Condition{Claim: claim("sub"), Equals: &policy.Operand{Path: "id"}}
	for i := '!'; i < 0x7f; i++ {
		c := string(i)
		if strings.Contains(`/\#?`, c) {
			continue
		}
		value, err := strconv.ParseUint("6"+c, 16, 8)
		first, second := "%"+c+"1", "%6"+c
		wantSecond := isUnknown
		if err == nil {
			wantSecond = isTrue
		}
		if got := truthOf(t, own, request("/users/a"+second, object{"sub": "a" + string(rune(value))}), "/users/{id}"); got.Truth != wantSecond {
			t.Errorf("%s: %v (%s), want %v", second, got.Truth, got.Why, wantSecond)
		}
		value, err = strconv.ParseUint(c+"1", 16, 8)
		wantFirst := isUnknown
		if err == nil && value >= ' ' && value < 0x80 {
			wantFirst = isTrue
		}
		if err == nil && value < ' ' {
			continue // a control byte, upon which no allow may rest
		}
		if got := truthOf(t, own, request("/users/a"+first, object{"sub": "a" + string(rune(value))}), "/users/{id}"); got.Truth != wantFirst {
			t.Errorf("%s: %v (%s), want %v", first, got.Truth, got.Why, wantFirst)
		}
	}
}
