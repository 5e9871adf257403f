package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func tokensPage(accepted func() []Accepted) http.Handler {
	return PageHandler(PageOptions{
		Readiness: readyReadiness(), Started: time.Now(), Summary: func() Summary { return Summary{} }, Accepted: accepted,
	})
}

func TestTokensPage(t *testing.T) {
	w := call(tokensPage(func() []Accepted { return []Accepted{{"acme", "auth0", 12}, {"_other", "keycloak", 3}} }), "/tokens", nil)
	want := "ISSUER    TENANT  REQUESTS\nauth0     acme    12\nkeycloak  _other  3\n"
	if w.Code != http.StatusOK || !strings.HasSuffix(w.Body.String(), want) {
		t.Errorf("%d\n%s", w.Code, w.Body)
	}
	if w := call(tokensPage(nil), "/tokens", nil); w.Code != http.StatusOK || !strings.HasSuffix(w.Body.String(), "REQUESTS\n") {
		t.Errorf("without any: %d\n%s", w.Code, w.Body)
	}
}
