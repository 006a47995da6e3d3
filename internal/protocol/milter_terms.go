package protocol

import "encoding/binary"

// milterTerms are what an MTA and helogate agree on at the start (SMFIC_OPTNEG): what may be done to messages, and what
// the MTA need not send or be answered.
type milterTerms struct{ version, offered, actions, protocol uint32 }

const milterVersion = 6 // the newest

// What may be done to a message (SMFIF_ in mfapi.h).
const (
	addsHeader    = 0x01
	changesHeader = 0x10
	choosesMacros = 0x100
	ownActions    = addsHeader | changesHeader | choosesMacros
)

// What is not wanted (SMFIP_ in mfdef.h): bodies, commands that say nothing about the client, and answers to each
// field.
const (
	noBody          = 0x10
	noEOH           = 0x40
	noReplyToHeader = 0x80
	noUnknown       = 0x100
	noData          = 0x200
	ownProtocol     = noBody | noEOH | noReplyToHeader | noUnknown | noData
)

// wantedMacros are the macros to send, by stage (its number in mfapi.h, SMFIM_). An MTA sends those that it knows.
var wantedMacros = []struct {
	stage uint32
	names string
}{
	{0, macroDaemonAddr + " " + macroDaemonPort + " " + macroIfAddr + " " + macroClientPort},
	{1, macroVerify + " " + macroCertSubject},
	{2, macroAuthen + " " + macroVerify + " " + macroCertSubject},
	{5, macroQueueID}, // at the end of the message
}

// negotiated returns what both sides can do. Old MTAs can do less.
func negotiated(offer []byte) milterTerms {
	offered := binary.BigEndian.Uint32(offer[4:])
	return milterTerms{
		version:  min(binary.BigEndian.Uint32(offer), milterVersion),
		offered:  offered,
		actions:  offered & ownActions,
		protocol: binary.BigEndian.Uint32(offer[8:]) & ownProtocol,
	}
}

// appendTerms appends the answer to the negotiation.
func (t *milterTerms) appendTerms(b []byte) []byte {
	begin := len(b)
	b = appendFrame(b, smficOptNeg)
	for _, n := range [...]uint32{t.version, t.actions, t.protocol} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	if t.offered&choosesMacros != 0 {
		for _, m := range wantedMacros {
			b = binary.BigEndian.AppendUint32(b, m.stage)
			b = append(append(b, m.names...), 0)
		}
	}
	binary.BigEndian.PutUint32(b[begin:], uint32(len(b)-begin-frameHead))
	return b
}
