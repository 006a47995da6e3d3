package spf

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/helogate/helogate"
)

// thicket is a DNS in which every name has answers of its own, derived from a seed, so that an evaluation goes deep
// and meets each limit.
type thicket struct {
	seed    uint32
	records []string
}

func (w thicket) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	a, _ := w.Known(q)
	return a
}

func (w thicket) Known(q helogate.Question) (*helogate.Answer, bool) {
	h := fnv.New32a()
	fmt.Fprint(h, w.seed, q.Kind, q.Name)
	n := int(h.Sum32() >> 1)
	switch fate := n % 16; {
	case fate == 0:
		return &helogate.Answer{Status: helogate.TempFail}, true
	case fate < 4 && q.Kind != helogate.TXT:
		return &helogate.Answer{Status: helogate.NXDomain}, true
	}
	a, n := &helogate.Answer{Status: helogate.OK}, n/16
	switch q.Kind {
	case helogate.TXT:
		a.Values = []string{w.records[n%len(w.records)]}
	case helogate.A:
		a.Values = []string{fmt.Sprintf("192.0.2.%d", n%32)}
	case helogate.AAAA:
		a.Values = []string{fmt.Sprintf("2001:db8::%d", n%8)}
	case helogate.MX:
		for i := range 1 + n%12 {
			a.Values = append(a.Values, fmt.Sprintf("%d host%d.%s", i, i, q.Name))
		}
	case helogate.PTR:
		for i := range 1 + n%13 {
			a.Values = append(a.Values, fmt.Sprintf("host%02d.n%d.example", i, i%3))
		}
	}
	return a, true
}

var problems = []string{"", "more than 10 terms ask DNS", "more than 2 void lookups", "has more than 10 MX records"}

// RFC 7208 section 4.6.4: whatever the records are, an evaluation ends, asks no more than the limits allow, and is a
// permerror if it would have to ask more.
func TestLimitsHold(t *testing.T) {
	target := rapid.SampledFrom([]string{"n1.example", "n2.example", "x.%{d}", "%{i}.n0.example", "%{p}.n0.example", "%{d2}", "%{p}"})
	term := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"", "-", "~", "?"}).Draw(t, "qualifier") + rapid.SampledFrom([]string{
			"a:", "a:", "mx:", "ptr:", "exists:", "include:", "include:", "include:",
		}).Draw(t, "mechanism") + target.Draw(t, "target")
	})
	record := rapid.Custom(func(t *rapid.T) string {
		terms := rapid.SliceOfN(term, 0, 8).Draw(t, "terms")
		if rapid.Bool().Draw(t, "redirects") {
			terms = append(terms, "redirect="+target.Draw(t, "target"))
		}
		return version + " " + strings.Join(terms, " ")
	})
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := thicket{rapid.Uint32().Draw(t, "seed"), rapid.SliceOfN(record, 1, 4).Draw(t, "records")}
		client := rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}).Draw(t, "client")
		got := judge(w, identity(client, "mx.example", "jane@n1.example"))
		terms, voids, hosts, names := -1, 0, 0, 0 // the first TXT is no term's
		for _, qa := range got.asked {
			switch {
			case qa.Kind == helogate.PTR: // of the macro p, it is none of a term
				names++
			case strings.HasPrefix(qa.Name, "host") && qa.Kind != helogate.TXT && qa.Kind != helogate.MX:
				hosts++
			default:
				terms++
				if qa.Status == helogate.NXDomain {
					voids++
				}
			}
		}
		for _, p := range problems {
			if p == "" && got.Problem == "" || p != "" && strings.Contains(got.Problem, p) {
				seen[p]++
			}
		}
		tooMany := strings.Contains(got.Problem, "void lookups")
		if terms > maxTerms || names > 1 || hosts > maxTerms*maxHosts+maxNames || voids > maxVoids+1 || voids > maxVoids && !tooMany {
			t.Fatalf("%d terms, %d voids, %d hosts: %+v\n%s", terms, voids, hosts, got.Result, questions(got))
		}
	})
	for _, p := range problems {
		if seen[p] == 0 {
			t.Errorf("no records met %q: %v", p, seen)
		}
	}
}
