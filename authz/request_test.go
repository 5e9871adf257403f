package authz

import "testing"

// TestHeadersWithTwoReadingsAreAmbiguous holds that a policy is not shown a
// value of which Envoy's map encoding hides something: a comma may join two
// headers, and `!` stands for each byte that is no UTF-8.
func TestHeadersWithTwoReadingsAreAmbiguous(t *testing.T) {
	for _, value := range []string{"eu,us", "eu!", "!"} {
		for _, joined := range []bool{false, true} {
			view := headerView{headers: &Headers{Lines: []Header{{Name: "x-region", Value: value}}, Joined: joined}}
			if got, count := view.Header("x-region"); got != value || (count > 1) != joined {
				t.Errorf("%q, joined %v: %q, %d times", value, joined, got, count)
			}
		}
	}
	plain := headerView{headers: &Headers{Lines: []Header{{Name: "x-region", Value: "eu"}}, Joined: true}}
	if got, count := plain.Header("x-region"); got != "eu" || count != 1 {
		t.Errorf("control: %q, %d times", got, count)
	}
}
