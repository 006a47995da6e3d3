package protocol

import (
	"bytes"
	"strconv"
)

// Macros with facts about a client or a message (libmilter's smfi_getsymval).
const (
	macroDaemonAddr  = "{daemon_addr}"
	macroDaemonPort  = "{daemon_port}"
	macroIfAddr      = "{if_addr}"
	macroClientPort  = "{client_port}"
	macroVerify      = "{verify}" // Sendmail's verdict on the client's certificate; Postfix has no such macro
	macroCertSubject = "{cert_subject}"
	macroAuthen      = "{auth_authen}"
	macroQueueID     = "i"
)

// milterMacros are the macros that an MTA has sent, by the command that they belong to. They are valid for that command
// and those after it, until the MTA sends that command, or an earlier one of the dialogue, anew.
type milterMacros [macroStages][]byte // name, NUL, value, NUL, and so on

// The stages of macros, in the order of a dialogue.
const (
	macroConnect = iota
	macroHelo
	macroMail
	macroRcpt
	macroData
	macroEOH
	macroEOM
	macroOther // for what has no place in the order: a field, a part of a body
	macroStages
)

// macroStage is the stage of a command.
func macroStage(command byte) int {
	switch command {
	case smficConnect:
		return macroConnect
	case smficHelo:
		return macroHelo
	case smficMail:
		return macroMail
	case smficRcpt:
		return macroRcpt
	case smficData:
		return macroData
	case smficEOH:
		return macroEOH
	case smficBodyEOB:
		return macroEOM
	}
	return macroOther
}

// set keeps the macros that came for a command.
func (m *milterMacros) set(command byte, data []byte) {
	stage := macroStage(command)
	m.drop(stage + 1)
	m[stage] = append(m[stage][:0], data...)
}

// begin drops the macros that are not valid for a command: those of later commands, and of an earlier one of its kind.
// announced reports whether macros for this one came just before it. The address that a client connected to stays
// valid.
func (m *milterMacros) begin(command byte, announced bool) {
	stage := macroStage(command)
	if announced || stage == macroConnect {
		stage++
	}
	m.drop(stage)
}

// drop forgets the macros of a stage, and of those after it.
func (m *milterMacros) drop(stage int) {
	for ; stage < macroStages; stage++ {
		m[stage] = m[stage][:0]
	}
}

// at returns a macro that came for a command, and whether one did.
func (m *milterMacros) at(stage int, name string) (value string, sent bool) {
	for rest := m[stage]; len(rest) > 0; {
		var n, v []byte
		n, rest, _ = bytes.Cut(rest, nul)
		v, rest, _ = bytes.Cut(rest, nul)
		if string(n) == name {
			value, sent = string(v), true
		}
	}
	return value, sent
}

// get returns the macro of the latest command that has it, or "".
func (m *milterMacros) get(name string) string {
	for stage := macroStages - 1; stage >= 0; stage-- {
		if v, sent := m.at(stage, name); sent {
			return v
		}
	}
	return ""
}

var nul = []byte{0}

func portOf(s string) uint16 {
	n, _ := strconv.ParseUint(s, 10, 16)
	return uint16(n)
}
