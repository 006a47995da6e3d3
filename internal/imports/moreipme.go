package imports

import (
	"net/netip"

	"github.com/helogate/helogate/internal/helodnscheck"
)

// maxBits is the size of a network in moreipme that is written out, in bits: a /24 is a host with very many addresses,
// and a larger one would fill the file.
const maxBits = 8

// moreipme reads control/moreipme of qmail, and notes what is no address and no network. own.addresses takes addresses
// alone, so a small network is written out.
func moreipme(d *doc, text string) (addresses []string) {
	seen := map[netip.Addr]bool{}
	helodnscheck.MoreIPMe(text, func(line int, entry string, p netip.Prefix, err error) {
		switch {
		case err != nil:
			d.note(line, entry, "moreipme: %s", err)
			return
		case p.Addr().BitLen()-p.Bits() > maxBits:
			d.note(line, entry, "moreipme: the network has more than 256 addresses: write those of your hosts into "+
				"own.addresses, or the network into own.networks, whose clients are never judged")
			return
		}
		for a := p.Addr(); p.Contains(a); a = a.Next() {
			if !seen[a] {
				addresses = append(addresses, a.String())
			}
			seen[a] = true
		}
	})
	return addresses
}
