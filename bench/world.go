package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/bench/load"
)

// A world is clients, and the DNS that they live in. The same size gives the same world.
//
// Clients are in 198.18.0.0/16, all other hosts in 198.19.0.0/16: the range for benchmarks (RFC 2544). Domains are
// below .example, but for the one that bots like to use as HELO name. Each domain that mail comes from has an MX, an
// SPF record that names the servers which send its mail, and another TXT beside it.
type world struct {
	mails   []load.Mail
	records []record

	rnd       *rand.Rand
	host      netip.Addr // the last that was given to a host that is no client
	customers []string   // domains that mail comes from, with others' servers too
	hosters   int

	senders []string            // domains that mail comes from, in the order in which they came
	spf     map[string][]string // the mechanisms of their records

	companies map[string]bool // groups of servers that send others' mail
}

type record struct {
	owner string // of a PTR the address
	kind  helogate.Kind
	value string
}

// mix is of what kinds a hundred clients are. Six in ten are mail servers in order, as most of the mail of a server
// that is not under attack comes from; of the bots, one in five has no valid HELO name.
var mix = []struct {
	clients int
	name    string
	make    func(*world, *load.Mail)
}{
	{40, "servers of their own", (*world).ownServer},
	{14, "a hoster's servers", (*world).hostersServer},
	{6, "pools", (*world).pool},
	{14, "bots with an auto-generated name", (*world).generated},
	{12, "bots without a name", (*world).nameless},
	{6, "impersonators", (*world).impersonator},
	{8, "bots without a HELO name", (*world).senseless},
}

// mixed says what the mix is.
func mixed() string {
	var parts []string
	for _, m := range mix {
		parts = append(parts, fmt.Sprintf("%d %s", m.clients, m.name))
	}
	return "of a hundred clients " + strings.Join(parts, ", ")
}

// newWorld makes a world of n clients, each with an address of its own. The senders' domains are fewer: three to ten
// clients, and those of the servers of their own.
func newWorld(n int) *world {
	w := &world{
		rnd: rand.New(rand.NewPCG(1, uint64(n))), host: netip.MustParseAddr("198.19.0.0"), hosters: max(3, n/100),
		spf: map[string][]string{}, companies: map[string]bool{},
	}
	w.add("gmail.com", helogate.MX, "5 gmail-smtp-in.gmail.com")
	w.sends("gmail.com", "redirect=_spf.gmail.com")
	w.add("_spf.gmail.com", helogate.TXT, "v=spf1 ip4:198.19.0.0/24 ~all")
	w.addHost("gmail-smtp-in.gmail.com")
	w.addHost("gmail.com")
	for i := range w.hosters {
		w.addHost(fmt.Sprintf("mx1.hoster%d.example", i))
		w.addHost(fmt.Sprintf("mx2.hoster%d.example", i))
	}
	for i := range max(5, n*3/10) {
		w.addCustomer(i)
	}
	for i := range pools {
		for range 4 {
			w.addHost(fmt.Sprintf("smtp.pool%d.example", i))
		}
		w.add(fmt.Sprintf("pool%d.example", i), helogate.MX, fmt.Sprintf("10 smtp.pool%d.example", i))
	}
	w.addClients(n)
	w.addSPF()
	return w
}

// sends notes a sender of a domain's mail, as a mechanism of SPF (RFC 7208 section 5).
func (w *world) sends(domain, mechanism string) {
	if w.spf[domain] == nil {
		w.senders = append(w.senders, domain)
	}
	if !slices.Contains(w.spf[domain], mechanism) {
		w.spf[domain] = append(w.spf[domain], mechanism)
	}
}

// sendsBy has a company send mail of a domain, from servers of which this client is one. Their addresses are in groups,
// such that they fit a datagram.
func (w *world) sendsBy(domain, company string, m *load.Mail) {
	out := fmt.Sprintf("out%d.%s", len(w.mails)/3000, company)
	w.sends(domain, "include:_spf."+out)
	if !w.companies[out] {
		w.companies[out] = true
		w.add("_spf."+out, helogate.TXT, "v=spf1 a:"+out+" -all")
	}
	w.add(out, helogate.A, m.Client.Addr().String())
}

// addSPF adds the records of all domains that mail comes from.
func (w *world) addSPF() {
	for i, domain := range w.senders {
		end := " -all"
		switch {
		case strings.HasPrefix(w.spf[domain][0], "redirect="):
			end = ""
		case i%3 == 1:
			end = " ~all"
		}
		w.add(domain, helogate.TXT, "v=spf1 "+strings.Join(w.spf[domain], " ")+end)
		w.add(domain, helogate.TXT, fmt.Sprintf("site-verification=%08x", w.rnd.Uint32()))
	}
}

const pools = 8

