package live

// Help is a page on changing the configuration of a running server.
func Help() string { return help }

const help = `Changing the configuration of a running server.

claimgate notices changed files by itself, gathers what changes together, and
puts it in force in one step: a request sees the old configuration or the new
one. SIGHUP, or a POST to /reload of the admin listener, looks at every file at
once; do that after changing a file that the main file refers to, such as a
jwksFile or a caFile. 'claimgate check' says beforehand what would happen.

Changes are noticed within two seconds, by what the file system tells of the
directories. What it does not tell is found by a look at everything every 30
seconds: a change on many network file systems, one of a directory further up, of
a file that a symbolic link leads to while nothing else changes, and of a file
with a second name (a hard link) that is written by that name elsewhere.

Replace files by rename: write the new text beside the old one, under a name that
begins with a dot, and rename it. Mounted ConfigMaps do so. A file that is
changed in place can be read half-written. While the server runs, one that holds
only the beginning of its accepted text waits for its rest, for a file that is
renamed to it, or for a confirmation; at a start nothing but replacement by rename protects.

What is wrong never replaces what was right:

  the main file is bad           everything stays as it is; it is bad too where a
                                 tenant in force would become bad under it
  a directory is unreadable      everything stays as it is
  a tenant file is bad           stale: its last good version stays in force
  a new tenant file is bad       quarantined: its places answer 503, to everybody,
                                 and nobody else gets its places, ids and issuers
  two tenants want one place     it stays with the one in force; of two that are new
                                 neither gets it; at a start it stays with the one
                                 that had it, though its file be bad by then, and
                                 of what neither had, the tenant that was accepted
                                 first gets it; stateDir keeps who had what, and
                                 the order
  many tenants vanish            more than maxTenantLoss at once stay in force
                                 until that is confirmed; at a start those that
                                 stateDir knows count, and their places answer 503
                                 until their files are back or that is confirmed
  suspended: true                the tenant is denied at once

A delegated file, which the tenant's own administrator writes, gives way to what
the platform wrote: 'claimgate help delegation'.

Who had what is written to stateDir by one process. One that starts while another
has it, as in a rolling restart, serves by what it reads there, says so in the log,
and takes it over within a second of the other's end. Give each of several servers
that run side by side a stateDir of its own.

At a start a bad main file ends the server with exit code 2; bad tenant files do
not, nor does a directory that is empty, such as one that is not mounted yet. A
start that is meant to lose many tenants has to be confirmed as below.

Where to look: the log has a line for each change, with file, line and column of
what is wrong and what is in force instead; / and /config of the admin listener
list everything that is not in force; metrics to alert on are
claimgate_reload_failed (1 while something on disk is not in force),
claimgate_reload_failed_age_seconds, claimgate_reload_waiting and
claimgate_tenants{state="quarantined"}.

What waits is confirmed by SIGHUP or by a POST to /confirm, and that confirms
exactly what had been reported:

  kill -HUP $(pidof claimgate)
  curl -X POST http://127.0.0.1:9192/confirm

Certificates of listeners and the authorities of their clients are followed as
files of their own: new connections get what is new and good, those that stand go
on, and claimgate_tls_reload_failed is 1 while what is on disk is of no use.

Addresses of listeners, the size of the cache, the log, stateDir, the waits of
listen and all of tracing but tracing.sample take effect with the next start; a
change of these is said.
`
