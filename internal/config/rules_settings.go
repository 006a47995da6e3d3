package config

import (
	"cmp"
	"strings"

	"github.com/helogate/helogate/check"
)

// listNames reports two lists of a family with the same name.
func (d *decoder) listNames(root *node, c *Config) {
	for _, family := range check.ListFamilies {
		first, lists := map[string]*node{}, c.ListsOf(family)
		for i, one := range alike(root.tables(family), lists) {
			at := one.get("name")
			if at == nil {
				at = one.get("zone")
			}
			name := strings.ToLower(cmp.Or(lists[i].Name, lists[i].Zone))
			if at == nil || name == "" {
				continue
			}
			if old := first[name]; old != nil {
				d.fail(at.val, at, "the [[%s]] at %s has the same name: give each its own with name = \"...\"", family, old.val.where())
				continue
			}
			first[name] = at
		}
	}
}

// greylist reports a window in which no retry can pass.
func (d *decoder) greylist(n *node, g Greylist) {
	if n == nil || n.kind != table || g.Delay < g.Window {
		return
	}
	at := n.get("delay")
	if at == nil {
		at = n.get("window")
	}
	if at != nil {
		d.fail(at.val, at, "the delay is %s, and a retry must come within %s (window): no retry could pass", durationText(g.Delay), durationText(g.Window))
	}
}

// order reports names that occur twice.
func (d *decoder) order(n *node) {
	if n == nil || n.kind != list {
		return
	}
	first := map[string]*node{}
	for _, one := range n.children {
		names := []string{one.text}
		if one.text == OrderSPF {
			names = []string{"spf-helo", "spf-from"}
		}
		for _, name := range names {
			if old := first[name]; old != nil {
				d.fail(one.val, one, "%s is already in the order, as %s", quoted(name), quoted(old.text))
				break
			}
			first[name] = one
		}
	}
}

// state reports settings that contradict each other.
func (d *decoder) state(n *node, s State) {
	if n == nil || n.kind != table {
		return
	}
	redis := n.get("redis")
	servers := redis.get("servers")
	if store := n.get("store"); s.Store == RedisServer && len(s.Redis.Servers) == 0 && store != nil && servers == nil {
		d.fail(store.val, store, "the store redis needs servers: give them in [state.redis]")
	}
	if redis == nil {
		return
	}
	if s.Store != RedisServer && servers != nil && len(servers.children) > 0 {
		d.fail(servers.val, servers, "these servers are not used, since the store is %s: write store = \"redis\" in [state]", s.Store)
	}
	r := s.Redis
	if db := redis.get("database"); db != nil && r.Cluster && r.Database != 0 {
		d.fail(db.val, db, "a cluster has only database 0: remove the setting")
	}
	if master := redis.get("master"); master != nil && r.Cluster && r.Master != "" {
		d.fail(master.val, master, "the servers are sentinels or a cluster, not both: remove master or cluster")
	}
	if r.Master == "" && !r.Cluster && len(r.Servers) > 1 && s.Store == RedisServer && servers != nil {
		d.fail(servers.val, servers, "several servers must be a cluster or sentinels: give cluster = true, or the name of the master")
	}
	if servers == nil {
		return
	}
	for _, one := range servers.children {
		if r.Cluster && strings.HasPrefix(one.text, "/") {
			d.fail(one.val, one, "a cluster cannot be reached by a unix socket: give a host and a port")
		}
	}
}
