package protocol

import "net/netip"

// Settings are what protocols take from the configuration; each takes what it has a use for.
type Settings struct {
	Name    string         // ours in Authentication-Results, which nobody else may use; "" is none
	Headers bool           // whether anything is added to messages
	Backend netip.AddrPort // where nginx is to send clients that may go on
	Token   string         // that whoever asks over HTTP is to show; "" is none
	Version string         // of helogate, for whoever asks
}

// protocols are all that there are. A new one is a file and a line here.
var protocols = []struct {
	name   string
	filter bool // the MTA starts helogate, and talks to its standard input: there is no address to listen on
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

// New makes a protocol by its name. It panics if there is none: the configuration was checked.
func New(name string, s Settings) Protocol {
	for _, p := range protocols {
		if p.name == name {
			return p.make(s)
		}
	}
	panic("listener: no protocol " + name)
}
