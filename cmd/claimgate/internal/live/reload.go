package live

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
)

// Result is how a reload ended.
type Result string

// The results.
const (
	Started   Result = "started"
	Applied   Result = "applied"   // what the files say now is in force
	Partial   Result = "partial"   // a part of what changed is in force, the rest is bad or waits
	Refused   Result = "refused"   // nothing of what changed is in force
	Unchanged Result = "unchanged" // nothing changed
)

// Results lists every result of a reload after the start.
func Results() []Result { return []Result{Applied, Partial, Refused, Unchanged} }

var errMain = errors.New("the main file is bad")

// ask is what a reload is asked to do beyond looking at what changed.
type ask struct {
	all     bool // read every file, and compile the main file again for what it refers to
	confirm bool // what was reported as waiting may happen
	// only are paths of files that changed, where that is known; nil: anything
	// may have.
	only []string
}

// suspects are the tenants because of which a main file was bad: while they are
// bad under it, nobody else need be looked at.
type suspects struct {
	text  [sha256.Size]byte
	names []string
}

// finding is what one reload found out by the way.
type finding struct {
	ignored  []string
	compiled int
	unripe   bool
	lost     map[string]bool // names of tenants whose files are gone
	sources  bool            // which key sources are in use may have changed
}

// reload looks at the files and puts in force what can be. It reports whether
// something has to be looked at again soon.
func (c *Configuration) reload(how ask) (Result, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, troubles := c.world, c.troubles()
	if how.confirm {
		c.granted = c.granted.and(c.waiting)
	}
	var found finding
	text, main := c.readMain(how, &found)
	if main == nil && c.attemptNamed(how, &found) {
		found.ignored = c.ignored // nobody looked
	} else if main == nil || !c.attemptMain(text, main, how, &found) {
		generation := c.world.generation
		how.all = how.all && main == nil // else everything has just been read
		c.attemptFiles(how, &found)
		if main != nil && c.world.generation != generation {
			found.unripe = true // perhaps these files were what the main file lacked
		}
	}
	c.prune(found.lost)
	if found.sources || main != nil {
		c.retain()
	}
	c.await()
	result := c.result(before, troubles, how)
	c.report(before, found, result)
	return result, found.unripe
}

// readMain returns the compiled main file where it is another one, and notes
// what is wrong with it.
func (c *Configuration) readMain(how ask, found *finding) (Text, *Main) {
	text, err := c.opts.Documents.ReadMain()
	if err != nil {
		c.blameMain(unreadable, err.Error())
		return text, nil
	}
	hash := sha256.Sum256(text.Bytes)
	same := bytes.Equal(text.Bytes, c.world.text.Bytes)
	switch path := c.mainPath(); {
	case same && !how.all:
		c.badMain = nil
		c.sameMain(text)
		return text, nil
	case !same && c.world.text.cutInPlace(text) && c.granted.cut[path] != hash:
		c.blameMain(cut, fmt.Sprintf("%s: the file was cut in place: it holds the first %d of the %d bytes that were accepted; complete it, replace it by rename, or confirm it",
			path, len(text.Bytes), len(c.world.text.Bytes)))
		c.mainCut = hash
		return text, nil
	case !same && c.fresh(text):
		found.unripe = true
		return text, nil
	}
	main, err := c.opts.Documents.CompileMain()
	switch {
	case err != nil:
		c.blameMain(invalid, err.Error())
		return text, nil
	case !bytes.Equal(main.Text, text.Bytes):
		found.unripe = true // it changed in between
		return text, nil
	}
	return text, main
}

func (c *Configuration) mainPath() string { return c.world.main.Path }

// fresh reports whether the main file may still be in the making.
func (c *Configuration) fresh(text Text) bool {
	now, before := c.opts.Now(), c.mainSeen
	c.mainSeen = text.Info
	if c.mainSince.IsZero() {
		c.mainSince = now
	}
	unripe := young(text.Info, before, now) && now.Sub(c.mainSince) < settleMost
	if !unripe {
		c.mainSince = time.Time{}
	}
	return unripe
}

// sameMain takes note that another file may say the same.
func (c *Configuration) sameMain(text Text) {
	next := *c.world
	next.text = text
	c.world = &next
}

func (c *Configuration) blameMain(k kind, text string) {
	c.badMain = again(c.badMain, &trouble{kind: k, text: text, since: c.opts.Now()})
}

// again keeps the time of a trouble that is not new.
func again(known, now *trouble) *trouble {
	if known != nil && known.kind == now.kind && known.text == now.text {
		now.since = known.since
	}
	return now
}

// attemptMain tries to put another main file in force, with the files as they
// are now.
func (c *Configuration) attemptMain(text Text, main *Main, how ask, found *finding) bool {
	hash := sha256.Sum256(text.Bytes)
	next, err := c.attempt(main, how, found, func(j *judging) {
		j.another = !bytes.Equal(text.Bytes, c.world.text.Bytes)
		if c.broken.text == hash && !how.all {
			j.suspects = c.broken.names
		}
	})
	var bad *tenantsError
	var loss *lossError
	switch {
	case err == nil:
		c.badMain, c.badDirs, c.broken = nil, nil, suspects{}
		next.text = text
		c.enforce(c.world, next)
		return true
	case errors.Is(err, errKeys):
		c.badMain = nil
	case errors.As(err, &bad):
		c.blameMain(invalid, err.Error())
		c.broken = suspects{hash, bad.names}
	case errors.As(err, &loss):
		c.blameMain(gone, fmt.Sprintf("%s: %v", c.mainPath(), err))
		c.lost = loss.names
	default:
		c.blameMain(invalid, err.Error())
	}
	return false
}

