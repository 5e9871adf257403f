// Command authzbench measures what an authorization server costs Envoy, side by
// side in one run: claimgate, servers that do less, and servers that do the
// same in another way.
//
//	make authzbench                               # nine rounds, about ten minutes
//	make authzbench ARGS='-rounds 3 -duration 1s -variants stock,floor,claimgate'
//	make authzbench ARGS='-tokens 100000 -tenants 10000 -json result.json'
//
// Every server is a process of its own behind a unix socket. The load is what
// Envoy sends: encoded CheckRequests of about 2.2 KB with twenty headers, over
// HTTP/2. Rounds interleave the servers in rotated order, so that what happens
// to the machine happens to all of them, and ratios are taken within a round.
// Before anything is measured, a generated client reads an answer of each
// server and compares it with what that server must say.
//
// Times depend on the machine; ratios depend on it less. Linux only: it reads
// the processor clock of other processes.
package main
