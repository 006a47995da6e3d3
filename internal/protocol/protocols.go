package protocol

import "net/netip"

// Settings are what protocols take from the configuration; each takes what it has a use for.
type Settings struct {
	Name    string         // the authserv-id of Authentication-Results, which others must not use; "" is none
	Headers bool           // whether anything is added to messages
	Backend netip.AddrPort // where nginx sends clients that are not refused
	Token   string         // that HTTP callers must send; "" is none
	Version string         // of helogate
}

// protocols are all protocols. A new one is a file and a line here.
var protocols = []struct {
	name   string
	filter bool // the MTA starts helogate and uses its standard input and output: there is no address to listen on
	make   func(Settings) Protocol
}{
	{"postfix", false, func(Settings) Protocol { return &Postfix{} }},
	{"milter", false, func(s Settings) Protocol { return &Milter{Name: s.Name} }},
	{"exim", false, func(Settings) Protocol { return &Exim{} }},
	{"nginx", false, func(s Settings) Protocol { return &Nginx{Backend: s.Backend} }},
	{"http", false, func(s Settings) Protocol { return &HTTP{Token: s.Token, Version: s.Version} }},
	{"opensmtpd", true, func(s Settings) Protocol { return &OpenSMTPD{Headers: s.Headers, Name: s.Name} }},
}

// Protocols returns the names of those that have an address to listen on.
func Protocols() (names []string) {
	for _, p := range protocols {
		if !p.filter {
			names = append(names, p.name)
		}
	}
	return names
}

// New makes a protocol by its name. It panics if there is none, since the configuration was checked.
func New(name string, s Settings) Protocol {
	for _, p := range protocols {
		if p.name == name {
			return p.make(s)
		}
	}
	panic("listener: no protocol " + name)
}