// attemptFiles looks at the tenant files under the main file in force.
func (c *Configuration) attemptFiles(how ask, found *finding) {
	next, err := c.attempt(c.world.main, how, found, nil)
	if err != nil {
		c.badDirs = again(c.badDirs, &trouble{kind: unreadable, text: err.Error(), since: c.opts.Now()})
		return
	}
	c.badDirs = nil
	c.enforce(c.world, next)
}

func (c *Configuration) attempt(main *Main, how ask, found *finding, edit func(*judging)) (*world, error) {
	c.listed = true
	list, err := main.List()
	if err != nil {
		return nil, err
	}
	found.ignored, c.ignored = list.Ignored, list.Ignored
	j := c.judging(c.world, main)
	j.confirmed = c.granted
	j.found = c.disk.scan(list, how.all)
	if edit != nil {
		edit(j)
	}
	next, err := j.run()
	c.note(j, found)
	c.dirs = list.Dirs
	return next, err
}

// note takes over what a judgement found out by the way.
func (c *Configuration) note(j *judging, found *finding) {
	found.compiled += j.compiles
	found.unripe = found.unripe || j.unripe
	found.sources = found.sources || j.movesSources()
	for _, i := range j.items {
		if i.lost {
			found.lost = with(found.lost, i.old.name)
		}
	}
	for key := range j.keys {
		c.pending[key] = struct{}{}
	}
}

// attemptNamed looks at nothing but files that are known to have changed, and at
// tenants that wait for something. It reports whether that was enough.
func (c *Configuration) attemptNamed(how ask, found *finding) bool {
	settled := c.badMain == nil && c.badDirs == nil && len(c.pending)+len(c.asked)+len(c.waited) == 0 && len(c.granted.gone)+len(c.granted.cut) == 0
	if how.only == nil || how.all || how.confirm || !settled {
		return false
	}
	files, touched, ok := c.disk.rescan(how.only)
	if !ok {
		return false
	}
	j := c.judging(c.world, c.world.main)
	j.found, j.touched = files, touched
	next, err := j.run()
	if err != nil {
		return false // it takes a look at everything to tell
	}
	c.note(j, found)
	c.enforce(c.world, next)
	return true
}

// enforce puts a world in force. Who is asked meanwhile sees the old generation
// or the new one.
func (c *Configuration) enforce(before, next *world) {
	if next.text.Bytes == nil {
		next.text = before.text
	}
	c.world = next
	if next.snapshot != before.snapshot {
		c.opts.Swap(next.snapshot)
		c.history.loaded = c.opts.Now()
	}
	c.remember(before, next, c.forgetful)
}

// remember writes to the state directory, where it is this process's, what differs
// between two worlds, or all.
func (c *Configuration) remember(before, next *world, all bool) {
	if c.barred {
		return // taking it over writes all
	}
	if err := c.memory.save(before, next, all); err != nil && !c.forgetful {
		c.opts.Log.Warn("the order in which tenants were accepted cannot be kept", zap.Error(err))
		c.forgetful = true
	} else if err == nil {
		c.forgetful = false
	}
}

// retain stops the key sources that nobody uses or waits for.
func (c *Configuration) retain() {
	ids := slices.Clone(c.world.main.Keys)
	for _, t := range c.world.tenants {
		if t.good != nil {
			ids = append(ids, t.good.Keys...)
		}
	}
	for _, waiting := range []map[string]struct{}{c.pending, c.asked, c.waited} {
		ids = slices.AppendSeq(ids, maps.Keys(waiting))
	}
	slices.Sort(ids)
	c.opts.Keys.Retain(slices.Compact(ids))
}

// await sees to it that somebody waits for the keys that are pending.
func (c *Configuration) await() {
	if len(c.pending)+len(c.asked) == 0 {
		clear(c.waited) // whatever needed them is in force or gone
		return
	}
	for key := range c.asked {
		delete(c.pending, key)
	}
	for key := range c.waited {
		delete(c.pending, key)
	}
	if len(c.pending) > 0 {
		c.again()
	}
}

// and joins two confirmations.
func (a confirmation) and(b confirmation) confirmation {
	joined := confirmation{gone: maps.Clone(a.gone), cut: maps.Clone(a.cut)}
	if joined.gone == nil {
		joined.gone = map[string]bool{}
	}
	if joined.cut == nil {
		joined.cut = map[string][sha256.Size]byte{}
	}
	maps.Copy(joined.gone, b.gone)
	maps.Copy(joined.cut, b.cut)
	return joined
}

// prune forgets what was confirmed and has happened, or cannot happen any more.
func (c *Configuration) prune(lost map[string]bool) {
	maps.DeleteFunc(c.granted.gone, func(name string, _ bool) bool { return !lost[name] || c.world.tenants[name] == nil })
	cuts := c.cuts()
	maps.DeleteFunc(c.granted.cut, func(path string, hash [sha256.Size]byte) bool { return cuts[path] != hash })
}

// cuts returns the files that were cut in place, with what they hold.
func (c *Configuration) cuts() map[string][sha256.Size]byte {
	cuts := map[string][sha256.Size]byte{}
	for _, t := range c.world.notable {
		if t.trouble != nil && t.trouble.kind == cut {
			cuts[t.file.Path] = t.file.Hash
		}
	}
	if c.badMain != nil && c.badMain.kind == cut {
		cuts[c.mainPath()] = c.mainCut
	}
	return cuts
}

func with(set map[string]bool, name string) map[string]bool {
	if set == nil {
		set = map[string]bool{}
	}
	set[name] = true
	return set
}
