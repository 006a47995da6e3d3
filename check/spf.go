package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/spf"
)

// SPFHelo asks the domain of the HELO name whether the client may use it. For a client that passes, somebody keeps DNS
// in order, and can be held to the name.
var SPFHelo = helogate.Check{
	Name: "spf-helo", Needs: helogate.Helo, Cost: helogate.Lookup, Code: "5.7.23",
	Doc: "the SPF record of the HELO name allows the client (RFC 7208 section 2.3)",
	Fix: "greet with a name whose SPF record allows your address",
	Run: func(c *helogate.Case) helogate.Finding {
		name, none, ok := heloAndClient(c)
		if !ok {
			return none
		}
		return askSPF(c, "greet as", spf.Identity{Domain: name})
	},
}

// SPFFrom asks the sender's domain whether the client may send for it. A pass says that the sender is no forgery, and
// not that it is welcome.
var SPFFrom = helogate.Check{
	Name: "spf-from", Needs: helogate.Mail, Cost: helogate.Lookup, Code: "5.7.23",
	Doc: "the SPF record of the sender's domain allows the client; of the null sender that of the HELO name (RFC 7208 section 2.4)",
	Fix: "send from a host that the domain's SPF record allows",
	Run: func(c *helogate.Case) helogate.Finding {
		if c.Sender == "" {
			name, none, ok := heloAndClient(c)
			if !ok {
				return none
			}
			return askSPF(c, "send for", spf.Identity{Domain: name})
		}
		local, domain := parsed.Of(c).Sender()
		if domain == "" {
			return c.None("the sender has no domain")
		}
		if none, is := parsed.Unroutable(c); is {
			return none
		}
		return askSPF(c, "send for", spf.Identity{Local: local, Domain: domain})
	},
}

// askSPF words what the domain of an identity says of the client. What no text needs is not made: no explanation is
// asked for that no reply has in it.
func askSPF(c *helogate.Case, what string, id spf.Identity) helogate.Finding {
	id.Client, id.Helo, id.Time = c.Client, c.Helo, c.Time
	r := spf.Check(c, id)
	client, domain, term, of := c.ClientText(), clip(id.Domain), clip(r.Term), clip(r.Domain)
	switch r.Outcome {
	case helogate.Pass:
		return c.Pass("%s may %s %s: matched %s of %s", client, what, domain, term, of)
	case helogate.Neutral:
		if term == "" {
			return c.Neutral("%s does not say whether %s may %s it: no term of %s matches", domain, client, what, of)
		}
		return c.Neutral("%s does not say whether %s may %s it: matched %s of %s", domain, client, what, term, of)
	case helogate.SoftFail:
		return c.SoftFail("%s probably may not %s %s: matched %s of %s", client, what, domain, term, of)
	case helogate.Fail:
		why := ""
		if c.Refuses(helogate.Fail) {
			why = explanation(c, r, id)
		}
		return c.Fail("%s may not %s %s: matched %s of %s%s", client, what, domain, term, of, why)
	case helogate.PermError:
		problem := printable.Text(r.Problem, maxProblem)
		return c.PermError("SPF of %s is in error: %s", domain, problem).As("5.7.24") // RFC 7372 section 3.2
	case helogate.TempError:
		return helogate.Finding{Outcome: helogate.TempError} // the Case knows what failed, and words it
	}
	return c.None("%s %s", domain, r.Problem)
}

const (
	maxProblem     = 250 // bytes, as printed
	maxExplanation = 150 // of a text whose length a stranger chooses
)

// explanation is what the domain wants said to a client that may not send for it. It is named as the domain's own
// words, for they are (RFC 7208 section 6.2).
func explanation(c *helogate.Case, r spf.Result, id spf.Identity) string {
	text := r.Explain(c, id)
	if text == "" {
		return ""
	}
	if len(text) > maxExplanation {
		text = text[:maxExplanation] + "..."
	}
	return "; " + clip(r.Domain) + " says: " + text
}
