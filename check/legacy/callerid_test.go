package legacy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testcheck"
)

// ep returns the record of a domain with the given content of <out>.
func ep(domain, out string) string {
	return "\n_ep." + domain + " TXT <ep xmlns='http://ms.net/1'><out>" + out + "</out></ep>"
}

// epChain returns n documents, each of which refers to the next, and the last to a network.
func epChain(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(ep(fmt.Sprintf("c%d.example", i), fmt.Sprintf("<m><indirect>c%d.example</indirect></m>", i+1)))
	}
	return b.String() + ep(fmt.Sprintf("c%d.example", n), "<m><r>192.0.2.0/24</r></m>")
}

func TestCallerID(t *testing.T) {
	dns := `
		list.example     MX 10 mx.list.example
		mx.list.example  A 192.0.2.1
		mx.list.example  AAAA 2001:db8::1
		out.list.example A 192.0.2.2
		self.example     A 192.0.2.3
		null.example     MX 0 .
		list.example     A 192.0.2.66` +
		ep("list.example", "<m><mx/><a>out.list.example</a><a>192.0.2.5</a><a>2001:db8::5</a><a>::ffff:192.0.2.4</a><r>198.51.100.0/24</r><r>!198.51.100.7/32</r></m><m><a/></m>") +
		ep("plain.example", "<m/>") + "\nplain.example MX 10 mx.list.example" +
		ep("self.example", "<m/>") + ep("bare.example", "<m/>") + ep("null.example", "<m><mx/></m>") +
		ep("none.example", "<m><r>0.0.0.0/0</r></m><noMailServers/>") +
		ep("silent.example", "") + "\n_ep.empty.example TXT <ep xmlns='http://ms.net/1'/>" +
		ep("friend.example", "<m><indirect>list.example</indirect><r>192.0.2.0/24</r></m>") +
		ep("hosted.example", "<m><indirect> Plain2.Example. </indirect></m>") + "\nplain2.example MX 10 mx.list.example" +
		ep("loop.example", "<m><indirect>pool.example</indirect></m>") + ep("pool.example", "<m><indirect>loop.example</indirect></m>") +
		ep("loopin.example", "<m><indirect>loopin.example</indirect></m><m><a>192.0.2.1</a></m>") +
		ep("third.example", "<m><indirect>broken.example</indirect></m>") +
		"\n_ep.broken.example TXT <ep xmlns='http://ms.net/1'>" +
		strings.Replace(ep("try.example", "<noMailServers/>"), "<ep ", "<ep testing='true' ", 1) +
		ep("viatry.example", "<m><indirect>try.example</indirect></m>") + "\ntry.example MX 10 mx.list.example" +
		"\n_ep.wild.example TXT v=spf1 -all" +
		epChain(8) + strings.ReplaceAll(epChain(10), "example", "deep.example") +
		"\n_ep.parts.example TXT 2:<m><a>192.0.2.1</a></m></out></ep>\n_ep.parts.example TXT 1:<ep xmlns='http://ms.net/1'><out>" +
		"\n_ep.escaped.example TXT <ep xmlns=\\\"http://ms.net/1\\\"><out><m><!-- \\195\\164 --><a>192.0.2.1</a></m></out></ep>" +
		"\n_ep.down.example TXT tempfail" +
		ep("half.example", "<m><a>down.list.example</a><a>192.0.2.1</a></m>") + "\ndown.list.example A tempfail" +
		ep("many.example", "<m>"+strings.Repeat("<a>x.example</a>", 41)+"</m>") +
		ep("bignet.example", "<m><r>192.0.2.0/33</r></m>") + ep("notnet.example", "<m><r>!all</r></m>") +
		"\n_ep.huge.example TXT <ep>" + strings.Repeat("x", maxEPRecord)
	testcheck.Zone(t, CallerID, dns,
		"192.0.2.1 x.example a@list.example", "pass: 192.0.2.1 is an outgoing server of list.example by Caller ID",
		"2001:db8::1 x.example a@LIST.example.", "pass: 2001:db8::1 is an outgoing server of list.example by Caller ID",
		"192.0.2.2 x.example a@list.example", "pass: 192.0.2.2 is an outgoing server of list.example by Caller ID",
		"192.0.2.4 x.example a@list.example", "pass: 192.0.2.4 is an outgoing server of list.example by Caller ID",
		"192.0.2.5 x.example a@list.example", "pass: 192.0.2.5 is an outgoing server of list.example by Caller ID",
		"2001:db8::5 x.example a@list.example", "pass: 2001:db8::5 is an outgoing server of list.example by Caller ID",
		"192.0.2.66 x.example a@list.example", "pass: 192.0.2.66 is an outgoing server of list.example by Caller ID",
		"198.51.100.6 x.example a@list.example", "pass: 198.51.100.6 is an outgoing server of list.example by Caller ID",
		"198.51.100.7 x.example a@list.example", "fail: 198.51.100.7 is no outgoing server of list.example by Caller ID",
		"192.0.2.9 x.example a@list.example", "fail: 192.0.2.9 is no outgoing server of list.example by Caller ID",
		"192.0.2.1 x.example a@plain.example", "pass: 192.0.2.1 is an outgoing server of plain.example by Caller ID",
		"192.0.2.2 x.example a@plain.example", "fail: 192.0.2.2 is no outgoing server of plain.example by Caller ID",
		"192.0.2.3 x.example a@self.example", "pass: 192.0.2.3 is an outgoing server of self.example by Caller ID",
		"192.0.2.3 x.example a@bare.example", "fail: 192.0.2.3 is no outgoing server of bare.example by Caller ID",
		"192.0.2.3 x.example a@null.example", "fail: 192.0.2.3 is no outgoing server of null.example by Caller ID",
		"192.0.2.3 x.example a@none.example", "fail: 192.0.2.3 is no outgoing server of none.example by Caller ID",

		// records of other domains
		"192.0.2.1 x.example a@friend.example", "pass: 192.0.2.1 is an outgoing server of friend.example by Caller ID",
		"192.0.2.9 x.example a@friend.example", "fail: 192.0.2.9 is no outgoing server of friend.example by Caller ID",
		"192.0.2.1 x.example a@hosted.example", "pass: 192.0.2.1 is an outgoing server of hosted.example by Caller ID",
		"192.0.2.2 x.example a@hosted.example", "fail: 192.0.2.2 is no outgoing server of hosted.example by Caller ID",
		"192.0.2.1 x.example a@viatry.example", "pass: 192.0.2.1 is an outgoing server of viatry.example by Caller ID",
		"192.0.2.1 x.example a@c0.example", "pass: 192.0.2.1 is an outgoing server of c0.example by Caller ID",
		"192.0.2.1 x.example a@c0.deep.example", "none: the Caller ID record of c0.deep.example refers to too many others",
		"192.0.2.1 x.example a@loop.example", "none: the Caller ID record of loop.example refers to itself",
		"192.0.2.1 x.example a@loopin.example", "pass: 192.0.2.1 is an outgoing server of loopin.example by Caller ID",
		"192.0.2.2 x.example a@loopin.example", "none: the Caller ID record of loopin.example refers to itself",
		"192.0.2.1 x.example a@many.example", "none: the Caller ID record of many.example refers to too many names",

		// the syntax of records
		"192.0.2.1 x.example a@parts.example", "pass: 192.0.2.1 is an outgoing server of parts.example by Caller ID",
		"192.0.2.1 x.example a@escaped.example", "pass: 192.0.2.1 is an outgoing server of escaped.example by Caller ID",
		"192.0.2.2 x.example a@escaped.example", "fail: 192.0.2.2 is no outgoing server of escaped.example by Caller ID",
		"192.0.2.1 x.example a@gone.example", "none: gone.example has no Caller ID record",
		"192.0.2.1 x.example a@wild.example", "none: wild.example has no Caller ID record",
		"192.0.2.1 x.example a@try.example", "none: try.example has no Caller ID record",
		"192.0.2.1 x.example a@silent.example", "none: the Caller ID record of silent.example does not define outgoing servers",
		"192.0.2.1 x.example a@empty.example", "none: the Caller ID record of empty.example does not define outgoing servers",
		"192.0.2.1 x.example a@broken.example", "permerror: the Caller ID record of broken.example makes no sense: XML syntax error on line 1: unexpected EOF",
		"192.0.2.1 x.example a@third.example", "permerror: the Caller ID record of broken.example makes no sense: XML syntax error on line 1: unexpected EOF",
		"192.0.2.1 x.example a@bignet.example", `permerror: the Caller ID record of bignet.example makes no sense: "192.0.2.0/33" is not a network`,
		"192.0.2.1 x.example a@notnet.example", `permerror: the Caller ID record of notnet.example makes no sense: "all" is not a network`,
		"192.0.2.1 x.example a@huge.example", "permerror: the Caller ID record of huge.example makes no sense: it is too long",

		// the domain that is asked
		"192.0.2.1 list.example", "pass: 192.0.2.1 is an outgoing server of list.example by Caller ID",
		"192.0.2.9 LIST.example nobody", "fail: 192.0.2.9 is no outgoing server of list.example by Caller ID",
		"192.0.2.1 pc", "none: neither the sender nor HELO has a domain",
		"192.0.2.1 [192.0.2.1]", "none: neither the sender nor HELO has a domain",
		"192.0.2.1 a\x00b", "none: neither the sender nor HELO has a domain",
		"192.0.2.1 x.example a@a..\x00", `none: a..\x00 has no Caller ID record`,
		"10.0.0.1 x.example a@list.example", "none: 10.0.0.1 is a private address: DNS says nothing of it",

		"192.0.2.1 x.example a@down.example", "temperror: TXT of _ep.down.example: the zone says so",
		"192.0.2.1 x.example a@half.example", "temperror: A of down.list.example: the zone says so")
}

