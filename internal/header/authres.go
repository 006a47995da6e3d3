package header

import (
	"net/netip"
	"strings"

	"github.com/emersion/go-msgauth/authres"

	"github.com/helogate/helogate"
)

// Bounds of Authentication-Results, in bytes; with all of them at their most it is within MaxField.
const (
	maxAuthserv = 253 // of a domain without its final dot
	maxValue    = 128 // of a property
	maxReason   = 150
)

// authenticationResults returns what was found about the client's identity (RFC 8601). If nothing was looked up, it is
// "none" (section 2.2), so that the first field with this authserv-id is always helogate's and not one that came with
// the message.
func authenticationResults(f *helogate.Facts, v *helogate.Verdict, name string) string {
	return strings.TrimRight(authres.Format(authserv(name), results(f, v)), " ")
}

func results(f *helogate.Facts, v *helogate.Verdict) (out []authres.Result) {
	if login := f.Auth; login != "" && !strings.HasPrefix(login, "certificate ") { // a certificate is no SMTP AUTH
		out = append(out, &authres.AuthResult{Value: authres.ResultPass, Auth: property(login)})
	}
	if r := iprev(f, v); r != nil {
		out = append(out, r)
	}
	return append(out, spf(f, v)...)
}

// iprev is RFC 8601 section 2.7.3: fail means that forward and reverse DNS disagree, permerror that there is no PTR
// record. A private address has no result.
func iprev(f *helogate.Facts, v *helogate.Verdict) authres.Result {
	found := finding(v, "fcrdns")
	if found == nil {
		return nil
	}
	r := &authres.IPRevResult{IP: property(address(f).String())}
	switch found.Outcome {
	case helogate.Pass:
		r.Value = authres.ResultPass
	case helogate.Fail:
		r.Value, r.Reason = authres.ResultFail, reason(found.Why)
	case helogate.TempError:
		r.Value = authres.ResultTempError
	case helogate.PermError:
		r.Value = authres.ResultPermError
	case helogate.None:
		if !isNameless(f, v) {
			return nil
		}
		r.Value, r.Reason = authres.ResultPermError, "no PTR"
	default:
		return nil
	}
	return r
}

// isNameless reports whether DNS answered that the client's address has no PTR record.
func isNameless(f *helogate.Facts, v *helogate.Verdict) bool {
	client := address(f).String()
	for i := range v.Asked {
		if q := &v.Asked[i]; q.Kind == helogate.PTR && q.Name == client {
			return q.Status == helogate.NXDomain || q.Status == helogate.NoData
		}
	}
	return false
}

func address(f *helogate.Facts) netip.Addr { return f.Client.Unmap().WithZone("") }

// spf is RFC 8601 section 2.7.2, for the identities that were checked. The sender is given by its domain alone, since
// SPF does not check mailboxes. For the null sender it is the HELO name (RFC 7208 section 2.4).
func spf(f *helogate.Facts, v *helogate.Verdict) (out []authres.Result) {
	helo, from := finding(v, "spf-helo"), finding(v, "spf-from")
	if helo == nil && f.Sender == "" {
		helo, from = from, nil
	}
	if helo != nil {
		out = append(out, &authres.SPFResult{Value: authres.ResultValue(helo.Outcome.String()), Helo: property(f.Helo)})
	}
	if from != nil && f.Sender != "" {
		domain := f.Sender[strings.LastIndexByte(f.Sender, '@')+1:]
		out = append(out, &authres.SPFResult{Value: authres.ResultValue(from.Outcome.String()), From: property(domain)})
	}
	return out
}

// The code below ensures what authres takes for granted. authres quotes values, but does not escape quotation marks;
// and many readers of this field, its own parser among them, split it at ";" and spaces without regard to quotes. So
// text of the client contains nothing that ends a value, quoted or not: "?" replaces it, as in Postfix.

// property is a pvalue of RFC 8601 section 2.2: a token, an address, or what authres then quotes.
func property(s string) string {
	s = cut(replaced(s, '?', func(c byte) bool { return isToken(c) || c == '@' || c == ':' }), maxValue)
	if !isAddress(s) {
		s = strings.ReplaceAll(s, "@", "?") // authres would not quote it
	}
	return s
}

// reason is a sentence.
func reason(s string) string {
	return cut(replaced(s, '?', func(c byte) bool {
		return isToken(c) || strings.IndexByte(" @:,/[]<>", c) >= 0
	}), maxReason)
}

// authserv is an authserv-id, which authres leaves as it is: a token, whatever is in the configuration.
func authserv(s string) string { return cut(replaced(s, '_', isToken), maxAuthserv) }

// replaced is s with another octet for each that is not wanted.
func replaced(s string, by byte, wanted func(byte) bool) string {
	b := []byte(s)
	for i, c := range b {
		if !wanted(c) {
			b[i] = by
		}
	}
	return string(b)
}

// isToken reports whether an octet may stand in a token (RFC 2045 section 5.1).
func isToken(c byte) bool {
	return c > ' ' && c <= '~' && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

// isAddress reports whether s is dot-atom@domain, or has no "@" at all.
func isAddress(s string) bool {
	local, domain, has := strings.Cut(s, "@")
	return !has || isDotted(local) && isDotted(domain)
}

func isDotted(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strings.ContainsAny(part, "@") {
			return false
		}
	}
	return true
}
