package helogate

import (
	"net/netip"
	"strconv"
	"time"
)

// appendFormat is fmt.Appendf for the texts of findings, with the verbs %s, %d and %%. It calls no method of an unknown
// type, so the compiler can keep the arguments off the heap: a finding whose text is not needed costs no allocation.
func appendFormat(b []byte, format string, args []any) []byte {
	next := 0
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b = append(b, format[i])
			continue
		}
		i++
		switch {
		case format[i] == '%':
			b = append(b, '%')
		case next == len(args):
			b = append(b, "%!(MISSING)"...)
		default:
			b = appendArg(b, args[next])
			next++
		}
	}
	if next < len(args) {
		b = append(b, "%!(EXTRA)"...)
	}
	return b
}

func appendArg(b []byte, arg any) []byte {
	switch x := arg.(type) {
	case string:
		return append(b, x...)
	case int:
		return strconv.AppendInt(b, int64(x), 10)
	case netip.Addr:
		return x.AppendTo(b)
	case netip.Prefix:
		return x.AppendTo(b)
	case []string:
		return appendList(b, x)
	case bool:
		return strconv.AppendBool(b, x)
	case time.Duration:
		return append(b, x.String()...)
	case Kind:
		return append(b, x.String()...)
	case Outcome:
		return append(b, x.String()...)
	case Status:
		return append(b, x.String()...)
	case Stage:
		return append(b, x.String()...)
	}
	return append(b, "%!(BADTYPE)"...)
}

func appendList(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, s...)
	}
	return append(b, ']')
}
