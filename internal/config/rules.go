package config

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/helogate/helogate"
)

// rules checks what no value can tell alone, and fills in the defaults that depend on others.
func (d *decoder) rules(root *node, c *Config) {
	d.required(root)
	for _, one := range root.tables("exempt") {
		d.exempt(one)
	}
	for _, one := range root.get("greylist").tables("exempt") {
		d.exempt(one)
	}
	for _, one := range root.tables("forwarder") {
		d.forwarder(one)
	}
	d.listNames(root, c)
	d.dnsLists(root, c)
	d.nonsense(root, c)
	d.greylist(root.get("greylist"), c.Greylist)
	d.order(root.get("policy").get("order"))
	d.state(root.get("state"), c.State)
	d.ruleNames(alike(root.tables("rule"), c.Rule), c.Rule)
	d.checkReplies(root)
	d.listen(root.tables("listen"), root.get("control").get("socket"))
	if len(c.Listen) == 0 {
		c.Listen = Default().Listen
	}
	for i := range c.Listen {
		if l := &c.Listen[i]; l.Address.Network == "unix" && l.Permissions == 0 {
			l.Permissions = socketMode
		}
	}
	d.control(root.get("control"), &c.Control)
	d.dns(root.get("dns"), c.DNS)
}

// tables returns the tables of a list.
func (n *node) tables(name string) []*node {
	if n = n.get(name); n == nil || n.kind != list {
		return nil
	}
	return n.children
}

// complete reports whether all of a table could be read, so that what is missing in it is missing indeed.
func complete(n *node, fields []field) bool {
	for _, child := range n.children {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == child.name }) {
			return false
		}
	}
	return n.kind == table && !n.incomplete
}

// needed is the tag of what has no default.
const needed = "must be given"

