package parsed

import (
	"strings"

	"github.com/helogate/helogate/hostname"
)

// CalloutName returns the name of the question of kind helogate.Callout about an envelope address: its domain as DNS knows
// it, a local part in quotes only where it needs them, no source route. It is false for an address that must not stand in an
// SMTP command, or that has no domain that could be asked: local parts are those of RFC 5321 section 4.1.2, in ASCII, for a
// host cannot be asked for SMTPUTF8 on behalf of an address that may not exist; and without < and >, which in the reply that
// repeats the address would be taken for the null reverse-path, or for where an address ends.
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

// isDotString reports whether s is a Dot-string of RFC 5321 section 4.1.2: atoms, with single dots between.
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

// isQuotedString reports whether s is a Quoted-string of RFC 5321 section 4.1.2: in quotes, printable ASCII, in which a
// backslash stands before a quote or another backslash at the least.
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

// quote writes printable ASCII as a Quoted-string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
