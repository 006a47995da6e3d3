package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/spf"
)

// SPFHelo evaluates the SPF record of the HELO name. A pass says that the owner of the name permits the client to use
// it, and keeps its DNS in order.
var SPFHelo = helogate.Check{
	Name: "spf-helo", Needs: helogate.Helo, Cost: helogate.Lookup, Code: "5.7.23",
	Doc: "the SPF record of the HELO name permits the client (RFC 7208 section 2.3)",
	Fix: "add this address to the SPF record of the HELO name",
	Run: func(c *helogate.Case) helogate.Finding {
		name, none, ok := heloAndClient(c)
		if !ok {
			return none
		}
		return askSPF(c, "HELO name ", spf.Identity{Domain: name})
	},
}

// SPFFrom evaluates the SPF record of the sender's domain. A pass says that the sender is not forged, and nothing about
// the mail.
var SPFFrom = helogate.Check{
	Name: "spf-from", Needs: helogate.Mail, Cost: helogate.Lookup, Code: "5.7.23",
	Doc: "the SPF record of the sender's domain permits the client; for the null sender, that of the HELO name (RFC 7208 section 2.4)",
	Fix: "send through the domain's own mail servers, or add this address to its SPF record",
	Run: func(c *helogate.Case) helogate.Finding {
		if c.Sender == "" {
			name, none, ok := heloAndClient(c)
			if !ok {
				return none
			}
			return askSPF(c, "HELO name ", spf.Identity{Domain: name})
		}
		local, domain := parsed.Of(c).Sender()
		if domain == "" {
			return c.None("the sender has no domain")
		}
		if none, is := parsed.Unroutable(c); is {
			return none
		}
		return askSPF(c, "", spf.Identity{Local: local, Domain: domain})
	},
}

// askSPF returns the finding for an identity; what stands before its domain. The explanation of the domain is asked for
// only if a reply has it.
func askSPF(c *helogate.Case, what string, id spf.Identity) helogate.Finding {
	id.Client, id.Helo, id.Time = c.Client, c.Helo, c.Time
	r := spf.Check(c, id)
	client, domain, term, of := c.ClientText(), printed(id.Domain), printed(r.Term), printed(r.Domain)
	switch r.Outcome {
	case helogate.Pass:
		return c.Pass("SPF of %s%s permits %s (%s of %s)", what, domain, client, term, of)
	case helogate.Neutral:
		if term == "" {
			return c.Neutral("SPF of %s%s says nothing about %s (no term of %s matches)", what, domain, client, of)
		}
		return c.Neutral("SPF of %s%s says nothing about %s (%s of %s)", what, domain, client, term, of)
	case helogate.SoftFail:
		return c.SoftFail("SPF of %s%s probably does not permit %s (%s of %s)", what, domain, client, term, of)
	case helogate.Fail:
		why := ""
		if c.Refuses(helogate.Fail) {
			why = explanation(c, r, id)
		}
		return c.Fail("SPF of %s%s does not permit %s (%s of %s)%s", what, domain, client, term, of, why)
	case helogate.PermError:
		problem := printable.Text(r.Problem, maxProblem)
		return c.PermError("SPF of %s%s has an error: %s", what, domain, problem).As("5.7.24") // RFC 7372 section 3.2
	case helogate.TempError:
		return helogate.Finding{Outcome: helogate.TempError} // the judge says what failed
	}
	return c.None("%s %s", domain, r.Problem)
}

const (
	maxProblem     = 250 // bytes, as printed
	maxExplanation = 150 // bytes of a text that the domain chooses
)

// explanation returns the text that the domain publishes for a client that it does not permit, marked as the domain's
// own (RFC 7208 section 6.2).
func explanation(c *helogate.Case, r spf.Result, id spf.Identity) string {
	text := r.Explain(c, id)
	if text == "" {
		return ""
	}
	if len(text) > maxExplanation {
		text = text[:maxExplanation] + "..."
	}
	return "; " + printed(r.Domain) + " says: " + text
}