// A domain with too many mail hosts has no fail because of those that were looked up.
func TestCallerIDWithManyMailHosts(t *testing.T) {
	dns := ep("many.example", "<m/>")
	for i := range 12 {
		dns += fmt.Sprintf("\nmany.example MX %d mx%d.many.example\nmx%d.many.example A 192.0.2.%d", i, i, i, 10+i)
	}
	testcheck.Zone(t, CallerID, dns,
		"192.0.2.10 x.example a@many.example", "pass: 192.0.2.10 is an outgoing server of many.example by Caller ID",
		"192.0.2.21 x.example a@many.example", "none: many.example has more mail hosts than are followed")
}

func TestReadEP(t *testing.T) {
	const begin = "<ep xmlns='http://ms.net/1'>"
	for _, c := range []struct{ text, want string }{
		{begin + "</ep>", ""},
		{"<?xml version='1.0' encoding='utf-8'?>" + begin + "</ep> <!-- end -->", ""},
		{"<x:ep xmlns:x='http://ms.net/1'/>", ""},
		{begin + "<in><m/></in><x:out xmlns:x='http://other.example'><x:m/></x:out></ep>", ""},
		{"<ep/>", "expected element <ep> in name space http://ms.net/1 but have no name space"},
		{"<ep xmlns='http://ms.net/2'/>", "expected element <ep> in name space http://ms.net/1 but have http://ms.net/2"},
		{"<out xmlns='http://ms.net/1'/>", "expected element type <ep> but have <out>"},
		{begin, "XML syntax error on line 1: unexpected EOF"},
		{begin + "</EP>", "XML syntax error on line 1: element <ep> closed by </EP>"},
		{begin + "</ep>" + begin + "</ep>", "more than one element, or too many nested elements"},
		{begin + strings.Repeat("<a>", 16) + strings.Repeat("</a>", 16) + "</ep>", "more than one element, or too many nested elements"},
		{begin + "</ep>x", "text outside the element"},
		{"<!DOCTYPE ep [<!ENTITY a 'b'>]>" + begin + "</ep>", "a DTD"},
		{begin + "<out><m><a>&a;</a></m></out></ep>", "XML syntax error on line 1: invalid character entity &a;"},
		{"<?xml version='1.0' encoding='utf-16'?>" + begin + "</ep>", `xml: encoding "utf-16" declared but Decoder.CharsetReader is nil`},
		{begin + "\xff</ep>", "XML syntax error on line 1: invalid UTF-8"},
		{strings.Replace(begin, " ", " testing='perhaps' ", 1) + "</ep>", `strconv.ParseBool: parsing "perhaps": invalid syntax`},
		{"", "EOF"},
	} {
		_, err := readEP(c.text)
		if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// The two characters that say a record's position are the published ones, whatever escapes the answer has for them.
func TestJoinEP(t *testing.T) {
	for _, c := range []struct {
		records []string
		want    string
	}{
		{nil, ""},
		{[]string{"whole"}, "whole"},
		{[]string{"02b", "01a", "10c"}, "abc"},
		{[]string{"\\0001b", "\\0000a"}, "ab"},
		{[]string{"~~c", "\\127\\127d", "!!a", "\\\"\\\"b"}, "abcd"},
		{[]string{"1", "2", ""}, ""},
	} {
		if got, err := joinEP(c.records); got != c.want || err != nil {
			t.Errorf("%q: %q, %v, want %q", c.records, got, err, c.want)
		}
	}
	if _, err := joinEP(slices.Repeat([]string{strings.Repeat("x", maxEPRecord)}, 5)); err == nil {
		t.Error("five whole records are not too long")
	}
}

// Whatever a domain publishes, the check ends, has a printable reason, and keeps its limits.
func FuzzCallerID(f *testing.F) {
	f.Add("<ep xmlns='http://ms.net/1'><out><m><mx/><a>x.example</a><r>!192.0.2.0/24</r></m></out></ep>", "")
	f.Add("1:<ep xmlns='http://ms.net/1'><out><m><indirect/><indirect>y.example</indirect>", "2:</m></out></ep>")
	f.Add(`<?xml version=\"1.0\"?><ep xmlns=\"http://ms.net/1\" testing=\"1\"/>`, "")
	f.Add("<!DOCTYPE x [<!ENTITY a 'b'>]>", "")
	f.Fuzz(func(t *testing.T, one, two string) {
		records := []string{one}
		if two != "" {
			records = append(records, two)
		}
		every := answers(func(q helogate.Question) *helogate.Answer {
			if q.Kind == helogate.TXT {
				return &helogate.Answer{Status: helogate.OK, Values: records}
			}
			return &helogate.Answer{Status: helogate.NXDomain}
		})
		p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: CallerID})
		if err != nil {
			t.Fatal(err)
		}
		v := p.Judge(context.Background(), testcheck.Facts("192.0.2.1 x.example a@list.example"), every)
		if found := v.Findings[0]; len(v.Asked) > 130 || found.Outcome == helogate.TempError || found.Why == "" {
			t.Fatalf("%d questions: %s", len(v.Asked), found)
		}
		if doc, err := readEP(one); err == nil && doc.XMLName.Local != "ep" {
			t.Fatalf("%q is taken for %v", one, doc.XMLName)
		}
	})
}

// answers is an Asker that knows all answers.
type answers func(helogate.Question) *helogate.Answer

func (a answers) Known(q helogate.Question) (*helogate.Answer, bool)          { return a(q), true }
func (a answers) Ask(_ context.Context, q helogate.Question) *helogate.Answer { return a(q) }
