package token

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestP8TokenLimits holds each limit on a token to the byte: what reaches it
// passes, and what is one beyond it is refused, though its signature is good.
func TestP8TokenLimits(t *testing.T) {
	p := testPairs()
	made := func(header, claims string) string { return sign("RS256", p.rs.private, header, claims) }
	control := p.rs.mint("RS256", nil, goodClaims())
	const head = `{"alg":"RS256","typ":"JWT","kid":"rs"`
	claims := strings.TrimSuffix(goodClaims().json(), "}")
	attacks := make([]attack, 0, 14)
	pair := func(what string, at, beyond string, want error) {
		attacks = append(attacks, attack{what + " at the limit", at, nil}, attack{what + " beyond it", beyond, want})
	}

	// A part of n bytes has 4/3 n characters; what is added last is a multiple of 3.
	headerOf := func(encoded int) string {
		return head + `,"x":"` + strings.Repeat("x", encoded/4*3-len(head)-len(`,"x":""}`)) + `"}`
	}
	pair("header", made(headerOf(MaxHeaderBytes), claims+"}"), made(headerOf(MaxHeaderBytes+4), claims+"}"), ErrTooLarge)

	signature := len(control) - strings.LastIndexByte(control, '.') // and its dot
	payload := MaxTokenBytes - signature - len(base64url([]byte(head+"}"))) - 1
	ofSize := func(encoded int) string {
		return made(head+"}", claims+`,"x":"`+strings.Repeat("x", encoded*3/4-len(claims)-len(`,"x":""}`))+`"}`)
	}
	largest, larger := ofSize(payload), ofSize(payload+2)
	if len(largest) > MaxTokenBytes || len(largest) < MaxTokenBytes-2 || len(larger) <= MaxTokenBytes {
		t.Fatalf("tokens of %d and %d bytes do not try a limit of %d", len(largest), len(larger), MaxTokenBytes)
	}
	pair("token", largest, larger, ErrTooLarge)

	list := func(n int) string { return "[" + strings.Repeat("0,", n-1) + "0]" }
	pair("values in the header", made(head+`,"x":`+list(maxHeaderNodes-5)+"}", claims+"}"), made(head+`,"x":`+list(maxHeaderNodes-4)+"}", claims+"}"), ErrMalformed)
	var members map[string]any
	if err := json.Unmarshal([]byte(claims+"}"), &members); err != nil {
		t.Fatal(err)
	}
	left := maxNodes - len(members) - 2 // the object and the list
	pair("values in the claims", made(head+"}", claims+`,"x":`+list(left)+"}"), made(head+"}", claims+`,"x":`+list(left+1)+"}"), ErrMalformed)
	nest := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	pair("depth", made(head+"}", claims+`,"x":`+nest(MaxDepth-1)+"}"), made(head+"}", claims+`,"x":`+nest(MaxDepth)+"}"), ErrMalformed)
	digits := func(n int) string { return strings.Repeat("9", n) }
	pair("number", made(head+"}", claims+`,"x":`+digits(maxNumberBytes)+"}"), made(head+"}", claims+`,"x":`+digits(maxNumberBytes+1)+"}"), ErrMalformed)

	kid := func(n int) string { return made(`{"alg":"RS256","kid":"`+strings.Repeat("k", n)+`"}`, claims+"}") }
	attacks = append(attacks, attack{"kid at the limit", kid(MaxKIDBytes), ErrKeyUnknown}, attack{"kid beyond it", kid(MaxKIDBytes + 1), ErrMalformed})
	runAttacks(t, control, attacks)
}
