package parsed

import (
	"strings"

	"github.com/helogate/helogate/hostname"
	"golang.org/x/net/idna"
)

// Mailbox splits an envelope address. It drops a source route (RFC 5321 appendix C), removes the quotes of the local
// part (section 4.1.2), and returns the domain as Domain does.
func Mailbox(address string) (local, domain string) {
	if strings.HasPrefix(address, "@") {
		if _, after, is := strings.Cut(address, ":"); is {
			address = after
		}
	}
	local = address
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		local = address[:at]
	}
	if len(local) >= 2 && local[0] == '"' && local[len(local)-1] == '"' {
		local = unescape(local[1 : len(local)-1])
	}
	return local, Domain(address)
}

// unescape removes the backslashes of quoted pairs.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Domain returns the domain of an envelope address in the form of DNS. It returns "" for an address without a domain:
// the null sender, an address literal, a local part only.
func Domain(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return ""
	}
	domain := hostname.Canonical(address[at+1:])
	if domain == "" || domain[0] == '[' {
		return ""
	}
	for i := range len(domain) {
		if domain[i] >= 0x80 { // SMTPUTF8 (RFC 6531)
			ascii, err := idna.Lookup.ToASCII(domain)
			if err != nil {
				return ""
			}
			return ascii
		}
	}
	return domain
}
