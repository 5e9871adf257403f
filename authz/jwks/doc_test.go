package jwks

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestP3DocumentedDefaultsAreThoseOfTheCode reads the contract in the package
// comment.
func TestP3DocumentedDefaultsAreThoseOfTheCode(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	spec := reflect.ValueOf(SourceSpec{}.withDefaults())
	rows := regexp.MustCompile(`(?m)^//\t([A-Z]\w+) +([0-9a-z]+) `).FindAllStringSubmatch(string(text), -1)
	durations := 0
	for _, field := range reflect.VisibleFields(spec.Type()) {
		if field.Type == reflect.TypeFor[time.Duration]() {
			durations++
		}
	}
	if len(rows) != durations {
		t.Errorf("%d timings are documented, there are %d", len(rows), durations)
	}
	for _, row := range rows {
		if field := spec.FieldByName(row[1]); !field.IsValid() || fmt.Sprint(field) != row[2] {
			t.Errorf("%s is documented as %s", row[1], row[2])
		}
	}
	flowed := strings.ReplaceAll(string(text), "\n// ", " ")
	for _, want := range []string{
		fmt.Sprintf("down to %s and never", minRefresh),
		fmt.Sprintf("No more than %d requests of a source wait, each with %s of its", maxWaiting, replyMargin),
		fmt.Sprintf("no more than %d of all sources, but for the first of each, of which %d more may", maxWaitingTotal, maxWaitingFirst),
		fmt.Sprintf("Up to %d such kids are kept in mind", maxAbsent),
		fmt.Sprintf("share %d a second", askedPerSecond),
		fmt.Sprintf("takes more than %s leaves its place", lateAfter),
		fmt.Sprintf("%d %% more or less", int(jitterShare*100)),
		fmt.Sprintf("from %s on", firstBackoff),
		fmt.Sprintf("up to %s.", maxRetryAfter),
		fmt.Sprintf("more than %d keys or %d KiB", maxKeys, maxBodyBytes>>10),
		fmt.Sprintf("failed or took %s;", restoreWait),
	} {
		if !strings.Contains(flowed, want) {
			t.Errorf("the package comment does not say %q", want)
		}
	}
	if originPart != 8 || latePart != 4 || futureSlack != 5*time.Minute {
		t.Error("a part of the pool, or the slack of clocks, is not what is documented")
	}
}
