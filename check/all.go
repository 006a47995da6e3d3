package check

import (
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check/legacy"
)

// All returns the checks in their order. The order means something: of lines that reject, the first is the one that the
// client reads about, and of lines that accept, the first ends the evaluation. So those that accept come first, and of the
// others the cheap and plain ones. A family of lists without a list has one check of the family's name, which finds none.
func All(s Settings) []helogate.Check {
	return slices.Concat(own(s), lists(s), memory(s))
}

// own are the checks of what the client says, and of what DNS says about it.
func own(s Settings) []helogate.Check {
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

// lists are the checks of what others say about the client, or about the sender.
func lists(s Settings) (out []helogate.Check) {
	for _, family := range ListFamilies {
		out = append(out, ListChecks(family, s.Lists)...)
	}
	return append(out, SPFHelo, SPFFrom, legacy.DMP, legacy.CallerID, legacy.CSA)
}

// memory are the checks of what is remembered, and of what is asked of nobody in a hurry.
func memory(s Settings) []helogate.Check {
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
