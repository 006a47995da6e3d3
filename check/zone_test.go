package check

import (
	"fmt"
	"strings"

	"github.com/helogate/helogate/internal/testcheck"
)

var zone, facts = testcheck.Zone, testcheck.Facts

// manyPTR gives an address n names, host0.example.org and on.
func manyPTR(address string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\n%s PTR host%d.example.org", address, i)
	}
	return b.String()
}

// names reads patterns, and * as every name.
func names(texts ...string) (out []NamePattern) {
	for _, text := range texts {
		p, err := ParseNamePattern(text)
		if err != nil {
			panic(err)
		}
		if text == "*" {
			p = EveryName
		}
		out = append(out, p)
	}
	return out
}

func mailboxes(texts ...string) (out []MailboxPattern) {
	for _, text := range texts {
		p, err := ParseMailboxPattern(text)
		if err != nil {
			panic(err)
		}
		out = append(out, p)
	}
	return out
}
