package live

import (
	"crypto/sha256"
	"slices"

	"go.uber.org/zap"
)

// maxLines bounds the lines of one reload in the log; the page tells the rest.
const maxLines = 100

// report tells the log what changed, and everybody who asks how things are.
func (c *Configuration) report(before *world, found finding, result Result) {
	now := c.opts.Now()
	switch result {
	case Started:
		c.history.lastSuccess = now
	case Applied:
		c.history.lastSuccess = now
		c.history.results[result]++
	default:
		c.history.results[result]++
	}
	c.waiting = confirmation{cut: c.cuts(), gone: map[string]bool{}}
	status := c.describe(found)
	for _, name := range status.Vanishing {
		c.waiting.gone[name] = true
	}
	if result == Refused || result == Partial {
		c.history.lastFailure, c.history.failure = now, status.firstProblem()
		status.LastFailure, status.Failure = now, c.history.failure
	}
	previous := c.status.Swap(status)
	if previous == nil {
		previous = &Status{}
	}
	c.logMain(previous, status)
	c.logTenants(before, result == Started)
	if result != Unchanged && result != Started {
		c.opts.Log.Info("reload", zap.String("result", string(result)), zap.Uint64("generation", status.Generation),
			zap.Int("compiled", status.Compiled), zap.Int("active", status.Tenants[Active]), zap.Int("stale", status.Tenants[Stale]),
			zap.Int("quarantined", status.Tenants[Quarantined]), zap.Int("suspended", status.Tenants[Suspended]))
	}
	c.opts.Observe(*status)
}

// firstProblem returns the latest problem, the main file's first.
func (s *Status) firstProblem() string {
	switch {
	case s.Main != nil:
		return s.Main.Text
	case s.Dirs != nil:
		return s.Dirs.Text
	}
	var latest *Troubled
	for k := range s.Troubled {
		if latest == nil || s.Troubled[k].Since.After(latest.Since) {
			latest = &s.Troubled[k]
		}
	}
	if latest == nil {
		return ""
	}
	return latest.Text
}

// logMain writes a line where the main file or the directories went bad or were
// mended, and where a restart is needed.
func (c *Configuration) logMain(before, now *Status) {
	log := c.opts.Log
	for _, part := range []struct {
		name        string
		before, now *Problem
	}{{"main file", before.Main, now.Main}, {"tenant directories", before.Dirs, now.Dirs}} {
		switch {
		case part.now != nil && (part.before == nil || part.before.Text != part.now.Text):
			log.Error("the "+part.name+" cannot be put in force: the last good configuration stays", zap.String("problem", part.now.Text),
				zap.Uint64("generation", now.Generation), zap.Bool("confirmable", part.now.Confirms))
		case part.now == nil && part.before != nil:
			log.Info("the "+part.name+" is good again", zap.Uint64("generation", now.Generation))
		}
	}
	for _, field := range now.Restart {
		if !slices.Contains(before.Restart, field) {
			log.Warn("a changed setting takes effect with the next start", zap.String("setting", field))
		}
	}
	news(before.Insecure, now.Insecure, func(word string) {
		log.Warn("insecure setting in use", zap.String("setting", word))
	})
	news(before.Warnings, now.Warnings, func(warning string) {
		log.Warn("configuration warning", zap.String("warning", warning))
	})
	news(before.Ignored, now.Ignored, func(problem string) {
		log.Warn("a file is not read", zap.String("problem", problem))
	})
}

// news tells what was not there before, up to a number of lines.
func news(before, now []string, tell func(string)) {
	known, lines := make(map[string]bool, len(before)), 0
	for _, text := range before {
		known[text] = true
	}
	for _, text := range now {
		if !known[text] && lines < maxLines {
			known[text] = true
			lines++
			tell(text)
		}
	}
}

// logTenants writes a line for each tenant whose state or problem changed.
func (c *Configuration) logTenants(before *world, start bool) {
	lines := 0
	for _, name := range c.world.changed {
		old, now := before.tenants[name], c.world.tenants[name]
		if old == now || start && (now == nil || now.trouble == nil) {
			continue
		}
		write := c.line(old, now)
		if write == nil {
			continue
		}
		if lines++; lines <= maxLines {
			write()
		}
	}
	if lines > maxLines {
		c.opts.Log.Warn("more tenants changed than are logged one by one: see /config of the admin listener", zap.Int("more", lines-maxLines))
	}
}

// line returns what there is to be said about one tenant.
func (c *Configuration) line(old, now *tenant) func() {
	log := c.opts.Log
	if now == nil {
		return func() { log.Info("tenant removed", zap.String("tenant", old.name)) }
	}
	name, state := zap.String("tenant", now.name), zap.String("state", string(now.state()))
	if t := now.trouble; t != nil {
		if old != nil && old.trouble != nil && old.trouble.text == t.text && old.state() == now.state() {
			return nil
		}
		fields := []zap.Field{name, state, zap.String("problem", t.text), zap.String("inForce", inForce(now))}
		if t.kind == cut || t.kind == gone {
			return func() { log.Error("tenant waits for confirmation", fields...) }
		}
		return func() { log.Error("tenant file is bad", fields...) }
	}
	switch {
	case old == nil || old.good == nil && old.trouble == nil:
		return func() { log.Info("tenant added", name, state) }
	case old.trouble != nil:
		return func() { log.Info("tenant mended", name, state) }
	case old.state() != now.state() || !old.good.File.same(now.good.File) && !now.good.File.Inline:
		return func() { log.Info("tenant changed", name, state) }
	}
	return nil
}

// inForce tells what answers requests of a tenant in trouble.
func inForce(t *tenant) string {
	if t.good == nil {
		return "nothing: its places answer 503"
	}
	return "its last good version, sha256 " + shortHash(t.good.File.Hash)
}

func shortHash(hash [sha256.Size]byte) string {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 12)
	for _, b := range hash[:6] {
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}
