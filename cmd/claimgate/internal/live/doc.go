// Package live keeps the configuration of a running process in step with its
// files.
//
//	c := live.New(live.Options{Documents: live.Files(file, runtime), Swap: engine.Swap, Keys: registry, ...})
//	if err := c.Start(); err != nil { ... }   // the main file is bad: config.Problems
//	go c.Run(ctx)                              // watch, until ctx ends
//	c.Reload(ctx)                              // look now: the operator's page
//	c.Signal(ctx)                              // SIGHUP: look now, and confirm what waits
//
// A new generation is built whole, beside the one in force, and put in force in
// one step. What is wrong never replaces what was right:
//
//   - A bad main file, an unreadable directory: everything stays as it was.
//   - A main file is bad, too, if it would make a tenant in force bad.
//   - A bad tenant file: the tenant's last good version stays in force, and the
//     tenant is Stale until its file is mended.
//   - A tenant that never had one is Quarantined: its places answer that it is
//     unavailable, and nobody else gets them.
//   - A place that two tenants ask for stays with the one in force. Where
//     neither is, as at a start, it stays with the one that had it by the record
//     in the state directory, whether that one's file is good or bad now; of what
//     neither had, whoever was accepted first gets it, and nobody loses it to what
//     a bad file merely claims. Without a record both are quarantined.
//   - A file that was cut in place, so that it holds a strict prefix of its
//     accepted text, waits for its rest, for another file in its place, or
//     for a confirmation.
//   - Tenants of which many vanish at once stay in force until that is
//     confirmed. Where many that the state directory knows are missing at a
//     start, nobody gets their places until they are back or that is confirmed.
//
// One process writes what is remembered to the state directory: it has the lock
// there (flock(2), on systems that have it) from its start to its end. Another one
// that begins meanwhile, as in a rolling restart, serves by what it reads there,
// writes nothing, and takes the directory over within a second of the first one's end.
//
// One changed file causes the work of one: it alone is read, parsed and
// compiled, and all other tenants of the next generation are those of the last.
// Where the watcher names files that came, changed or went, nothing else is listed
// or judged, save links and tenants that wait for something; whatever that cannot
// tell, the look at everything does.
package live
