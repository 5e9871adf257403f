package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// forgedHeaderAttacks have claims whose values no header may hold.
func (a *arena) forgedHeaderAttacks() []attack {
	var all []attack
	at := func(id, name, raw string) {
		x := claim("header-"+id, "header_value_refused", "policy: headers", name, raw).status403()
		all = append(all, x)
	}
	at("plan-newline", "plan", `"gold\r\nx-user-id: root"`)
	at("plan-nul", "plan", `"gold\u0000"`)
	at("plan-unicode", "plan", `"g\u00f6ld"`)
	at("plan-del", "plan", `"gold\u007f"`)
	at("plan-list", "plan", `["gold"]`)
	at("plan-object", "plan", `{"gold":1}`)
	at("plan-large", "plan", quoted(strings.Repeat("x", 1025)))
	at("roles-object", "roles", `{"admin":true}`)
	at("roles-nested", "roles", `[["admin"]]`)
	at("roles-large", "roles", `["`+strings.Repeat("x", 1025)+`"]`)
	at("roles-many", "roles", `["`+strings.Repeat(`aaaa","`, 300)+`a"]`)
	at("roles-encoded-large", "roles", `["`+strings.Repeat(`\u0000`, 400)+`"]`)
	return all
}

// spoof is one attempt to smuggle an identity past an allow.
type spoof struct {
	id, path string
	method   string
	bare     bool // without a token
	claims   object
	headers  []pair
	want     map[string][]string // owned headers that arrive; nil: alice alone
}

func (a *arena) spoofs() []spoof {
	alice := map[string][]string{"x-user-id": {"alice"}}
	var all []spoof
	for id, headers := range map[string][]pair{
		"plain": {{"x-user-id", "root"}}, "twice": {{"x-user-id", "root"}, {"x-user-id", "eve"}}, "underscores": {{"x_user_id", "root"}}, "half": {{"x-user_id", "root"}}, "other-half": {{"x_user-id", "root"}},
		"all-spellings": {{"x-user-id", "1"}, {"x_user_id", "2"}, {"x-user_id", "3"}, {"x_user-id", "4"}}, "twice-underscores": {{"x_user_id", "1"}, {"x_user_id", "2"}}, "empty": {{"x-user-id", ""}}, "dots": {{"x.user.id", "root"}}, "other-signs": {{"x+user~id", "1"}, {"x!user'id", "2"}, {"x-user|id", "3"}, {"x^user`id", "4"}, {"x*user#id", "5"}, {"x$user%id", "6"}, {"x&user-id", "7"}},
		"list": {{"x-user-id", "alice,root"}}, "long": {{"x-user-id", strings.Repeat("r", 2000)}}, "bytes": {{"x-user-id", "\xff\xfe"}}, "absent-claims": {{"x-roles", "admin"}, {"x-plan", "gold"}, {"x-long", "x"}, {"x-spare", "1"}},
		"absent-underscores": {{"x_roles", "admin"}, {"x_plan", "gold"}, {"x_long", "x"}, {"x_spare", "1"}}, "failure-mode": {{"x-envoy-auth-failure-mode-allowed", "true"}}, "partial-body": {{"x-envoy-auth-partial-body", "false"}},
		"empty-spare": {{"x-spare", ""}}, "many": slices.Repeat([]pair{{"x-roles", "admin"}}, 20),
	} {
		all = append(all, spoof{id: "token-" + id, path: "/any/x", headers: headers, want: alice}, spoof{id: "open-" + id, path: "/open/x", bare: true, headers: headers},
			spoof{id: "open-with-token-" + id, path: "/open/x", headers: headers}, spoof{id: "maybe-none-" + id, path: "/maybe", bare: true, headers: headers}, spoof{id: "maybe-" + id, path: "/maybe", headers: headers, want: alice},
			spoof{id: "preflight-" + id, path: "/any/x", method: http.MethodOptions, bare: true, headers: append([]pair{{"origin", "https://app"}, {"access-control-request-method", "GET"}}, headers...)})
	}
	claims := []pair{{"x-roles", "admin"}, {"x_roles", "admin"}, {"x-user-id", "root"}, {"x-plan", "gold"}, {"x-long", "x"}}
	for id, c := range map[string]struct {
		claim, raw string
		name, want string // "" where the header must not be there
	}{
		"roles-null": {"roles", "null", "x-roles", ""}, "roles-empty": {"roles", "[]", "x-roles", ""}, "roles-blank": {"roles", `""`, "x-roles", ""}, "roles-comma": {"roles", `["a,admin"]`, "x-roles", "a%2Cadmin"},
		"roles-escape": {"roles", `["a%2Cadmin"]`, "x-roles", "a%252Cadmin"}, "roles-newline": {"roles", `["a\r\nx-user-id: root"]`, "x-roles", "a%0D%0Ax-user-id: root"}, "roles-unicode": {"roles", `["\u00e9"]`, "x-roles", "%C3%A9"},
		"roles-nul": {"roles", `["a\u0000"]`, "x-roles", "a%00"}, "roles-del": {"roles", `["\u007f"]`, "x-roles", "%7F"}, "roles-one": {"roles", `"a,b"`, "x-roles", "a%2Cb"}, "plan-null": {"plan", "null", "x-plan", ""}, "plan-blank": {"plan", `""`, "x-plan", ""},
		"long-omitted": {"long", quoted(strings.Repeat("x", 1025)), "x-long", ""}, "upper-claim": {"Roles", `["admin"]`, "x-roles", ""}, "dotted-claim": {"x-roles", `["admin"]`, "x-roles", ""},
	} {
		want := map[string][]string{"x-user-id": {"alice"}}
		if c.want != "" {
			want[c.name] = []string{c.want}
		}
		all = append(all, spoof{id: "claim-" + id, path: "/any/x", claims: object{{c.claim, c.raw}}, headers: claims, want: want})
	}
	return all
}

