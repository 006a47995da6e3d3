// Package interop is nothing but tests: helogate's own binary between a real Postfix and a real DNS.
//
// A private Postfix asks helogate, which asks unbound, which asks nsd, which serves testdata/world.zone; nothing leaves
// the machine, nothing outside a temporary directory is written, and a Postfix that runs here for other reasons is left
// alone. XCLIENT lets the tests pose as any client. What client and server say to each other is in testdata/*.smtp, to
// be read, and written, by an administrator of mail; dialogue_test.go says how.
//
// Other MTAs stand where Postfix does: Sendmail, Exim, OpenSMTPD, nginx and Haraka, each configured as its page in docs
// says, and a driver of qmail-spp. everyprotocol_test.go holds all listeners to the same verdicts.
//
// The tests need root and the programs of
//
//	apt-get install postfix nsd unbound swaks redis-server
//	make peers
//
// and are skipped where these are missing. HELOGATE_INTEROP=require makes that a failure, and =no skips them
// all; -short skips those that start anything.
// After a change of wording, go test ./interop -update rewrites the dialogues: read the diff.
package interop
