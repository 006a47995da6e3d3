package imports

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/helodnscheck"
)

// A sourced is a value and the parameter that it is from.
type sourced struct{ value, from string }

// ownOf writes the local names and networks, as far as Postfix says it in so many words: tables are not read.
func (d *doc) ownOf(p *postconf) {
	d.table("[own]")
	d.sourced("names", d.ownNames(p), "your domains, with everything below", "example.net")
	d.sourced("addresses", d.ownAddresses(p), "your addresses; helogate knows the one that the client connected to", "192.0.2.25")
	d.sourced("networks", d.ownNetworks(p), "your networks: never judged", "192.0.2.0/24")
}

// sourced writes a list, each value with where it is from.
func (d *doc) sourced(key string, values []sourced, what, example string) {
	if len(values) == 0 {
		d.example(key, "["+quote(example)+"]", what)
		return
	}
	d.b.WriteString(key + " = [\n")
	for _, v := range values {
		d.value(quote(v.value)+",", v.from)
	}
	d.b.WriteString("]\n")
}

func (d *doc) value(value, why string) {
	d.b.WriteString("    " + value + strings.Repeat(" ", max(1, 36-len(value))) + "# " + clean(why) + "\n")
}

// nameParams are the parameters that list local domains.
var nameParams = []string{"mydestination", "myhostname", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains"}

func (d *doc) ownNames(p *postconf) []sourced {
	var all []sourced
	params := nameParams
	if p.isSet("mydomain") { // by default it is what myhostname is in, which may be a provider's
		params = append([]string{"mydomain"}, params...)
	}
	for _, param := range params {
		values, line, err := p.values(param)
		if err != nil {
			d.note(line, param, "%v: its value is left out; see `postconf -x %s`", err, param)
		}
		for _, v := range values {
			if name, ok := d.ownName(param, line, v); ok && !slices.ContainsFunc(all, func(s sourced) bool { return s.value == name }) {
				all = append(all, sourced{name, param})
			}
		}
	}
	if _, known := p.get("myhostname"); !known {
		d.note(0, "myhostname", "is not in this text, since `postconf -n` prints only parameters that are set: add it to own.names")
	}
	d.mapsOfDomains(p)
	return widest(all)
}

// mapsOfDomains says where domains are in tables by default (postconf(5)).
func (d *doc) mapsOfDomains(p *postconf) {
	for _, kind := range []string{"virtual_alias", "virtual_mailbox"} {
		if m := p.set[kind+"_maps"]; m.value != "" && !p.isSet(kind+"_domains") {
			d.note(m.line, kind+"_maps = "+m.value, "tables are not read: write your own domains in it into own.names")
		}
	}
}

// ownName reads one value of a list of domains.
func (d *doc) ownName(param string, line int, v string) (name string, ok bool) {
	if why := isTable(v); why != "" {
		d.note(line, param+": "+v, "%s: write your own domains in it into own.names", why)
		return "", false
	}
	name = hostname.Canonical(strings.TrimPrefix(v, "."))
	h := hostname.ParseHelo(name)
	switch {
	case h.Form == hostname.SingleLabel || name == "" || strings.HasPrefix(name, "localhost."):
		return "", false // localhost, or a name that no other client uses
	case h.Form == hostname.Private:
	case h.Form != hostname.FQDN:
		d.note(line, param+": "+v, "it is not a domain name")
		return "", false
	case hostname.Org(name) == "":
		d.note(line, param+": "+v, "others can have names below it")
		return "", false
	}
	return name, true
}

// isTable says what a value of a list is that is not literal, "" if it is.
func isTable(v string) string {
	switch {
	case strings.HasPrefix(v, "!"):
		return "an exclusion is not carried over"
	case strings.HasPrefix(v, "/"), strings.Contains(v, ":/"), strings.HasPrefix(v, "static:"), strings.HasPrefix(v, "inline:"),
		strings.HasPrefix(v, "proxy:"), strings.HasPrefix(v, "{"):
		return "tables are not read"
	case strings.Contains(v, ":") && !strings.HasPrefix(v, "["):
		if kind, _, _ := strings.Cut(v, ":"); nameLen(kind) == len(kind) && len(kind) > 1 {
			if _, err := netip.ParseAddr(v); err != nil {
				return "tables are not read"
			}
		}
	}
	return ""
}

// widest leaves out the names below others: everything below a name is meant anyway.
func widest(all []sourced) (out []sourced) {
	for i, s := range all {
		below := slices.ContainsFunc(all, func(t sourced) bool { return t.value != s.value && hostname.Under(s.value, t.value) })
		if !below {
			out = append(out, all[i])
		}
	}
	return out
}

func (d *doc) ownAddresses(p *postconf) (out []sourced) {
	for _, param := range []string{"inet_interfaces", "proxy_interfaces"} {
		values, line, err := p.values(param)
		if err != nil {
			d.note(line, param, "%v", err)
		}
		for _, v := range values {
			a, err := netip.ParseAddr(strings.Trim(v, "[]"))
			switch {
			case v == "all" || v == "localhost" || err == nil && (a.IsLoopback() || a.IsUnspecified()):
			case v == "loopback-only":
				d.note(line, param+" = "+v, "only this host can connect to it, and is never judged")
			case err != nil || a.Zone() != "":
				d.note(line, param+": "+v, "it is not an IP address: write its address into own.addresses")
			default:
				out = append(out, sourced{a.Unmap().String(), param})
			}
		}
	}
	return out
}

func (d *doc) ownNetworks(p *postconf) (out []sourced) {
	values, line, err := p.values("mynetworks")
	if err != nil {
		d.note(line, "mynetworks", "%v", err)
	}
	style, styled := p.get("mynetworks_style")
	if _, known := p.get("mynetworks"); !known {
		what := "mynetworks"
		if styled {
			what = "mynetworks_style = " + style.value
		}
		d.note(style.line, what, "Postfix derives the networks from its interfaces, which are not in this text: see `postconf mynetworks`")
	}
	for _, v := range values {
		network, why := parseMyNetwork(v)
		if why != "" {
			d.note(line, "mynetworks: "+v, "%s", why)
			continue
		}
		from := "mynetworks"
		if _, set := p.set["mynetworks"]; !set && styled {
			from = "mynetworks, by mynetworks_style = " + style.value
		}
		s := sourced{network.String(), from}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// parseMyNetwork reads "192.0.2.0/24", "[2001:db8::]/32" and addresses.
func parseMyNetwork(v string) (netip.Prefix, string) {
	if why := isTable(v); why != "" {
		return netip.Prefix{}, why + ": write your networks into own.networks"
	}
	host, bits, masked := strings.Cut(v, "/")
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, "it is not a network"
	}
	n := a.BitLen()
	if masked {
		n = helodnscheck.BitsOf(a, bits)
	}
	if a.Is4In6() && n >= 96 {
		a, n = a.Unmap(), n-96
	}
	network, err := a.Prefix(n)
	switch {
	case err != nil:
		return netip.Prefix{}, "it is not a network"
	case n == 0:
		return netip.Prefix{}, "it is the whole Internet: this Postfix is an open relay, and no client would be judged"
	}
	return network, ""
}
