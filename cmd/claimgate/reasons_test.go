package main

import (
	"strings"
	"testing"

	"github.com/claimgate/claimgate/authz"
)

func TestEveryReasonIsExplained(t *testing.T) {
	page, seen := reasonsPage(), map[string]authz.Reason{}
	for _, reason := range authz.Reasons() {
		text := meaning(reason)
		if text == "" || !strings.Contains(page, "\n"+reason.String()+" (") || !strings.Contains(page, text) {
			t.Errorf("%s is not explained: %q", reason, text)
		}
		if other, ok := seen[text]; ok {
			t.Errorf("%s and %s are explained alike", reason, other)
		}
		seen[text] = reason
	}
}
