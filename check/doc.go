// Package check has helogate's checks, the presets, and the settings that checks need of a site.
//
// A check is a [helogate.Check]: a pure function of the facts about a client and of DNS answers. The check own-name is
// in own_name.go, and so is every other in the file of its name. Those without settings are variables, those with
// settings are constructors; [All] lists them in order. [NewPolicy] makes the policy of a preset; [Lines] returns the
// lines of a preset to change before [helogate.NewPolicy]. Package check/legacy has the checks of protocols of 2003 and
// 2004; All has them too.
//
// A finding has two texts. Why is for the administrator's log: it speaks of the client in the third person, and calls
// local names and addresses "local". Where the client's postmaster needs other words, Finding.WithReply has the text
// for the reply. Fix is the remedy, as the postmaster reads it; a client that follows it must pass the other checks.
//
// The administrator's entries are parsed once, by [ParseNamePattern], [ParseMailboxPattern], [ParseBadHelo] and
// [ParseCode]. Their errors say what is wrong with an entry.
//
// Stability: the API is public, and before v1 a minor version may change it. These stay as they are: the names of
// checks, presets and families, the words of [Asked] and [Part], and what the pattern parsers read, since
// configurations, logs and stores have them. The texts of findings and replies may change in any version.
// [ExemptEntry], [List.CheckName] and
// [ReadListAnswer] are for helogate's own daemon, and are the most likely to change.
//
// To add a check: write a file and its test, add it to All, to the table of presets, to the tables of TestReplies and
// TestRemedies, and to docs/senders.md.
package check
