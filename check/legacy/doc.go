// Package legacy has the checks of three proposals of 2003 and 2004 that became part of SPF and Sender ID, or were
// abandoned: DMP, Caller ID and CSA. Some domains still publish such records. No preset acts on them.
//
// Stability: the API is public, and before v1 a minor version may change it, or drop a check whose records no domain
// has any more.
package legacy
