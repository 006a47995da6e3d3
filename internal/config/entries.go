package config

import (
	"reflect"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/suggest"
)

// checks decodes [policy.checks], and those of a listener or of some recipients.
func (d *decoder) checks(n *node, v reflect.Value) {
	if n.kind != table {
		d.fail(n.val, n, "is a table, not %s: write [%s] on a line, and name = \"action\" below", n.kind.a(), n.header())
		return
	}
	all := Checks{}
	for _, kid := range n.kids {
		if !slices.Contains(d.opt.Checks, kid.name) {
			d.unknownCheck(kid)
			continue
		}
		on := map[helogate.Outcome]helogate.Effect{}
		switch kid.kind {
		case text:
			d.action(kid, helogate.Fail, on)
		case table:
			d.outcomes(kid, on)
		default:
			d.fail(kid.val, kid, `wants an action such as "score 2", or a table such as { fail = "reject" }, not %s`, kid.kind.a())
		}
		all[kid.name] = on
	}
	if len(all) > 0 {
		v.Set(reflect.ValueOf(all))
	}
}

// outcomes decodes { fail = "reject", softfail = "score 1" }.
func (d *decoder) outcomes(n *node, on map[helogate.Outcome]helogate.Effect) {
	var names []string
	for _, o := range helogate.Outcomes {
		names = append(names, o.String())
	}
	for _, kid := range n.kids {
		if err := oneOf("outcome", kid.name, names); err != nil {
			d.wrong.add(kid.key, n.path(), "%w", err)
			continue
		}
		if kid.kind != text {
			d.fail(kid.val, kid, `wants an action in quotes, such as "score 2", not %s`, kid.kind.a())
			continue
		}
		outcome, err := helogate.ParseOutcome(kid.name)
		if err != nil {
			d.fail(kid.key, kid, "%w", err)
			continue
		}
		d.action(kid, outcome, on)
	}
	if len(n.kids) == 0 && !n.damaged {
		d.fail(n.val, n, `says nothing: name an outcome and an action, such as { fail = "reject" }`)
	}
}

func (d *decoder) action(n *node, o helogate.Outcome, on map[helogate.Outcome]helogate.Effect) {
	a, err := parseAction(n.text)
	if err != nil {
		d.fail(n.val, n, "%w", err)
		return
	}
	on[o] = a
}

// lists decodes [lists].
func (d *decoder) lists(n *node, v reflect.Value) {
	if n.kind == table {
		for _, kid := range n.kids {
			if !bareKey.MatchString(kid.name) {
				d.wrong.add(kid.key, n.path(), "%s is no name of a list: it has letters, digits, - and _ alone", shown(kid.name))
			}
		}
	}
	d.texts(n, v, `name = "/path"`, leaves["path"])
}

// replies decodes [policy.replies]. Whether its keys are names of anything is known when the rules are.
func (d *decoder) replies(n *node, v reflect.Value) {
	d.texts(n, v, `name = "text"`, leaves["reply"])
}

// texts decodes a table with keys of the administrator's, and values of one kind.
func (d *decoder) texts(n *node, v reflect.Value, entry string, is *leaf) {
	if n.kind != table {
		d.fail(n.val, n, "is a table, not %s: write [%s] on a line, and %s below", n.kind.a(), n.header(), entry)
		return
	}
	all := map[string]string{}
	for _, kid := range n.kids {
		one := reflect.New(v.Type().Elem()).Elem()
		if d.value(kid, field{leaf: is}, one) {
			all[kid.name] = one.String()
		}
	}
	if len(all) > 0 {
		v.Set(reflect.ValueOf(all))
	}
}

// checkReplies wants each reply to be that of something: of a check, of a rule, or of what the score leads to.
func (d *decoder) checkReplies(root *node) {
	n := root.get("policy").get("replies")
	names, all := d.replyNames(root)
	if n == nil || n.kind != table || !all {
		return
	}
	for _, kid := range n.kids {
		if slices.Contains(names, kid.name) {
			continue
		}
		_, homes := d.homes(kid.name, n)
		if near := suggest.Closest(kid.name, names); near == "" && len(homes) > 0 {
			d.wrong.add(kid.key, n.path(), "there is no check and no rule %s; the setting belongs %s", shown(kid.name), either(homes))
			continue
		}
		d.wrong.add(kid.key, n.path(), "there is no check and no rule %s%s", shown(kid.name), meant(kid.name, names))
	}
}

// notChecks are the other things that refuse a client.
var notChecks = []string{helogate.ByScore, helogate.TextDefer, helogate.TextGreylist}

// replyNames returns what there can be a reply of, and whether that is all: a rule whose name cannot be read may have any.
func (d *decoder) replyNames(root *node) ([]string, bool) {
	names := slices.Concat(d.opt.Checks, notChecks)
	all := !root.damaged
	if rules := root.get("rule"); rules != nil {
		all = all && rules.kind == list
		for _, one := range rules.kids {
			name := one.get("name")
			if name == nil || name.kind != text {
				all = false
				continue
			}
			names = append(names, name.text)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), all
}
