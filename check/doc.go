// Package check holds helogate's checks, a file each, the one list of them in order, and the presets: the one table of
// what their outcomes mean.
//
// A check is a [helogate.Check]: a pure function of what the client has shown and what DNS answers. Those without
// settings are variables, those with are constructors; [All] lists them in order, and [NewPolicy] makes a policy of a
// preset. To add one: a file, its test beside it, a line in All and a line in the preset table.
package check
