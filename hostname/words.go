package hostname

import "strings"

// wordKind is what a word in a host name says about who gave the name.
type wordKind uint8

const (
	plain         wordKind = iota
	accessWord             // a way to reach the Internet: no mail server is named after it
	customerWord           // whoever is connected; providers of all sorts use these
	machineWord            // what hosters rent out, by the product's name
	serverWord             // any server; a hoster's default only with more evidence
	stampWord              // a provider stamped this, and does not say of what kind
	mailWord               // a person, or a pool of senders, named a mail server
	wordKindCount = iota
)

// kindOf says of what kind a word is: lower case, letters alone. The lists name technologies and everyday words in
// languages where providers write them out; they name no provider.
func kindOf(word string) wordKind {
	switch word {
	case "dyn", "dynamic", "dynip", "ipdyn", "dynamicip", "dynpool", "dynhost", "dynadsl", "dyndsl", "dynamicdsl",
		"dinamic", "dinamica", "dinamico", "dinamicos", "dinamicas", "dinamik", "dynamique", "dynamisch", "dynamiczny",
		"dip", "dialup", "dialin", "dial", "dialpool", "dialuppool", "dialer", "einwahl", "modem", "modems", "isdn", "pstn",
		"dsl", "adsl", "vdsl", "xdsl", "sdsl", "hdsl", "shdsl", "idsl", "adslpool", "dslpool", "adsldyn", "dsldyn",
		"dslam", "adsls", "dsls", "dslb", "dsldynamic", "adsldynamic", "internetdsl", "bras", "bng",
		"ppp", "pppoe", "pppoa", "pppdsl", "pppadsl", "dhcp", "dhcpip", "dhcpdyn", "dhcppool", "bootp",
		"cable", "cables", "cablemodem", "modemcable", "catv", "docsis", "hfc", "cmts", "kabel", "kabelnet", "cabo", "kablo",
		"broadband", "wideband", "bandalarga", "breitband", "ftth", "fttb", "fttx", "fttc", "fttp", "ftthdyn", "gpon", "pon", "epon",
		"wimax", "lte", "gprs", "umts", "hsdpa", "hspa", "gsm", "cdma", "evdo", "wwan", "wifi", "wlan", "hotspot",
		"cgnat", "cgn", "residential", "resnet", "reshall", "dorm", "wohnheim", "homeuser", "homenet", "cpe", "cpes":
		return accessWord
	case "pool", "pools", "ippool", "cust", "custs", "customer", "customers", "client", "clients", "clientes", "cliente",
		"subscriber", "subscribers", "subs", "abo", "abonent", "abonents", "abonnement", "abonne", "kunde", "kunden", "kund", "klant",
		"klient", "klienci", "user", "users", "usuario", "usuarios", "res", "resi", "home", "homes", "mobile", "mobil", "movil",
		"bb", "cm", "nat", "fiber", "fibre", "fibra", "glasfaser", "fiberlink", "wireless", "biz", "business":
		return customerWord
	case "vm", "vms", "vmi", "vps", "vds", "vserver", "vsrv", "kvm", "xen", "openvz", "lxc", "vpsserver", "vpshost", "cloudvps",
		"compute", "instance", "droplet", "cloudserver", "rootserver", "dedicated", "dedi", "dediserver", "baremetal":
		return machineWord
	case "server", "servers", "serv", "srv", "svr", "ns", "node", "nodes", "cloud", "virtual", "colo", "colocation", "hosting", "hosted",
		"webhosting", "datacenter":
		return serverWord
	case "static", "statics", "staticip", "estatico", "statique", "statisch", "statico", "fixed", "fixedip", "fix", "fixip",
		"net", "ip", "ips", "ipv", "ipaddr", "host", "hosts", "rev", "revip", "reverse", "rdns", "ptr", "inaddr",
		"unassigned", "unallocated", "unused", "unknown", "undefined", "unspecified", "reserved", "generic", "addr", "address":
		return stampWord
	case "mx", "mxs", "mxa", "mxb", "mxc", "mxin", "mxout", "mta", "mtas", "mtaout", "msa", "out", "outbound", "outgoing", "outgo",
		"relay", "relays", "relayout", "send", "sender", "senders", "post", "posta", "poste", "postfix", "posti", "postal", "postman",
		"postmaster", "correo", "correos", "courrier", "correio", "poczta", "pochta", "exim", "qmail", "exchange", "exch", "zimbra",
		"imap", "listserv", "list", "lists", "newsletter", "newsletters", "bounce", "bounces":
		return mailWord
	}
	switch {
	case strings.Contains(word, "mail"), strings.Contains(word, "smtp"), strings.HasSuffix(word, "mta"):
		return mailWord
	case strings.HasSuffix(word, "dsl"), strings.HasPrefix(word, "adsl"), strings.HasPrefix(word, "vdsl"),
		strings.Contains(word, "dialup"), strings.Contains(word, "pppoe"), strings.Contains(word, "broadband"):
		return accessWord
	}
	return plain
}

// namesMail reports whether the registered domain itself is named after mail. Big senders have such, and their pools
// have octets in their names.
func namesMail(domain string) bool {
	label, _, _ := strings.Cut(domain, ".")
	return strings.Contains(label, "mail") || strings.Contains(label, "smtp") || strings.HasPrefix(label, "send")
}
