package check

import (
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check/legacy"
)

// All returns all checks in their order. The order matters: the first check that rejects words the reply, and the first
// one that accepts ends the evaluation. So those that accept come first, and of the others those that cost least and
// are easiest to understand. A family of lists without a list has one check of the family's name, whose outcome is
// none.
func All(s Settings) []helogate.Check {
	return slices.Concat(clientChecks(s), listChecks(s), memoryChecks(s))
}

// clientChecks are the checks of what the client sends, and of what DNS says about it.
func clientChecks(s Settings) []helogate.Check {
	return []helogate.Check{
		Authenticated,
		Submission,
		OwnNetwork(s.Own),
		Trusted(s.Trusted),
		Exempt(s.Exempt),
		ForwarderHost(s.Forwarders),
		Postmaster,
		Abuse,

		Hammering(s.Hammering),
		HeloMissing,
		OwnIdentity(s.Own),
		BareAddress,
		ForgedLiteral,
		HeloSyntax,
		FQDN,
		PrivateName,
		Literal,
		BadHelo(s.BadHelo),
		HeloChanged,
		GenericHelo,

		OwnName(s.Own),
		RDNS,
		FCrDNS,
		GenericName,
		HostingName,
		HeloResolves,
		HeloMatches,
		HeloFCrDNS,
		HeloRelated,
		Impersonation(s.Impersonated),
		ClientMX,
		SenderDomain,
		SenderMX,
		MXFCrDNS,
	}
}

// listChecks are the checks of what others publish about the client or the sender.
func listChecks(s Settings) (out []helogate.Check) {
	for _, family := range ListFamilies {
		out = append(out, ListChecks(family, s.Lists)...)
	}
	return append(out, SPFHelo, SPFFrom, legacy.DMP, legacy.CallerID, legacy.CSA)
}

// memoryChecks are the checks that come last: those that ask other mail servers or a store that notes the question.
func memoryChecks(s Settings) []helogate.Check {
	return []helogate.Check{
		Callout(s.Callout),
		CalloutPostmaster(s.Callout),
		Greylist(s.Greylist),
		Patience(s.Patience > 0, s.Patience),
	}
}

// Names returns the names of all checks in their order; of DNS lists, the names of the families.
func Names() []string {
	all := All(Settings{})
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	return names
}
