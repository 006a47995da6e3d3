package config

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/helogate/helogate"
)

// String returns what WriteTOML writes.
func (c *Config) String() string {
	var b bytes.Buffer
	_ = c.WriteTOML(&b) // a buffer takes all
	return b.String()
}

// WriteTOML writes the effective configuration, defaults included, and where each setting comes from: a line of the
// file, an environment variable, or the default. Parse makes an equal Config of it.
func (c *Config) WriteTOML(w io.Writer) error {
	s := &shower{c: c}
	s.table("", "", reflect.ValueOf(c).Elem(), false)
	_, err := w.Write(s.b.Bytes())
	return err
}

type shower struct {
	c *Config
	b bytes.Buffer
}

// table writes the settings of v, and then its tables. In one of a list, what is not set is left out.
func (s *shower) table(path, head string, v reflect.Value, brief bool) {
	if head != "" {
		fmt.Fprintf(&s.b, "\n%s\n", head)
	}
	if path != "" {
		path += "."
	}
	fields := fieldsOf(v.Type())
	for _, f := range fields {
		x := v.Field(f.index)
		switch {
		case f.leaf == nil, f.leaf.table != nil, brief && x.IsZero():
		case x.IsZero() && f.unset != "" && x.Kind() != reflect.Slice:
			s.line("# "+f.name, "is not set; default: "+f.unset, "")
		default:
			s.line(f.name, literal(x), s.c.Origin(path+f.name))
		}
	}
	for _, f := range fields {
		x, at := v.Field(f.index), path+f.name
		switch {
		case f.leaf != nil && f.leaf.table != nil:
			s.entries(at, x)
		case f.leaf != nil:
		case f.list:
			for i := range x.Len() {
				s.table(fmt.Sprintf("%s[%d]", at, i), "[["+header(at)+"]]", x.Index(i), true)
			}
		case brief && x.IsZero():
		default:
			s.table(at, "["+header(at)+"]", x, brief)
		}
	}
}

// entries writes a table whose keys the administrator chose.
func (s *shower) entries(path string, v reflect.Value) {
	if v.Len() == 0 {
		return
	}
	fmt.Fprintf(&s.b, "\n[%s]\n", header(path))
	for _, k := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
		value := ""
		switch x := v.MapIndex(k).Interface().(type) {
		case string:
			value = quote(x)
		case map[helogate.Outcome]helogate.Effect:
			value = actionsText(x)
		}
		s.line(keyText(k.String()), value, s.c.Origin(path+"."+keyText(k.String())))
	}
}

// actionsText is the effects by outcome; if there is only fail, its effect.
func actionsText(all map[helogate.Outcome]helogate.Effect) string {
	var on []string
	for _, o := range helogate.Outcomes {
		if a, ok := all[o]; ok {
			on = append(on, o.String()+" = "+quote(a.String()))
		}
	}
	if a, ok := all[helogate.Fail]; ok && len(on) == 1 {
		return quote(a.String())
	}
	return "{ " + strings.Join(on, ", ") + " }"
}

// line writes a setting, and to the right of it where it comes from.
func (s *shower) line(name, value, from string) {
	if strings.HasPrefix(name, "#") {
		fmt.Fprintf(&s.b, "%s %s\n", name, value)
		return
	}
	fmt.Fprintf(&s.b, "%-39s # %s\n", name+" = "+value, from)
}

// literal returns a value as TOML.
func literal(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		return quote(durationText(x))
	case fs.FileMode:
		return quote(fmt.Sprintf("%04o", x.Perm()))
	case slog.Level:
		return quote(strings.ToLower(x.String()))
	case time.Time:
		return untilText(x)
	case fmt.Stringer:
		return quote(x.String())
	}
	switch v.Kind() {
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = literal(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Pointer:
		return literal(v.Elem())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10)
	}
	return quote(v.String())
}

// quote returns a string as TOML: in single quotes if it has backslashes and nothing else that needs an escape.
func quote(s string) string {
	if strings.Contains(s, `\`) && !strings.ContainsFunc(s, func(r rune) bool { return r == '\'' || r < ' ' || r > '~' }) {
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r > '~' && !strconv.IsPrint(r):
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
