package config

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/helogate/helogate"
)

// rules checks settings that depend on each other, and fills in the defaults that depend on other settings.
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
	d.useless(root, c)
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

// complete reports whether all of a table could be read, so that a setting that is not there is indeed missing.
func complete(n *node, fields []field) bool {
	for _, child := range n.children {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == child.name }) {
			return false
		}
	}
	return n.kind == table && !n.incomplete
}

// needed is the tag of a setting that is required.
const needed = "must be given"

// required reports required settings that are missing in a table of a list.
func (d *decoder) required(root *node) {
	give := map[string]string{
		"listen.protocol":      "one of " + strings.Join(d.opt.Protocols, ", "),
		"listen.address":       `one such as "127.0.0.1:10040" or "unix:/run/helogate/policy.sock"`,
		"policy.for.recipient": `an address or a domain, such as "abuse@example.net" or ".lists.example.net"`,
		"rule.name":            `one for log and replies`,
		"rule.when":            `an expression such as 'helo.text == "friend"'`,
		"rule.then":            `an action such as "reject" or "would score 2"`,
	}
	for _, family := range []string{"dnsbl", "rhsbl", "dnswl"} {
		give[family+".zone"] = `one such as "bl.example"`
		give[family+".codes"] = `the answers that count, such as ["127.0.0.2-127.0.0.11"]; the web page of the list has them`
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
					d.fail(one.val, one, "%s %s missing: give %s", f.name, verb, give[s.path+"."+f.name])
				}
			}
		}
	}
}

// exempt reports an exemption without a matcher, which would accept every client.
func (d *decoder) exempt(n *node) {
	if !complete(n, fieldsOf(exemptType)) {
		return
	}
	for _, name := range []string{"address", "name", "helo", "sender", "recipient"} {
		if n.get(name) != nil {
			return
		}
	}
	d.fail(n.val, n, "the entry would match every client: give address, name, helo, sender or recipient")
}

// forwarder reports a forwarder without a host. One with origin must be known by its address, since the origin is
// needed before the first lookup.
func (d *decoder) forwarder(n *node) {
	address, name, origin := n.get("address"), n.get("name"), n.get("origin")
	switch {
	case address == nil && name == nil:
		if complete(n, fieldsOf(forwarderType)) {
			d.fail(n.val, n, "the entry would match every client: give address or name")
		}
	case origin == nil || origin.kind != boolean || origin.text != "true":
	case name != nil:
		d.fail(name.val, name, "a forwarder with origin = true must be known by its address: give address, and remove name")
	}
}

// ruleNames reports names that a rule shares with a check, another rule or one of notChecks, and rules that do nothing.
func (d *decoder) ruleNames(all []*node, rules []Rule) {
	first := map[string]*node{}
	for i, one := range all {
		if then := one.get("then"); then != nil && rules[i].Then.Action == helogate.Ignore {
			d.fail(then.val, then, `a rule with ignore does nothing: write "note" to log when it matches, or remove the rule`)
		}
		name := one.get("name")
		if name == nil || name.kind != text {
			continue
		}
		switch old := first[name.text]; {
		case slices.Contains(d.opt.Checks, name.text):
			d.fail(name.val, name, "%s is the name of a check: give the rule another name", quoted(name.text))
		case slices.Contains(notChecks, name.text):
			d.fail(name.val, name, "%s has another meaning in log and replies: give the rule another name", quoted(name.text))
		case old != nil:
			d.fail(name.val, name, "the rule at %s has the same name: give each rule its own", old.val.where())
		default:
			first[name.text] = name
		}
	}
}

// listen reports listeners that overlap each other or the control socket.
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
			d.fail(perm.val, perm, "%s is not a unix socket and has no permissions: remove the setting", at)
		}
		d.listener(one, at)
		for _, other := range listeners {
			if at.covers(other.at) || other.at.covers(at) {
				d.fail(a.val, a, "%s is already used by %s, which listens on %s", at, other.n.path(), other.at)
				break
			}
		}
		listeners = append(listeners, listener{one, at})
	}
	for _, other := range listeners {
		if at, err := ParseEndpoint(control.value()); err == nil && at == other.at {
			d.fail(control.val, control, "%s is already used by %s: give the control socket another path", at, other.n.path())
		}
	}
}

// listener reports what its protocol needs and lacks, and tables of other protocols.
func (d *decoder) listener(n *node, at Endpoint) {
	protocol := n.get("protocol")
	if protocol == nil || protocol.kind != text {
		return
	}
	for _, f := range fieldsOf(listenType) {
		if child := n.get(f.name); child != nil && f.leaf == nil && f.name != protocol.text {
			d.fail(child.key, child, "this table is for the protocol %s, and the protocol of the listener is %s: remove it", f.name, protocol.text)
		}
	}
	if !complete(n, fieldsOf(listenType)) {
		return
	}
	own := n.get(protocol.text)
	if own != nil && own.kind != table {
		return // which is reported already
	}
	switch {
	case protocol.text == "nginx" && own.get("backend") == nil:
		d.fail(n.val, n, "nginx.backend is missing: give the mail server for nginx, such as \"127.0.0.1:2526\"")
	case protocol.text == "http" && own.get("token_file") == nil && at.Network != "unix":
		d.fail(n.val, n, "any client that reaches %s could use the API: give http.token_file, or listen on a unix socket", at)
	}
}

// control reports permissions of a socket that does not exist.
func (d *decoder) control(n *node, c *Control) {
	if c.Socket != "none" {
		return
	}
	if p := n.get("permissions"); p != nil {
		d.fail(p.val, p, `there is no control socket, since socket is "none": remove permissions or socket`)
	}
	c.Permissions = 0
}

// dns reports numbers that contradict each other, and trusted servers that are not used.
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
		d.fail(at.val, at, "the timeout of one try is %s, and all lookups together may take only %s (budget)", durationText(dns.Timeout), durationText(dns.Budget))
	}
	trusted, servers := n.get("trusted"), n.get("servers")
	if trusted == nil || servers == nil || len(dns.Servers) == 0 || len(alike(servers.children, dns.Servers)) == 0 {
		return
	}
	for i, one := range alike(trusted.children, dns.Trusted) {
		a := dns.Trusted[i]
		if !slices.ContainsFunc(dns.Servers, func(s netip.AddrPort) bool { return s.Addr() == a }) {
			d.fail(one.val, one, "%s is not one of dns.servers, so it is never used", a)
		}
	}
}