func (a *arena) wireOf(s *spoof) wire {
	f := a.token("cors", s.id)
	for _, m := range s.claims {
		f.claims.set(m.name, m.raw)
	}
	w := wire{method: s.method, path: s.path, host: "cors.test", token: f.String(), headers: slices.Clone(s.headers)}
	if w.method == "" {
		w.method = http.MethodGet
	}
	if !s.bare {
		w.authorize("Bearer " + w.token)
	}
	return w
}

// ownedHere are all spellings of what only claimgate may say to an upstream.
func ownedHere() []string {
	names := []string{"x-envoy-auth-failure-mode-allowed", "x-envoy-auth-partial-body"}
	for _, name := range []string{"x-user-id", "x-roles", "x-plan", "x-long", "x-spare"} {
		names = append(names, name, strings.ReplaceAll(name, "-", "_"))
	}
	return append(names, "x-user_id", "x_user-id", "x.user.id", "x+user~id", "x!user'id", "x-user|id", "x^user`id", "x*user#id", "x$user%id", "x&user-id", "authorization")
}

// TestP5AttackInProcess does to the request what the answer tells Envoy to do,
// and looks at what would arrive.
func TestP5AttackInProcess(t *testing.T) {
	a := attacked(t)
	for _, s := range a.spoofs() {
		t.Run(s.id, func(t *testing.T) {
			w := a.wireOf(&s)
			for _, raw := range []bool{false, true, true} {
				got := a.ask(t, &rpc{CheckRequest: w.check(raw)})
				if !got.allowed {
					t.Fatalf("got %d %s, want an allow: the attack proves nothing", got.status, got.reason)
				}
				arrived := w.headersAfter(t, got.message.GetOkResponse().GetHeaders(), got.message.GetOkResponse().GetHeadersToRemove())
				for _, name := range ownedHere() {
					if !slices.Equal(arrived[name], s.want[name]) {
						t.Errorf("raw headers: %v: %s arrives as %q, want %q", raw, name, arrived[name], s.want[name])
					}
				}
			}
		})
	}
}

// headersAfter applies the changes as Envoy does: set first, then remove.
func (w *wire) headersAfter(t *testing.T, set []*corev3.HeaderValueOption, remove []string) map[string][]string {
	t.Helper()
	arrived := map[string][]string{}
	for _, p := range w.headers {
		arrived[p.name] = append(arrived[p.name], p.value)
	}
	for _, option := range set {
		name := option.GetHeader().GetKey()
		//nolint:staticcheck // released Envoys read the deprecated field, other callers the new one
		if option.GetAppend() == nil || option.GetAppend().GetValue() || option.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			t.Errorf("%s is not set but appended, for some reader", name)
		}
		if name != strings.ToLower(name) || len(option.GetHeader().GetRawValue()) > 0 || strings.ContainsAny(option.GetHeader().GetValue(), "\r\n\x00") {
			t.Errorf("%q is set to %q", name, option.GetHeader().GetValue())
		}
		arrived[name] = []string{option.GetHeader().GetValue()}
	}
	for _, name := range remove {
		delete(arrived, name)
	}
	return arrived
}

// TestP5AttackThroughEnvoy holds what the upstream really sees.
func TestP5AttackThroughEnvoy(t *testing.T) {
	w, a := the(t), attacked(t)
	for _, s := range a.spoofs() {
		t.Run(s.id, func(t *testing.T) {
			r := a.wireOf(&s)
			for _, listener := range []string{viaAttackMap, viaAttackOpen} {
				got := w.through(t, listener, &r, false)
				if got.status != http.StatusOK || got.seen == nil {
					t.Fatalf("%s: got %d %s, want an allow: the attack proves nothing", listener, got.status, got.reason)
				}
				for _, name := range ownedHere() {
					if saw := got.saw(name); !slices.Equal(saw, s.want[name]) {
						t.Errorf("%s: the upstream saw %s: %q, want %q", listener, name, saw, s.want[name])
					}
				}
			}
		})
	}
}
