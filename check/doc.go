// Package check holds helogate's checks, the presets, and the settings that checks need of the place that they run at.
//
// A check is a [helogate.Check]: a pure function of what the client has shown and of what DNS answers. Those without
// settings are variables, those with settings are constructors; [All] lists them in order. [NewPolicy] makes a policy of a
// preset, and [Lines] returns its lines to change before [helogate.NewPolicy]. The checks of protocols of 2003 and 2004 are
// in package check/legacy, and All has them too.
//
// An administrator's entries are patterns that are parsed once: [ParseNamePattern], [ParseMailboxPattern], [ParseBadHelo]
// and [ParseCode] say what is wrong with one, and what they return matches without parsing again.
//
// Stability: the API is public, and before v1 a minor version may change it. These stay as they are: the names of checks,
// presets and families, the words of [Asked] and [Part], and what the pattern parsers read, for configurations, logs and
// stores hold them. The wording of findings may change in any version. [ExemptEntry], [List.CheckName] and [ReadListAnswer]
// serve helogate's own daemon, and are the likeliest to change.
//
// To add a check: a file, its test beside it, a line in All and a line in the preset table.
package check
