package check

import "github.com/helogate/helogate"

// All lists the checks in their order. The order means something: of lines that reject, the first is the one that the
// client reads of, and of lines that let in, the first ends the judgement. So those that let in stand ahead, and of the
// others the cheap and plain ones.
func All(s Settings) []helogate.Check {
	return []helogate.Check{
		Authenticated,
		Submission,
		OwnNetwork(s.Own),
		Trusted(s.Trusted),
		Exempt(s.Exempt),
		ForwarderHost(s.Forwarders),
		Postmaster,
		Abuse,

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

// FirstJudging is the name of the first check that does not let in.
const FirstJudging = "helo-missing"

// Names lists the names of the checks in their order.
func Names() []string {
	all := All(Settings{})
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	return names
}
