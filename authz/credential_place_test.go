package authz

import (
	"slices"
	"strings"
	"testing"
)

// everywhere is an issuer whose tokens may stand in every kind of place.
func everywhere() *Issuer {
	return &Issuer{credentials: []CredentialSpec{
		{Header: "authorization", Prefix: "Bearer"}, {Header: "authorization", Prefix: "Token"},
		{Header: "x-access-token"}, {Cookie: "session"}, {Param: "access_token"},
	}}
}

func lines(pairs ...string) []Header {
	var all []Header
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, Header{Name: pairs[i], Value: pairs[i+1]})
	}
	return all
}

func TestCredentialPlaces(t *testing.T) {
	const jwt = "eyJh.eyJz.c2ln"
	bearer := lines("authorization", "Bearer "+jwt)
	cookie := func(values ...string) (all []Header) {
		for _, value := range values {
			all = append(all, Header{Name: "cookie", Value: value})
		}
		return all
	}
	tests := []struct {
		name   string
		lines  []Header
		query  string
		place  string // of the token
		reason Reason // where there is none
	}{
		{"header", bearer, "", "authorization", 0},
		{"another scheme of ours", lines("authorization", "token "+jwt), "", "authorization", 0},
		{"bare header", lines("x-access-token", jwt), "", "x-access-token", 0},
		{"cookie", cookie("a=1; session=" + jwt + "; b=2"), "", "session", 0},
		{"cookie alone", cookie("session=" + jwt), "", "session", 0},
		{"cookie without a space", cookie("a=1;session=" + jwt + ";b"), "", "session", 0},
		{"cookie on a line of its own", cookie("a=1", "session="+jwt), "", "session", 0},
		{"parameter", nil, "a=1&access_token=" + jwt, "access_token", 0},
		{"parameter between others", nil, "&access_token=" + jwt + "&a", "access_token", 0},
		{"foreign scheme beside", append(lines("authorization", "Basic dTpw"), cookie("session="+jwt)...), "", "session", 0},
		{"other cookies", cookie("a=1; xsession=" + jwt + "; sessionx=1; Session=2"), "", "", NoToken},
		{"cookie on a line of another name", lines("x-cookie", "session="+jwt, "set-cookie", "session="+jwt), "", "", NoToken},
		{"other parameters", nil, "access_tokens=" + jwt + "&x=access_token", "", NoToken},
		{"nothing", nil, "", "", NoToken},

		{"header and cookie", append(slices.Clone(bearer), cookie("session="+jwt)...), "", "", SeveralTokens},
		{"header and empty cookie", append(slices.Clone(bearer), cookie("session=")...), "", "", SeveralTokens},
		{"header and parameter", bearer, "access_token=" + jwt, "", SeveralTokens},
		{"two headers", append(slices.Clone(bearer), lines("x-access-token", jwt)...), "", "", SeveralTokens},
		{"cookie and parameter", cookie("session=" + jwt), "access_token=" + jwt, "", SeveralTokens},
		{"cookie twice", cookie("session=" + jwt + "; session=" + jwt), "", "", SeveralTokens},
		{"cookie on two lines", cookie("session="+jwt, "session="+jwt), "", "", SeveralTokens},
		{"cookie twice, one empty", cookie("session=; session=" + jwt), "", "", SeveralTokens},
		{"cookie lines joined", cookie("session=" + jwt + ",session=" + jwt), "", "", SeveralTokens},
		{"cookie after a comma", cookie("a=1,session=" + jwt), "", "", SeveralTokens},
		{"cookie after a leading comma", cookie(",session=" + jwt), "", "", SeveralTokens},
		{"bare header after a comma", lines("x-access-token", ","+jwt), "", "", SeveralTokens},
		{"cookie before a comma", cookie("session=" + jwt + ",b=2"), "", "", SeveralTokens},
		{"parameter twice", nil, "access_token=" + jwt + "&access_token=" + jwt, "", SeveralTokens},
		{"parameter twice, one empty", nil, "access_token&access_token=" + jwt, "", SeveralTokens},
		{"bare header twice", lines("x-access-token", jwt, "x-access-token", jwt), "", "", SeveralTokens},

		{"empty cookie", cookie("session="), "", "", TokenMalformed},
		{"cookie without a value", cookie("session"), "", "", TokenMalformed},
		{"quoted cookie", cookie(`session="` + jwt + `"`), "", "", TokenMalformed},
		{"empty parameter", nil, "access_token=", "", TokenMalformed},
		{"escaped parameter", nil, "access_token=eyJh%2eeyJz.c2ln", "", TokenMalformed},
		{"parameter with a fragment", nil, "access_token=" + jwt + "#x", "", TokenMalformed},
		{"scheme in the bare header", lines("x-access-token", "Bearer "+jwt), "", "", TokenMalformed},
		{"empty bare header", lines("x-access-token", ""), "", "", TokenMalformed},

		{"escaped name", nil, "access%5ftoken=" + jwt, "", RequestInvalid},
		{"escaped name beside", bearer, "access%5Ftoken=" + jwt, "", RequestInvalid},
	}
	places := newCredentials(everywhere())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, joined := range []bool{false, true} {
				req := &Request{Headers: Headers{Lines: tt.lines, Joined: joined}, Query: tt.query}
				found, reason, ok := readSound(places, req)
				if reason != tt.reason || ok != (tt.place != "") {
					t.Fatalf("joined %v: %q, %v, %v, want %v", joined, found.raw, reason, ok, tt.reason)
				}
				if ok && (found.raw != jwt || found.place.Header+found.place.Cookie+found.place.Param != tt.place) {
					t.Errorf("joined %v: %q in %+v, want it in %s", joined, found.raw, *found.place, tt.place)
				}
			}
		})
	}
}

