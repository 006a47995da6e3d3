package rule

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/list"
)

// opaque refuses conversions. The types of this package share it: only the functions of this package use their
// values.
type opaque struct{}

func (opaque) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("no conversion to %v", t)
}
func (opaque) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("no conversion to %s", t.TypeName())
}

// heloValue is the variable helo, which has the functions under and matches.
type heloValue struct{ e *evaluation }

func (heloValue) ConvertToNative(t reflect.Type) (any, error) { return opaque{}.ConvertToNative(t) }
func (heloValue) ConvertToType(t ref.Type) ref.Val            { return opaque{}.ConvertToType(t) }
func (h heloValue) Equal(other ref.Val) ref.Val {
	o, ok := other.(heloValue)
	return types.Bool(ok && o.e == h.e)
}
func (heloValue) Type() ref.Type { return heloType }
func (h heloValue) Value() any   { return h.e }

// listValue is the value of list("name").
type listValue struct{ *list.List }

func (listValue) ConvertToNative(t reflect.Type) (any, error) { return opaque{}.ConvertToNative(t) }
func (listValue) ConvertToType(t ref.Type) ref.Val            { return opaque{}.ConvertToType(t) }
func (l listValue) Equal(other ref.Val) ref.Val {
	o, ok := other.(listValue)
	return types.Bool(ok && o.List == l.List)
}
func (listValue) Type() ref.Type { return listType }
func (l listValue) Value() any   { return l.List }

// Contains is the operator in: an address in a listed network, a mail address or its domain, a name.
func (l listValue) Contains(what ref.Val) ref.Val {
	switch what := what.(type) {
	case ext.IP:
		return types.Bool(l.List.Contains(what.Addr))
	case types.String:
		if strings.Contains(string(what), "@") {
			return types.Bool(l.ContainsMailbox(string(what)))
		}
		return types.Bool(l.ContainsName(string(what)))
	}
	return types.MaybeNoSuchOverloadErr(what)
}

// networksValue is own.networks, or a list of cidr("...").
type networksValue struct{ of *[]netip.Prefix }

func (networksValue) ConvertToNative(t reflect.Type) (any, error) { return opaque{}.ConvertToNative(t) }
func (networksValue) ConvertToType(t ref.Type) ref.Val            { return opaque{}.ConvertToType(t) }
func (n networksValue) Equal(other ref.Val) ref.Val {
	o, ok := other.(networksValue)
	return types.Bool(ok && o.of == n.of)
}
func (networksValue) Type() ref.Type { return networksType }
func (n networksValue) Value() any   { return *n.of }

// Contains is the operator in.
func (n networksValue) Contains(what ref.Val) ref.Val {
	a, ok := what.(ext.IP)
	if !ok {
		return types.MaybeNoSuchOverloadErr(what)
	}
	return types.Bool(anyContains(*n.of, a.Addr))
}

func anyContains(networks []netip.Prefix, a netip.Addr) bool {
	for _, p := range networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func toNetworks(of ref.Val) ref.Val {
	var out []netip.Prefix
	for it := of.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		p, ok := it.Next().(ext.CIDR)
		if !ok {
			return types.NewErr("a list of networks has an element of another type")
		}
		out = append(out, p.Prefix)
	}
	return networksValue{&out}
}

// isUnder reports whether a name is equal to or below another name, or any name of a list.
func isUnder(what, of ref.Val) ref.Val {
	var name string
	switch what := what.(type) {
	case heloValue:
		name = what.e.helo().Name
	case types.String:
		name = hostname.Canonical(string(what))
	}
	switch of := of.(type) {
	case types.String:
		return types.Bool(hostname.Under(name, hostname.Canonical(string(of))))
	case traits.Lister:
		for it := of.Iterator(); it.HasNext() == types.True; {
			if s, ok := it.Next().(types.String); ok && hostname.Under(name, hostname.Canonical(string(s))) {
				return types.True
			}
		}
		return types.False
	}
	return types.MaybeNoSuchOverloadErr(of)
}

// ownValues returns the values of the local names and addresses, made once.
func ownValues(own Own) map[string]ref.Val {
	addresses := make([]ref.Val, len(own.Addresses))
	for i, a := range own.Addresses {
		addresses[i] = ext.IP{Addr: a}
	}
	return map[string]ref.Val{
		"own.names":     types.NewStringList(types.DefaultTypeAdapter, own.Names),
		"own.addresses": types.NewRefValList(types.DefaultTypeAdapter, addresses),
		"own.networks":  networksValue{&own.Networks},
	}
}
