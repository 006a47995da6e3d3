package config

import (
	"slices"
	"strings"
)

// rules checks what no value can tell alone, and fills in the defaults that depend on others.
func (d *decoder) rules(root *node, c *Config) {
	if n := root.get("exempt"); n != nil && n.kind == list {
		for _, one := range n.kids {
			d.exempt(one)
		}
	}
	if n := root.get("listen"); n != nil && n.kind == list {
		d.listen(n)
	}
	if len(c.Listen) == 0 {
		c.Listen = Default().Listen
	}
	for i := range c.Listen {
		if l := &c.Listen[i]; l.Address.Network == "unix" && l.Mode == 0 {
			l.Mode = socketMode
		}
	}
	d.dns(root.get("dns"), c.DNS)
}

// complete reports whether all of a table could be read, so that what is missing in it is missing indeed.
func complete(n *node, fields []field) bool {
	for _, kid := range n.kids {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == kid.name }) {
			return false
		}
	}
	return n.kind == table && !n.damaged
}

// exempt wants a matcher: without one, everybody would be let in.
func (d *decoder) exempt(n *node) {
	if !complete(n, fieldsOf(exemptType)) {
		return
	}
	for _, name := range []string{"address", "name", "helo", "sender", "recipient"} {
		if n.get(name) != nil {
			return
		}
	}
	d.fail(n.val, n, "this would let in everybody: say whom, by address, name, helo, sender or recipient")
}

// listen wants each door whole, and none in the way of another.
func (d *decoder) listen(n *node) {
	type door struct {
		n  *node
		at Endpoint
	}
	var doors []door
	for _, one := range n.kids {
		if complete(one, fieldsOf(listenType)) {
			for _, name := range []string{"protocol", "address"} {
				if one.get(name) == nil {
					d.fail(one.val, one, "the %s is missing: give %s", name, map[string]string{
						"protocol": "one of " + strings.Join(d.opt.Protocols, ", "),
						"address":  `"127.0.0.1:10040" or "unix:/run/helogate/policy.sock", say`,
					}[name])
				}
			}
		}
		a, mode := one.get("address"), one.get("mode")
		if a == nil || a.kind != text {
			continue
		}
		at, err := ParseEndpoint(a.text)
		if err != nil {
			continue
		}
		if mode != nil && at.Network != "unix" {
			d.fail(mode.val, mode, "%s is no unix socket and has no permissions: leave this out", at)
		}
		for _, other := range doors {
			if at.covers(other.at) || other.at.covers(at) {
				d.fail(a.val, a, "%s is taken by %s, which listens at %s", at, other.n.path(), other.at)
				break
			}
		}
		doors = append(doors, door{one, at})
	}
}

// dns wants numbers that go together, and trust in servers that are asked.
func (d *decoder) dns(n *node, dns DNS) {
	if n == nil || n.kind != table {
		return
	}
	timeout, budget := n.get("timeout"), n.get("budget")
	if dns.Timeout > dns.Budget {
		at := timeout
		if at == nil {
			at = budget
		}
		d.fail(at.val, at, "one try may take %s, and all of them together (budget) only %s", durationText(dns.Timeout), durationText(dns.Budget))
	}
	trusted := n.get("trusted")
	servers := n.get("servers")
	if trusted == nil || servers == nil || len(dns.Servers) == 0 || len(dns.Servers) < len(servers.kids) {
		return
	}
	for _, one := range trusted.kids {
		a, err := parseAddress(one.text)
		if err != nil {
			continue
		}
		asked := false
		for _, s := range dns.Servers {
			asked = asked || s.Addr() == a
		}
		if !asked {
			d.fail(one.val, one, "%s is none of dns.servers, so that nobody asks it", a)
		}
	}
}