// addClients deals the kinds out by the hundred, in a random order.
func (w *world) addClients(n int) {
	var deck []func(*world, *load.Mail)
	for _, m := range mix {
		for range m.clients {
			deck = append(deck, m.make)
		}
	}
	addr := netip.MustParseAddr("198.18.0.0")
	for i := range n {
		if i%len(deck) == 0 {
			w.rnd.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		addr = addr.Next()
		m := load.Mail{Client: netip.AddrPortFrom(addr, uint16(10_000+i%50_000)), Recipient: "user@receiver.example"}
		deck[i%len(deck)](w, &m)
		w.mails = append(w.mails, m)
	}
}

func (w *world) add(owner string, kind helogate.Kind, value string) {
	w.records = append(w.records, record{owner, kind, value})
}

// addHost gives a name an address of its own, and the address that name.
func (w *world) addHost(name string) {
	w.host = w.host.Next()
	w.add(name, helogate.A, w.host.String())
	w.add(w.host.String(), helogate.PTR, name)
}

// addCustomer is a domain with two mail hosts at a hoster, or with one of its own.
func (w *world) addCustomer(i int) {
	domain := fmt.Sprintf("customer%d.example", i)
	w.customers = append(w.customers, domain)
	if i%3 == 0 {
		w.add(domain, helogate.MX, "10 mx."+domain)
		w.addHost("mx." + domain)
		w.sends(domain, "mx")
		return
	}
	hoster := w.rnd.IntN(w.hosters)
	w.add(domain, helogate.MX, fmt.Sprintf("10 mx1.hoster%d.example", hoster))
	w.add(domain, helogate.MX, fmt.Sprintf("20 mx2.hoster%d.example", hoster))
	w.sends(domain, "mx")
}

// name gives the client a name that resolves back to it.
func (w *world) name(m *load.Mail, name string) {
	m.Name = name
	w.add(m.Client.Addr().String(), helogate.PTR, name)
	w.add(name, helogate.A, m.Client.Addr().String())
}

func (w *world) customer() string { return w.customers[w.rnd.IntN(len(w.customers))] }

func (w *world) ownServer(m *load.Mail) {
	domain := fmt.Sprintf("server%d.example", len(w.mails))
	w.name(m, "mail."+domain)
	w.add(domain, helogate.MX, "10 mail."+domain)
	w.sends(domain, "mx")
	m.Helo, m.Sender = m.Name, "info@"+domain
}

func (w *world) hostersServer(m *load.Mail) {
	hoster, customer := fmt.Sprintf("hoster%d.example", w.rnd.IntN(w.hosters)), w.customer()
	w.name(m, fmt.Sprintf("mail%d.%s", len(w.mails), hoster))
	w.sendsBy(customer, hoster, m)
	m.Helo, m.Sender = m.Name, "info@"+customer
}

// pool is one of many hosts with one HELO name, which has other addresses.
func (w *world) pool(m *load.Mail) {
	pool, customer := fmt.Sprintf("pool%d.example", w.rnd.IntN(pools)), w.customer()
	w.name(m, fmt.Sprintf("mail-%d.out.%s", len(w.mails), pool))
	w.sendsBy(customer, pool, m)
	m.Helo, m.Sender = "smtp."+pool, "news@"+customer
}

// generated is on a customer's line, whose name resolves back to it or does not. Its HELO name is that name, one that
// does not exist, or one of another host.
func (w *world) generated(m *load.Mail) {
	octets := strings.ReplaceAll(m.Client.Addr().String(), ".", "-")
	name := fmt.Sprintf("%s.dsl.provider%d.example", octets, w.rnd.IntN(w.hosters))
	if w.rnd.IntN(3) == 0 {
		m.Name = "" // as Postfix has it, for the name does not resolve back
		w.add(m.Client.Addr().String(), helogate.PTR, name)
	} else {
		w.name(m, name)
	}
	m.Helo, m.Sender = w.anyName(name), w.anySender()
}

func (w *world) nameless(m *load.Mail) {
	m.Helo, m.Sender = w.anyName(w.missing()), w.anySender()
}

// impersonator uses a well-known sender's name.
func (w *world) impersonator(m *load.Mail) {
	m.Helo, m.Sender = "gmail.com", fmt.Sprintf("user%d@gmail.com", len(w.mails))
}

func (w *world) senseless(m *load.Mail) {
	m.Helo = [...]string{m.Client.Addr().String(), "localhost", "user-pc", "win_" + fmt.Sprint(len(w.mails))}[w.rnd.IntN(4)]
	m.Sender = w.anySender()
}

func (w *world) anyName(own string) string {
	return [...]string{own, w.missing(), fmt.Sprintf("mx1.hoster%d.example", w.rnd.IntN(w.hosters))}[w.rnd.IntN(3)]
}

// anySender is a bot's, whose domain exists mostly.
func (w *world) anySender() string {
	if w.rnd.IntN(6) == 0 {
		return "user@" + w.missing()
	}
	return "user@" + w.customer()
}

// missing is a domain that does not exist.
func (w *world) missing() string { return fmt.Sprintf("missing%d.example", w.rnd.IntN(1_000_000)) }

// zone is the world's DNS for a test.
func (w *world) zone() (*helogate.Zone, error) {
	var b strings.Builder
	for _, r := range w.records {
		fmt.Fprintf(&b, "%s %s %s\n", r.owner, r.kind, r.value)
	}
	return helogate.NewZone(b.String())
}
