// Package dns asks the DNS on behalf of the judge: a stub resolver with a cache, and a [helogate.Asker].
//
// A stub resolver (RFC 1034 section 5.3.1) does not walk the tree from the root; it asks a server that does, the ones of
// /etc/resolv.conf, and believes what it is told. What is left to it is to ask well, to believe no one else, and to keep
// apart what a mail filter must never confuse: a name that does not exist, and a server that did not say. The first may
// reject mail. The second must not, so everything but a clear yes or no is [helogate.TempFail].
//
// This is the way of a question:
//
//	Known   looks into the cache and never waits; it is the hot path
//	Ask     joins the flight that is already under way for this question, or starts one; whoever asks may give up, the
//	        flight goes on and its answer is there for the next
//	flight  asks the servers in turn, in rounds, follows aliases (CNAME, and RFC 2317's in reverse zones) to their end,
//	        and puts the answer into the cache, failures included
//	try     is one message to one server: over UDP with EDNS (RFC 6891), without it for servers that know no EDNS, over
//	        TCP when the reply says that it was cut (RFC 7766)
//
// Only a reply to what was asked is read at all: from the server's address to the query's own port, with its id, its
// question and, for servers off this machine, its mix of upper and lower case letters, which a forger would have to
// guess (RFC 5452; draft-vixie-dnsext-dns0x20). Others are passed over, and the wait goes on: a forger can neither be
// believed nor end the wait. Of a reply only the records on the path from the question to its data are used, and only
// the question asked is cached. The one exception is that a reply about addresses shows whether the name is an alias: a
// question of kind CNAME is answered from the flight of kind A.
//
// How long an answer holds is the least TTL on its path (RFC 1035 section 3.2.1, RFC 2181 section 8); that of a no is
// its SOA's (RFC 2308 section 5); a failure is remembered shortly (RFC 9520), so that fifty recipients do not wait fifty
// times.
//
// Stability: the API is public, and before v1 a minor version may change it. The keys of Stats.Failures stay as they are.
package dns
