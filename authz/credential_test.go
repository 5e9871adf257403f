package authz

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz/token"
)

func TestCredential(t *testing.T) {
	const jwt = "eyJh.eyJz.c2ln"
	tooLong := strings.Repeat("a", token.MaxTokenBytes+1)
	tests := []struct {
		name   string
		values []string
		want   string // the token
		reason Reason // where there is none
	}{
		{"one", []string{"Bearer " + jwt}, jwt, 0},
		{"scheme without case", []string{"bEARER " + jwt}, jwt, 0},
		{"several spaces", []string{"Bearer   " + jwt}, jwt, 0},
		{"longest", []string{"Bearer " + tooLong[1:]}, tooLong[1:], 0},

		{"none", nil, "", NoToken},
		{"basic", []string{"Basic dTpw"}, "", NoToken},
		{"dpop", []string{"DPoP " + jwt}, "", NoToken},
		{"longer word", []string{"BearerX " + jwt}, "", NoToken},
		{"shorter word", []string{"Beare"}, "", NoToken},
		{"no scheme", []string{jwt}, "", NoToken},

		{"two lines", []string{"Bearer a", "Bearer b"}, "", SeveralTokens},
		{"two equal lines", []string{"Bearer a", "Bearer a"}, "", SeveralTokens},
		{"another scheme beside", []string{"Basic dTpw", "Bearer a"}, "", SeveralTokens},
		{"one of two empty", []string{"", "Bearer a"}, "", SeveralTokens},
		{"joined", []string{"Bearer a,Bearer b"}, "", SeveralTokens},
		{"trailing comma", []string{"Bearer a,"}, "", SeveralTokens},

		{"empty", []string{""}, "", TokenMalformed},
		{"scheme alone", []string{"Bearer"}, "", TokenMalformed},
		{"scheme and space", []string{"Bearer "}, "", TokenMalformed},
		{"leading space", []string{" Bearer " + jwt}, "", TokenMalformed},
		{"trailing space", []string{"Bearer " + jwt + " "}, "", TokenMalformed},
		{"slash between", []string{"Bearer/" + jwt}, "", TokenMalformed},
		{"equals sign between", []string{"Bearer=" + jwt}, "", TokenMalformed},
		{"tab between", []string{"Bearer\t" + jwt}, "", TokenMalformed},
		{"tab after space", []string{"Bearer \t" + jwt}, "", TokenMalformed},
		{"trailing tab", []string{"Bearer " + jwt + "\t"}, "", TokenMalformed},
		{"no-break space", []string{"Bearer\u00a0" + jwt}, "", TokenMalformed},
		{"scheme twice", []string{"Bearer Bearer " + jwt}, "", TokenMalformed},
		{"quoted", []string{`Bearer "` + jwt + `"`}, "", TokenMalformed},
		{"NUL", []string{"Bearer " + jwt + "\x00"}, "", TokenMalformed},
		{"non-ASCII", []string{"Bearer é"}, "", TokenMalformed},
		{"too long", []string{"Bearer " + tooLong}, "", TokenTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, joined := range []bool{false, true} {
				headers := Headers{Lines: []Header{{Name: "accept", Value: "*/*"}}, Joined: joined}
				for _, value := range tt.values {
					headers.Lines = append(headers.Lines, Header{Name: "authorization", Value: value})
				}
				found, reason, ok := readSound(newCredentials(&Issuer{}), &Request{Headers: headers})
				if got := found.raw; got != tt.want || reason != tt.reason || ok != (tt.want != "") {
					t.Errorf("joined %v: credential = %.40q, %v, %v, want %.40q, %v", joined, got, reason, ok, tt.want, tt.reason)
				}
			}
		})
	}
}

func TestHeadersGet(t *testing.T) {
	lines := []Header{{"a", "1"}, {"b", "2"}, {"b", "3"}, {"c", "4,5"}, {"d", ""}, {"f", ",6"}, {"g", "7,"}}
	tests := []struct {
		name, value   string
		count, joined int
	}{
		{"a", "1", 1, 1}, {"b", "2", 2, 2}, {"c", "4,5", 1, 2}, {"d", "", 1, 1}, {"f", ",6", 1, 2}, {"g", "7,", 1, 2}, {"e", "", 0, 0}, {"A", "", 0, 0},
	}
	for _, tt := range tests {
		plain, joined := Headers{Lines: lines}, Headers{Lines: lines, Joined: true}
		if value, count := plain.Get(tt.name); value != tt.value || count != tt.count {
			t.Errorf("Get(%q) = %q, %d, want %q, %d", tt.name, value, count, tt.value, tt.count)
		}
		if value, count := joined.Get(tt.name); value != tt.value || count != tt.joined {
			t.Errorf("joined Get(%q) = %q, %d, want %q, %d", tt.name, value, count, tt.value, tt.joined)
		}
	}
}

func TestReasonTable(t *testing.T) {
	names := map[string]bool{}
	for _, reason := range Reasons() {
		name := reason.String()
		if name == "" || names[name] {
			t.Errorf("reason %d: name %q is empty or taken", reason, name)
		}
		names[name] = true
	}
	for reason, want := range map[Reason]Verdict{
		Internal: Deny, Allowed: Allow, PublicRoute: Allow, PreflightPassed: Allow,
		NoToken: Challenge, PlaceUnknown: Challenge, BindingUnproved: Challenge,
		ScopeMissing: Deny, HeaderValueRefused: Deny, PathNotCanonical: Deny, RequestInvalid: Deny,
		KeysUnavailable: Unavailable, TenantUnavailable: Unavailable, DeadlineExceeded: Unavailable,
		reasonCount: Deny, 255: Deny,
	} {
		if got := reason.Verdict(); got != want {
			t.Errorf("%v: verdict %v, want %v", reason, got, want)
		}
	}
}

func TestReasonOf(t *testing.T) {
	tests := []struct {
		err  error
		want Reason
	}{
		{token.ErrMalformed, TokenMalformed}, {token.ErrTooLarge, TokenTooLarge}, {token.ErrType, TokenType},
		{token.ErrAlgorithm, AlgorithmRefused}, {token.ErrIssuerUnknown, IssuerUnknown}, {token.ErrKeyUnknown, KeyUnknown},
		{token.ErrSignature, SignatureInvalid}, {token.ErrAudience, AudienceRefused}, {token.ErrExpired, Expired},
		{token.ErrNotYetValid, NotYetValid}, {token.ErrTooOld, TooOld}, {token.ErrClaimsInvalid, ClaimsInvalid},
		{token.ErrBindingUnproved, BindingUnproved}, {token.ErrKeysUnavailable, KeysUnavailable},
		{token.ErrKeysPending, KeysPending}, {token.ErrDeadline, DeadlineExceeded}, {token.ErrOverloaded, Overloaded},
		{fmt.Errorf("issuer: %w", token.ErrExpired), Expired},
		{errors.New("something else"), Internal},
	}
	for _, tt := range tests {
		if got := reasonOf(tt.err); got != tt.want {
			t.Errorf("reasonOf(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

// readSound reads the token as authenticate does that of a request that no
// verifier accepts.
func readSound(places *credentials, req *Request) (bearer, Reason, bool) {
	var sees survey
	newRemoval(nil, ProxySpec{}).survey(&req.Headers, &sees)
	found, reason, ok := places.read(req, &sees)
	if ok && (found.joined() || !isToken68(found.raw)) {
		return bearer{}, new(judgement).refuseToken(&found, token.ErrMalformed), false
	}
	return found, reason, ok
}
