package check

// Remedies that several checks share. A client that follows a remedy literally is not rejected by another check for it:
// TestRemedies tries each of them. So HELO remedies name the PTR name, which helo-fcrdns compares, and PTR remedies ask
// for a host name, since generic-name and hosting-name refuse what a provider sets by default.
const (
	fixHelo = "set the HELO name to your server's public host name, as in its PTR record"
	fixPTR  = "ask your provider for a PTR record with your server's host name that resolves back to this address"
)
