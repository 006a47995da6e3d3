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
		d.fail(n.val, n, "must be a table, not %s: write [%s] on a line, and name = \"action\" below", n.kind.a(), n.header())
		return
	}
	all := Checks{}
	for _, child := range n.children {
		if !slices.Contains(d.opt.Checks, child.name) {
			d.unknownCheck(child)
			continue
		}
		on := map[helogate.Outcome]helogate.Effect{}
		switch child.kind {
		case text:
			d.action(child, helogate.Fail, on)
		case table:
			d.outcomes(child, on)
		default:
			d.fail(child.val, child, `must be an action such as "score 2", or a table such as { fail = "reject" }, not %s`, child.kind.a())
		}
		all[child.name] = on
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
	for _, child := range n.children {
		if err := oneOf("an outcome", child.name, names); err != nil {
			d.wrong.add(child.key, n.path(), "%w", err)
			continue
		}
		if child.kind != text {
			d.fail(child.val, child, `must be an action in quotes, such as "score 2", not %s`, child.kind.a())
			continue
		}
		outcome, err := helogate.ParseOutcome(child.name)
		if err != nil {
			d.fail(child.key, child, "%w", err)
			continue
		}
		d.action(child, outcome, on)
	}
	if len(n.children) == 0 && !n.incomplete {
		d.fail(n.val, n, `is empty: write an outcome and an action, such as { fail = "reject" }`)
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
		for _, child := range n.children {
			if !bareKey.MatchString(child.name) {
				d.wrong.add(child.key, n.path(), "%s is not a valid list name: use letters, digits, - and _", quoted(child.name))
			}
		}
	}
	d.texts(n, v, `name = "/path"`, valueTypes["path"])
}

// replies decodes [policy.replies]. checkReplies checks its keys, once the rules are known.
func (d *decoder) replies(n *node, v reflect.Value) {
	d.texts(n, v, `name = "text"`, valueTypes["reply"])
}

// texts decodes a table whose keys the administrator chooses, with values of one type.
func (d *decoder) texts(n *node, v reflect.Value, entry string, is *valueType) {
	if n.kind != table {
		d.fail(n.val, n, "must be a table, not %s: write [%s] on a line, and %s below", n.kind.a(), n.header(), entry)
		return
	}
	all := map[string]string{}
	for _, child := range n.children {
		one := reflect.New(v.Type().Elem()).Elem()
		if d.value(child, field{leaf: is}, one) {
			all[child.name] = one.String()
		}
	}
	if len(all) > 0 {
		v.Set(reflect.ValueOf(all))
	}
}

// checkReplies reports replies that belong to no check, no rule and none of notChecks.
func (d *decoder) checkReplies(root *node) {
	n := root.get("policy").get("replies")
	names, all := d.replyNames(root)
	if n == nil || n.kind != table || !all {
		return
	}
	for _, child := range n.children {
		if slices.Contains(names, child.name) || d.renamedKey(child) {
			continue
		}
		_, homes := d.homes(child.name, n)
		if near := suggest.Closest(child.name, names); near == "" && len(homes) > 0 {
			d.wrong.add(child.key, n.path(), "there is no check or rule %s; the setting belongs %s", quoted(child.name), either(homes))
			continue
		}
		d.wrong.add(child.key, n.path(), "there is no check or rule %s%s", quoted(child.name), meant(child.name, names))
	}
}

// notChecks are the reasons for a refusal that are not checks or rules.
var notChecks = []string{helogate.ByScore, helogate.TextDefer, helogate.TextGreylist}

// replyNames returns the names that a reply can have, and whether they are complete: the name of a rule may be
// unreadable.
func (d *decoder) replyNames(root *node) ([]string, bool) {
	names := slices.Concat(d.opt.Checks, notChecks)
	all := !root.incomplete
	if rules := root.get("rule"); rules != nil {
		all = all && rules.kind == list
		for _, one := range rules.children {
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
