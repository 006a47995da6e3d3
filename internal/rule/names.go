package rule

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// A name is a value that rules can read, in addition to functions and checks["..."].
type name struct {
	text  string
	typ   *cel.Type
	needs helogate.Stage
	cost  helogate.Cost
	size  uint64   // the largest number of octets of the text, or of an element of the list
	words []string // all values, where they are a fixed set
}

var (
	heloType     = cel.OpaqueType("helo")
	listType     = cel.OpaqueType("list file")
	networksType = cel.OpaqueType("networks")
	texts        = cel.ListType(cel.StringType)
)

const maxWord = 16 // octets of a word: a status, a kind, an outcome

var names = []name{
	{text: "client", typ: ext.IPType},
	{text: "server.address", typ: ext.IPType},
	{text: "server.port", typ: cel.IntType},
	{text: "helo", typ: heloType, needs: helogate.Helo, size: maxText},
	{text: "helo.text", typ: cel.StringType, needs: helogate.Helo, size: maxText},
	{text: "helo.name", typ: cel.StringType, needs: helogate.Helo, size: maxName},
	{text: "helo.kind", typ: cel.StringType, needs: helogate.Helo, size: maxWord, words: heloKinds},
	{text: "helo.org", typ: cel.StringType, needs: helogate.Helo, size: maxName},
	{text: "helo.verb", typ: cel.StringType, needs: helogate.Helo, size: maxWord, words: []string{"HELO", "EHLO", ""}},
	{text: "sender", typ: cel.StringType, needs: helogate.Mail, size: maxText},
	{text: "sender.domain", typ: cel.StringType, needs: helogate.Mail, size: maxName},
	{text: "recipient", typ: cel.StringType, needs: helogate.Rcpt, size: maxText},
	{text: "recipient.domain", typ: cel.StringType, needs: helogate.Rcpt, size: maxName},
	{text: "auth", typ: cel.StringType, size: maxText},
	{text: "stage", typ: cel.StringType, size: maxWord, words: stages},
	{text: "ptr.names", typ: texts, cost: helogate.Lookup, size: maxName},
	{text: ptrStatus, typ: cel.StringType, cost: helogate.Lookup, size: maxWord, words: statuses},
	{text: "ptr.confirmed", typ: texts, cost: helogate.Lookup, size: maxName},
	{text: "own.names", typ: texts, size: maxName},
	{text: "own.addresses", typ: cel.ListType(ext.IPType), size: 16},
	{text: "own.networks", typ: networksType},
	{text: "own.client", typ: cel.BoolType},
	{text: score, typ: cel.IntType, cost: helogate.Lookup},
}

const (
	score     = "score"
	checks    = "checks"
	ptrStatus = "ptr.status"
)

// renamed are names of earlier versions.
var renamed = map[string]string{"suspicion": score}

var heloKinds = []string{
	string(hostname.Empty), string(hostname.FQDN), string(hostname.SingleLabel), string(hostname.Private),
	string(hostname.Literal), string(hostname.BareAddress), string(hostname.Malformed),
}
var statuses = spellings([]helogate.Status{helogate.OK, helogate.NoData, helogate.NXDomain, helogate.TempFail})
var outcomes = spellings(helogate.Outcomes)
var stages = spellings([]helogate.Stage{helogate.Connect, helogate.Helo, helogate.Mail, helogate.Rcpt})

func spellings[T fmt.Stringer](of []T) []string {
	out := make([]string, len(of))
	for i := range of {
		out[i] = of[i].String()
	}
	return out
}

var byName = func() map[string]*name {
	m := map[string]*name{}
	for i := range names {
		m[names[i].text] = &names[i]
	}
	return m
}()

// groups maps a word before the dot that has no value of its own, such as "ptr", to the names that begin with it.
var groups = func() map[string][]string {
	m := map[string][]string{}
	for _, n := range names {
		if group, _, found := strings.Cut(n.text, "."); found && byName[group] == nil {
			m[group] = append(m[group], n.text)
		}
	}
	return m
}()

// reserved reports whether a word begins a name, so that no variable may have it.
func reserved(word string) bool {
	return word == checks || byName[word] != nil || groups[word] != nil
}

// allNames returns all names, sorted.
func allNames() []string {
	out := []string{checks}
	for _, n := range names {
		out = append(out, n.text)
	}
	slices.Sort(out)
	return out
}
