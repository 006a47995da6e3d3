package spf

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/helogate/helogate"
)

// differing are the cases of the public suite with a deliberately different result, by name, and why.
var differing = map[string]string{}

// scenario is a part of the suite: a literal DNS, and its cases.
type scenario struct {
	Description string
	Tests       map[string]struct {
		Helo, Host, Mailfrom, Explanation string
		Result                            strs
	}
	Zonedata map[string][]yaml.Node
}

// strs is a string or a list of them.
type strs []string

func (s *strs) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*s = strs{n.Value}
		return nil
	}
	return n.Decode((*[]string)(s))
}

// The public suite of openspf.org for RFC 7208 is not part of this repository. HELOGATE_SPF_SUITE says where
// rfc7208-tests.yml is.
func TestSuite(t *testing.T) {
	path := cmp.Or(os.Getenv("HELOGATE_SPF_SUITE"), "../../../shared/spf/rfc7208-tests.yml")
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("the public SPF suite is not at %s: HELOGATE_SPF_SUITE names the file rfc7208-tests.yml", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ran := map[string]bool{}
	for d := yaml.NewDecoder(f); ; {
		var s scenario
		if err := d.Decode(&s); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		zone := readZone(t, s.Zonedata)
		for name, c := range s.Tests {
			ran[name] = true
			t.Run(name, func(t *testing.T) {
				got := judge(zone, identity(c.Host, c.Helo, c.Mailfrom))
				fits := slices.Contains(c.Result, got.Outcome.String())
				if want := strings.TrimPrefix(c.Explanation, "DEFAULT"); c.Explanation != "" && got.explanation != want {
					t.Logf("explains %q, want %q", got.explanation, want)
					fits = false
				}
				if why, differs := differing[name]; differs == fits {
					t.Errorf("%s %+v, want %s; listed as differing: %t %s", got.Outcome, got.Result, c.Result, differs, why)
				}
			})
		}
	}
	if len(ran) < 200 {
		t.Errorf("only %d cases", len(ran))
	}
	for name := range differing {
		if !ran[name] {
			t.Errorf("%s is listed, and is no case", name)
		}
	}
}

func identity(client, helo, sender string) Identity {
	id := Identity{Client: netip.MustParseAddr(client).Unmap(), Helo: helo, Domain: helo, Time: time.Unix(1777863721, 0)}
	if at := strings.LastIndexByte(sender, '@'); at >= 0 {
		id.Local, id.Domain = sender[:at], sender[at+1:]
	}
	return id
}

type judged struct {
	Result
	explanation string
	found       helogate.Finding
	asked       helogate.Evidence
}

// judge checks an identity as a check of a policy does.
func judge(ask helogate.Asker, id Identity) (out judged) {
	c := helogate.Check{Name: "spf", Cost: helogate.Lookup, Run: func(c *helogate.Case) helogate.Finding {
		out.Result = Check(c, id)
		out.explanation = ""
		if out.Outcome == helogate.Fail {
			out.explanation = out.Explain(c, id)
		}
		return helogate.Finding{Outcome: out.Outcome, Why: out.Term}
	}}
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: c})
	if err != nil {
		panic(err)
	}
	v := p.Judge(context.Background(), helogate.Facts{Client: id.Client}, ask)
	out.found, out.asked = v.Findings[0], v.Asked
	return out
}

// answers is a DNS that can have any name.
type answers map[helogate.Question]*helogate.Answer

func (w answers) Known(q helogate.Question) (*helogate.Answer, bool) {
	if a := w[q]; a != nil {
		return a, true
	}
	for have := range w {
		if have.Name == q.Name {
			return &helogate.Answer{Status: helogate.NoData}, true
		}
	}
	return &helogate.Answer{Status: helogate.NXDomain}, true
}

func (w answers) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	a, _ := w.Known(q)
	return a
}

