package parsed

import (
	"strings"

	"github.com/helogate/helogate/hostname"
)

// CalloutName returns the name of the question of kind helogate.Callout for an envelope address: its domain in the
// form of DNS, the local part in quotes only where necessary, no source route. ok is false for an address that must
// not occur in an SMTP command, or whose domain cannot be asked. The local part must have the syntax of RFC 5321
// section 4.1.2, in ASCII, because a host cannot be asked to use SMTPUTF8 for an address that may not exist. It must
// not contain < or >, which in the host's reply would look like the null sender or the end of an address.
func CalloutName(address string) (name string, ok bool) {
	unquoted, domain := Mailbox(address)
	if h := hostname.ParseHelo(domain); h.Form != hostname.FQDN || h.Name != domain {
		return "", false
	}
	if strings.HasPrefix(address, "@") {
		_, address, _ = strings.Cut(address, ":")
	}
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", false
	}
	local := address[:at]
	if isQuotedString(local) {
		if local = unquoted; !isDotString(local) {
			local = quote(local)
		}
	} else if !isDotString(local) {
		return "", false
	}
	const longest = 64 // octets (RFC 5321 section 4.5.3.1.1)
	return local + "@" + domain, len(local) <= longest && !strings.ContainsAny(local, "<>")
}

// isDotString reports whether s is a Dot-string of RFC 5321 section 4.1.2: atoms separated by single dots.
func isDotString(s string) bool {
	after := byte('.')
	for i := range len(s) {
		if s[i] == '.' && after == '.' || s[i] != '.' && !isAtext(s[i]) {
			return false
		}
		after = s[i]
	}
	return after != '.'
}

func isAtext(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", b) >= 0
}

// isQuotedString reports whether s is a Quoted-string of RFC 5321 section 4.1.2: in quotes, printable ASCII, with a
// backslash at least before each quote and backslash.
func isQuotedString(s string) bool {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	s = s[1 : len(s)-1]
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		} else if s[i] == '"' {
			return false
		}
		if i == len(s) || s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// quote returns printable ASCII as a Quoted-string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