// required wants what must be given in each table of a list.
func (d *decoder) required(root *node) {
	give := map[string]string{
		"listen.protocol":      "one of " + strings.Join(d.opt.Protocols, ", "),
		"listen.address":       `"127.0.0.1:10040" or "unix:/run/helogate/policy.sock", say`,
		"policy.for.recipient": `an address or a domain, "abuse@example.net" or ".lists.example.net", say`,
		"rule.name":            `one, for log and replies to call the rule by`,
		"rule.when":            `an expression, 'helo.text == "friend"', say`,
		"rule.then":            `an action, "reject" or "would score 2", say`,
	}
	for _, family := range []string{"dnsbl", "rhsbl", "dnswl"} {
		give[family+".zone"] = `the zone that is asked, "bl.example", say`
		give[family+".codes"] = `the answers that count, ["127.0.0.2-127.0.0.11"], say: the list's own page has them`
	}
	for _, s := range sections() {
		above, name := root, s.path
		if before, last, ok := strings.Cut(s.path, "."); ok {
			above, name = root.get(before), last
		}
		for _, one := range above.tables(name) {
			for _, f := range s.fields {
				if f.unset == needed && one.get(f.name) == nil && complete(one, s.fields) {
					verb := "is"
					if f.list && strings.HasSuffix(f.name, "s") {
						verb = "are"
					}
					d.fail(one.val, one, "the %s %s missing: give %s", f.name, verb, give[s.path+"."+f.name])
				}
			}
		}
	}
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

// forwarder wants a host; and one that is believed when it says whom it has its mail from is known by its address, for
// that it must be known before anything is asked.
func (d *decoder) forwarder(n *node) {
	address, name, origin := n.get("address"), n.get("name"), n.get("origin")
	switch {
	case address == nil && name == nil:
		if complete(n, fieldsOf(forwarderType)) {
			d.fail(n.val, n, "everybody would be a forwarder: say which host is, by address or name")
		}
	case origin == nil || origin.kind != boolean || origin.text != "true":
	case name != nil:
		d.fail(name.val, name, "with origin = true the forwarder is known by its address alone: give address, and leave this out")
	}
}

// ruleNames wants names that tell rules, checks and all else that can refuse a client apart, and rules that do something.
func (d *decoder) ruleNames(all []*node, rules []Rule) {
	first := map[string]*node{}
	for i, one := range all {
		if then := one.get("then"); then != nil && rules[i].Then.Action == helogate.Ignore {
			d.fail(then.val, then, `a rule that is ignored does nothing: write "note" to see in the journal when it holds, or remove the rule`)
		}
		name := one.get("name")
		if name == nil || name.kind != text {
			continue
		}
		switch old := first[name.text]; {
		case slices.Contains(d.opt.Checks, name.text):
			d.fail(name.val, name, "%s is the name of a check: give the rule another name", shown(name.text))
		case slices.Contains(notChecks, name.text):
			d.fail(name.val, name, "%s has a meaning of its own in log and replies: give the rule another name", shown(name.text))
		case old != nil:
			d.fail(name.val, name, "another rule has this name, at %s: give each its own", old.val.where())
		default:
			first[name.text] = name
		}
	}
}

// listen wants no listener in the way of another, nor of the control socket.
func (d *decoder) listen(all []*node, control *node) {
	type listener struct {
		n  *node
		at Endpoint
	}
	var listeners []listener
	for _, one := range all {
		a, perm := one.get("address"), one.get("permissions")
		if a == nil || a.kind != text {
			continue
		}
		at, err := ParseEndpoint(a.text)
		if err != nil {
			continue
		}
		if perm != nil && at.Network != "unix" {
			d.fail(perm.val, perm, "%s is no unix socket and has no permissions: leave this out", at)
		}
		d.listener(one, at)
		for _, other := range listeners {
			if at.covers(other.at) || other.at.covers(at) {
				d.fail(a.val, a, "%s is taken by %s, which listens at %s", at, other.n.path(), other.at)
				break
			}
		}
		listeners = append(listeners, listener{one, at})
	}
	for _, other := range listeners {
		if at, err := ParseEndpoint(control.value()); err == nil && at == other.at {
			d.fail(control.val, control, "%s is taken by %s: the control socket needs a path of its own", at, other.n.path())
		}
	}
}

// listener wants what its protocol needs, and no table that is another's.
func (d *decoder) listener(n *node, at Endpoint) {
	protocol := n.get("protocol")
	if protocol == nil || protocol.kind != text {
		return
	}
	for _, f := range fieldsOf(listenType) {
		if child := n.get(f.name); child != nil && f.leaf == nil && f.name != protocol.text {
			d.fail(child.key, child, "this table is for the protocol %s, and the listener speaks %s: leave it out", f.name, protocol.text)
		}
	}
	if !complete(n, fieldsOf(listenType)) {
		return
	}
	own := n.get(protocol.text)
	if own != nil && own.kind != table {
		return // which is said already
	}
	switch {
	case protocol.text == "nginx" && own.get("backend") == nil:
		d.fail(n.val, n, "the mail server is missing that nginx is to pass clients to: nginx.backend = \"127.0.0.1:2526\", say")
	case protocol.text == "http" && own.get("token_file") == nil && at.Network != "unix":
		d.fail(n.val, n, "anybody who reaches %s could ask: give http.token_file, or listen on a unix socket", at)
	}
}

// control wants no permissions of what is not there.
func (d *decoder) control(n *node, c *Control) {
	if c.Socket != "none" {
		return
	}
	if p := n.get("permissions"); p != nil {
		d.fail(p.val, p, `there is no control socket that could have permissions, for socket is "none": leave one of them out`)
	}
	c.Permissions = 0
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
	trusted, servers := n.get("trusted"), n.get("servers")
	if trusted == nil || servers == nil || len(dns.Servers) == 0 || len(alike(servers.children, dns.Servers)) == 0 {
		return
	}
	for i, one := range alike(trusted.children, dns.Trusted) {
		a := dns.Trusted[i]
		if !slices.ContainsFunc(dns.Servers, func(s netip.AddrPort) bool { return s.Addr() == a }) {
			d.fail(one.val, one, "%s is none of dns.servers, so that nobody asks it", a)
		}
	}
}