func (w answers) add(kind helogate.Kind, name, value string) {
	q := helogate.Question{Kind: kind, Name: name}
	if w[q] == nil {
		w[q] = &helogate.Answer{Status: helogate.OK}
	}
	w[q].Values = append(w[q].Values, value)
	slices.Sort(w[q].Values)
}

var kinds = []helogate.Kind{helogate.A, helogate.AAAA, helogate.MX, helogate.TXT, helogate.PTR}

// readZone reads the suite's notation. A record of type SPF stands for one of type TXT where the name has no TXT
// record. A time-out stands for the answer to each question without a record.
func readZone(t *testing.T, data map[string][]yaml.Node) answers {
	w := answers{}
	aliases := map[string]string{}
	for owner, records := range data {
		name := questionName(t, owner)
		texts, fails := 0, false
		for _, n := range records {
			if n.Kind == yaml.ScalarNode {
				fails = fails || n.Value == "TIMEOUT"
			} else if n.Content[0].Value == "TXT" {
				texts++
			}
		}
		for _, n := range records {
			if n.Kind != yaml.MappingNode || n.Content[0].Value == "SPF" && texts > 0 {
				continue
			}
			addRecord(t, w, aliases, name, n.Content[0].Value, n.Content[1])
		}
		for _, k := range kinds {
			if q := (helogate.Question{Kind: k, Name: name}); fails && w[q] == nil {
				w[q] = &helogate.Answer{Status: helogate.TempFail, Note: "timeout"}
			}
		}
	}
	for from := range aliases {
		follow(w, aliases, from)
	}
	return w
}

func addRecord(t *testing.T, w answers, aliases map[string]string, name, kind string, value *yaml.Node) {
	t.Helper()
	var v strs
	if err := value.Decode(&v); err != nil {
		t.Fatal(err)
	}
	switch kind {
	case "TXT", "SPF":
		if text := strings.Join(v, ""); text != "NONE" {
			w.add(helogate.TXT, name, presented(text))
		}
	case "MX":
		w.add(helogate.MX, name, v[0]+" "+cmp.Or(questionName(t, v[1]), "."))
	case "PTR":
		w.add(helogate.PTR, name, questionName(t, v[0]))
	case "CNAME":
		aliases[name] = questionName(t, v[0])
	default:
		k, err := helogate.ParseKind(kind)
		if err != nil {
			t.Fatal(err)
		}
		w.add(k, name, netip.MustParseAddr(v[0]).String())
	}
}

// follow gives an alias the answers of its target.
func follow(w answers, aliases map[string]string, from string) {
	to, loops := aliases[from], 0
	for ; aliases[to] != "" && loops < 10; loops++ {
		to = aliases[to]
	}
	for _, k := range kinds {
		a := w[helogate.Question{Kind: k, Name: to}]
		if loops == 10 {
			a = &helogate.Answer{Status: helogate.TempFail, Note: "cname loop"}
		}
		if a != nil {
			w[helogate.Question{Kind: k, Name: from}] = a
		}
	}
}

// questionName returns the name of a question; for a reverse name that is the address.
func questionName(t *testing.T, owner string) string {
	n := strings.ToLower(strings.TrimSuffix(owner, "."))
	if rest, ok := strings.CutSuffix(n, ".in-addr.arpa"); ok {
		parts := strings.Split(rest, ".")
		slices.Reverse(parts)
		return netip.MustParseAddr(strings.Join(parts, ".")).String()
	}
	if rest, ok := strings.CutSuffix(n, ".ip6.arpa"); ok {
		nibbles := strings.Split(rest, ".")
		slices.Reverse(nibbles)
		var a [16]byte
		for i := range a {
			v, err := strconv.ParseUint(nibbles[2*i]+nibbles[2*i+1], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			a[i] = byte(v)
		}
		return netip.AddrFrom16(a).String()
	}
	return escape(n)
}

// presented returns a text in the form of the resolver.
func presented(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			b.WriteString(escape(string([]byte{c})))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