func TestSoundQuery(t *testing.T) {
	places := newCredentials(everywhere())
	for query, want := range map[string]bool{
		"": true, "a=1": true, "access_token=x": true, "a=access_token": true, "access_tokens=1": true, "a=1&b=%41": true, "xaccess_token": true,
		"accessXtoken=x": true, "bccess_token=x": true, "access_tokeo=x": true, "%zzaccess_token=x": true, "%access_token=x": true, "access_token%0=x": true,
		"access%2525255ftoken=x": true, // decoded more often than any reader does
		"access%5ftoken=x":       false, "%61ccess_token=x": false, "access%255ftoken=x": false, "access%25255ftoken=x": false,
		"Access_Token=x": false, "access_token[]=x": false, "access_token[a]=x": false, "access_token%5B%5D=x": false,
		"access.token=x": false, "access+token=x": false, "access%20token=x": false, "+access_token=x": false, "access_token+=x": false,
		"access_token%00=x": false, "a;access_token=x": false, "a=1;access_token=x": false, "a=1;access%5ftoken=x": false,
	} {
		if got := places.soundQuery(query); got != want {
			t.Errorf("%q: %v", query, got)
		}
	}
	if !newCredentials(&Issuer{}).soundQuery("access%5ftoken=x") {
		t.Error("a query is judged where no parameter is read")
	}
}

