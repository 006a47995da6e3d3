package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/helogate/helogate"
)

// rename is a setting that an earlier version called by another name, in the same table.
type rename struct{ table, old, new string }

// renames are all of them. The old name is an error that gives the new one: an old file must not lose a setting
// silently. Renamed actions are in [helogate.ParseEffect], renamed variables of rules in package rule.
var renames = []rename{
	{"dns", "patience", "failure_grace"},
	{"policy.replies", "suspicion", helogate.ByScore},
}

// renamed returns the rename of a key in a table, given as in its header.
func renamed(table, key string) (rename, bool) {
	i := slices.IndexFunc(renames, func(r rename) bool { return r.table == table && r.old == key })
	if i < 0 {
		return rename{}, false
	}
	return renames[i], true
}

// oldName and newName are the whole names of the setting.
func (r rename) oldName() string { return r.table + "." + r.old }
func (r rename) newName() string { return r.table + "." + r.new }

// variable is the environment variable of a setting.
func variable(path string) string {
	return prefix + strings.ReplaceAll(strings.ToUpper(path), ".", "__")
}

// renamedKey reports a key that has a new name, and returns whether it is one.
func (d *decoder) renamedKey(n *node) bool {
	r, is := renamed(n.parent.header(), n.name)
	if !is {
		return false
	}
	msg := fmt.Sprintf("%s is now %s", r.oldName(), r.newName())
	if now := n.parent.get(r.new); now != nil {
		msg += fmt.Sprintf(", which is set at %s: remove the old name", now.key.where())
	} else {
		msg += ": rename it"
	}
	d.wrong.add(n.key, n.parent.path(), "%s", msg)
	return true
}

// renamedVariable reports an environment variable that has a new name, and returns whether it is one.
func (d *decoder) renamedVariable(src *source) bool {
	for _, r := range renames {
		if src.name == variable(r.oldName()) {
			src.data = []byte(src.name) // the value may be a secret: do not print it
			d.wrong.add(span{src, 0, len(src.name)}, "", "%s is now %s: rename it", src.name, variable(r.newName()))
			return true
		}
	}
	return false
}
