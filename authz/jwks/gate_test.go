package jwks

import (
	"strconv"
	"testing"
	"time"
)

func TestGateWindows(t *testing.T) {
	g := gate{cooldown: 10 * time.Second}
	if g.cooling(epoch) || g.final(epoch) {
		t.Error("a fresh gate is closed or final")
	}
	g.lastAsked, g.lastGood = epoch, epoch
	for after, want := range map[time.Duration]bool{0: true, 10*time.Second - 1: true, 10 * time.Second: false} {
		if g.cooling(epoch.Add(after)) != want || g.final(epoch.Add(after)) != want {
			t.Errorf("after %v: want %v", after, want)
		}
	}
}

func TestAbsentKIDs(t *testing.T) {
	var a absentKIDs
	until := epoch.Add(10 * time.Second)
	for n := range 2 * maxAbsent {
		a.add(strconv.Itoa(n), epoch, until)
	}
	if len(a.until) != maxAbsent {
		t.Fatalf("%d kids", len(a.until))
	}
	if !a.has("0", epoch) || a.has("0", until) || a.has(strconv.Itoa(maxAbsent), epoch) {
		t.Error("kids end too late, too early, or the last ones pushed out others")
	}
	a.add("late", until, until.Add(time.Second))
	if len(a.until) != 1 || !a.has("late", until) {
		t.Errorf("%d kids after the others ended", len(a.until))
	}
	a.clear()
	if a.has("late", until) {
		t.Error("clear keeps kids")
	}
}
