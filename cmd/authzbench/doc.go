// Command authzbench measures what an authorization server costs Envoy, side by
// side in one run: claimgate, servers that do less, and servers that do the
// same in another way; then the same servers behind a real Envoy, next to what
// Envoy decides alone.
//
//	make authzbench                                         # the variants, nine rounds
//	make authzbench ARGS='-scenario acceptance -report DIR' # everything, with a report
//	make authzbench ARGS='-rounds 3 -duration 1s -variants stock,floor,claimgate'
//	make authzbench ARGS='-variants floor,floor+workers2,floor+tcp'
//
// Every server is a process of its own behind a unix socket. The load is what
// Envoy sends: encoded CheckRequests with twenty headers, over HTTP/2. Within a
// round the servers take turns in slices of an eighth of a second, in rotated
// order, so that what happens to the machine happens to all of them. The slices
// of a round are one measurement, and ratios are taken within a round. Before
// anything is measured, a generated client reads an answer of each server and
// compares it with what that server must say.
//
// Times depend on the machine; ratios depend on it less. Linux only: it reads
// the processor clock of other processes.
package main
