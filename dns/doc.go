// Package dns asks the DNS for the judge. It is a stub resolver with a cache, and a [helogate.Asker].
//
// A stub resolver (RFC 1034 section 5.3.1) does not walk the tree from the root. It asks a recursive server, such as
// those in /etc/resolv.conf, and trusts its answers. Two tasks remain: to accept replies of that server only, and to
// distinguish a name that does not exist from a server that gave no answer. The first may reject mail. The second
// must not, so everything but a clear yes or no is [helogate.TempFail].
//
// A question goes this way:
//
//   - Known looks into the cache and never waits. It is the hot path.
//   - Ask joins the lookup that is in flight for this question, or starts one. An asker may give up: the lookup goes on,
//     and its answer is cached for the next asker.
//   - A lookup (inflight) asks the servers in turn, in rounds, follows aliases (CNAME, and those of RFC 2317 in reverse
//     zones) to their end, and caches the answer, failures included.
//   - A try is one query to one server: over UDP with EDNS (RFC 6891), without EDNS for servers that do not know it, over
//     TCP when the reply is truncated (RFC 7766).
//
// Only a reply to the query is read: it comes from the server's address to the query's own port, and has its id, its
// question and, for servers on other machines, its mix of upper and lower case letters, which a forger would have to
// guess (RFC 5452; draft-vixie-dnsext-dns0x20). Other messages are ignored while the wait goes on, so a forger can
// neither insert an answer nor end the wait. Within a reply, only the records on the path from the question to its
// data are used, and only the question asked is cached. The one exception: a reply about addresses shows whether the
// name is an alias, so the lookup of kind A also answers a question of kind CNAME.
//
// An answer is cached for the least TTL on its path (RFC 1035 section 3.2.1, RFC 2181 section 8), a negative answer
// for the TTL of its SOA (RFC 2308 section 5). A failure is cached for a short time (RFC 9520), so that fifty
// recipients do not wait fifty times.
//
// Stability: the API is public, and before v1 a minor version may change it. The keys of Stats.Failures do not
// change.
package dns