func TestCheckCredentials(t *testing.T) {
	many := make([]CredentialSpec, maxCredentialPlaces+1)
	for i := range many {
		many[i] = CredentialSpec{Cookie: strings.Repeat("a", i+1)}
	}
	longest, dashes := strings.Repeat("a", maxCredentialName), "a"+strings.Repeat("-a", maxHeaderNameDashes)
	tests := []struct {
		name  string
		specs []CredentialSpec
		says  string // "" for no problem
	}{
		{"all kinds", everywhere().credentials, ""},
		{"none", nil, ""},
		{"oauth2-proxy", []CredentialSpec{{Header: "x-forwarded-access-token"}}, ""},
		{"nothing", []CredentialSpec{{}}, "exactly one"},
		{"two kinds", []CredentialSpec{{Header: "a", Cookie: "b"}}, "exactly one"},
		{"prefix of a cookie", []CredentialSpec{{Cookie: "a", Prefix: "Bearer"}}, "prefix"},
		{"upper case", []CredentialSpec{{Header: "Authorization"}}, "lower-case"},
		{"no name", []CredentialSpec{{Header: "a b"}}, "lower-case"},
		{"underscore", []CredentialSpec{{Header: "x_token"}}, "lower-case"},
		{"pseudo header", []CredentialSpec{{Header: ":path"}}, "lower-case"},
		{"cookie as a header", []CredentialSpec{{Header: "cookie"}}, "belongs to the proxy"},
		{"host", []CredentialSpec{{Header: "host"}}, "belongs to the proxy"},
		{"connection", []CredentialSpec{{Header: "connection"}}, "belongs to the proxy"},
		{"prefix with a space", []CredentialSpec{{Header: "authorization", Prefix: "Bearer "}}, "scheme"},
		{"odd cookie", []CredentialSpec{{Cookie: "a;b"}}, "cookie"},
		{"odd parameter", []CredentialSpec{{Param: "a.b"}}, "parameter"},
		{"escaped parameter", []CredentialSpec{{Param: "a%20b"}}, "parameter"},
		{"twice", []CredentialSpec{{Header: "authorization", Prefix: "Bearer"}, {Header: "authorization", Prefix: "bearer"}}, "twice"},
		{"too many", many, "more than"},
		{"as many as may be", many[1:], ""},
		{"longest cookie", []CredentialSpec{{Cookie: longest}}, ""},
		{"longer cookie", []CredentialSpec{{Cookie: longest + "a"}}, "at most 64"},
		{"longest parameter", []CredentialSpec{{Param: longest}}, ""},
		{"longer parameter", []CredentialSpec{{Param: longest + "a"}}, "1 to 64"},
		{"longest header", []CredentialSpec{{Header: longest}}, ""},
		{"longer header", []CredentialSpec{{Header: longest + "a"}}, "at most 64"},
		{"most dashes", []CredentialSpec{{Header: dashes}}, ""},
		{"more dashes", []CredentialSpec{{Header: dashes + "-a"}}, "6 dashes"},
		{"longest prefix", []CredentialSpec{{Header: "x-a", Prefix: longest}}, ""},
		{"longer prefix", []CredentialSpec{{Header: "x-a", Prefix: longest + "a"}}, "scheme"},
		{"headers of one scheme", []CredentialSpec{{Header: "x-a", Prefix: "Bearer"}, {Header: "x-b", Prefix: "Bearer"}}, ""},
	}
	for _, tt := range tests {
		var found problems
		found.checkCredentials(tt.specs)
		switch {
		case tt.says == "" && len(found.list) > 0:
			t.Errorf("%s: %v", tt.name, found.list)
		case tt.says != "" && (len(found.list) != 1 || !strings.Contains(found.list[0].Error(), tt.says)):
			t.Errorf("%s: %v, want one that says %q", tt.name, found.list, tt.says)
		}
	}
}

func TestReadingCredentialsCostsNothing(t *testing.T) {
	places := newCredentials(everywhere())
	req := &Request{Headers: Headers{Lines: lines("accept", "*/*", "cookie", "a=1; session=eyJh.eyJz.c2ln; b=2")}, Query: "a=1&b=2"}
	var sees survey
	if got := testing.AllocsPerRun(100, func() { _, _, _ = places.read(req, &sees) }); got != 0 {
		t.Errorf("reading a credential allocates %v times", got)
	}
}

// FuzzCredential holds that a token which is found is the only one, that it has
// the alphabet of tokens, and that what a naive reader finds is found here too.
func FuzzCredential(f *testing.F) {
	const jwt = "eyJh.eyJz.c2ln"
	f.Add("Bearer "+jwt, "", "", "", false)
	f.Add("", "a=1; session="+jwt, "", "", true)
	f.Add("", "session="+jwt+",session=x", "", "access_token="+jwt, true)
	f.Add("Basic x", "", jwt, "access%5ftoken=x", false)
	places := newCredentials(everywhere())
	f.Fuzz(func(t *testing.T, authorization, cookie, bare, query string, joined bool) {
		req := &Request{Query: query, Headers: Headers{Joined: joined}}
		for name, value := range map[string]string{"authorization": authorization, "cookie": cookie, "x-access-token": bare} {
			if value != "" {
				req.Headers.Lines = append(req.Headers.Lines, Header{Name: name, Value: value})
			}
		}
		found, reason, ok := readSound(places, req)
		if !ok {
			if found.raw != "" || reason.Verdict() == Allow || reason == Internal {
				t.Fatalf("no token, yet %q (%v)", found.raw, reason)
			}
			return
		}
		if !isToken68(found.raw) || found.raw == "" || found.place == nil || !places.present(req) {
			t.Fatalf("%q in %+v", found.raw, found.place)
		}
		inQuery := strings.HasPrefix(query, "access_token=") || strings.Contains(query, "&access_token=")
		inCookie := strings.HasPrefix(cookie, "session=") || strings.Contains(cookie, ";session=") || strings.Contains(cookie, "; session=")
		inHeader := strings.HasPrefix(strings.ToLower(authorization), "bearer ")
		count := 0
		for _, seen := range []bool{inQuery, inCookie, inHeader, bare != ""} {
			if seen {
				count++
			}
		}
		if count > 1 {
			t.Fatalf("%q is chosen among %d", found.raw, count)
		}
	})
}
