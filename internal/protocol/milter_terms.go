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

// What is not wanted (SMFIP_ in mfdef.h): bodies, commands that tell nothing of the client, and to answer each field.
const (
	noBody          = 0x10
	noEOH           = 0x40
	noReplyToHeader = 0x80
	noUnknown       = 0x100
	noData          = 0x200
	ownProtocol     = noBody | noEOH | noReplyToHeader | noUnknown | noData
)

// wantedMacros are what is wanted beside the commands themselves, by stage: its number in mfapi.h (SMFIM_), and names. An
// MTA sends what it knows of them.
var wantedMacros = []struct {
	stage uint32
	names string
}{
	{0, macroDaemonAddr + " " + macroDaemonPort + " " + macroIfAddr + " " + macroClientPort},
	{1, macroVerify + " " + macroCertSubject},
	{2, macroAuthen + " " + macroVerify + " " + macroCertSubject},
	{5, macroQueueID}, // at the end of the message
}

// negotiated agrees to whatever is common of what an MTA offers. Old MTAs can do less, and are asked for no more.
func negotiated(offer []byte) milterTerms {
	offered := binary.BigEndian.Uint32(offer[4:])
	return milterTerms{
		version:  min(binary.BigEndian.Uint32(offer), milterVersion),
		offered:  offered,
		actions:  offered & ownActions,
		protocol: binary.BigEndian.Uint32(offer[8:]) & ownProtocol,
	}
}

// appendTerms words the agreement.
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
