// Package legacy holds the checks of three proposals of 2003 and 2004 that went into SPF and Sender ID or came to nothing,
// and that some domains still have records of: DMP, Caller ID and CSA. No preset acts on them.
//
// Stability: the API is public, and before v1 a minor version may change it, or drop a check whose records nobody has any more.
package legacy
