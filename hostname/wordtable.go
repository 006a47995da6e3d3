package hostname

// wordTable has words in host names that show who chose the name. They are technologies and everyday words, in the
// languages in which providers write them out; no provider's name is here. A word is here for its meaning, not
// because it was seen: a row states the meaning of its words, and the language where it is not English. Words are in
// lower case and in ASCII, as names write them, without accents.
var wordTable = []struct {
	kind    wordKind
	meaning string
	words   string
}{
	// How a line reaches the Internet. No mail server is named after that.
	{accessWord, "assigned for a while", "dyn dynamic dynip ipdyn dynpool dynhost dynpools ddns dyndns"},
	{accessWord, "dynamic: French, German, Dutch, Nordic", "dynamique dynamiques dynamisch dynamische dynamisk"},
	{accessWord, "dynamic: Italian, Spanish, Portuguese, Romanian", "dinamic dinamica dinamico dinamicas dinamicos dinamici"},
	{accessWord, "dynamic: Slavic", "dynamiczny dynamiczne dynamicka dynamicke dynamicky dinamicheskiy dinamicka dinamicki dinamichni"},
	{accessWord, "dynamic: Turkish, Hungarian, Indonesian, Chinese, Korean", "dinamik dinamikus dinamis dongtai yudong"},
	{accessWord, "dial-up, and its servers", "dialup dialin dial dialer dialpool dip modem modems modempool isdn pstn dialaccess pptp lns"},
	{accessWord, "dial-up: German, Portuguese, Spanish, Chinese", "einwahl waehlzugang discado discada conmutado bohao"},
	{accessWord, "digital subscriber line, and its equipment", "dsl dsls adsl adsls vdsl xdsl sdsl hdsl shdsl idsl rdsl gdsl dslam bras bng"},
	{accessWord, "session of a line", "ppp pppoe pppoa vpdn ipoe dhcp dhcpd bootp"},
	{accessWord, "cable television and its equipment", "cable cables cablemodem cablemodems cabletv catv docsis hfc cmts stb ktv"},
	{accessWord, "cable: German, Nordic, Czech", "kabel kabels kabeltv kabelnet kabelmodem kabelova kabelove"},
	{accessWord, "cable: Portuguese, Romanian, Turkish, Finnish, Slavic", "cabo cablu kablo kablotv kaapeli kabl kablovska kablowka kabelnoe"},
	{accessWord, "broadband, and fibre to somewhere", "broadband wideband ftth fttb fttc fttx fttp fttn etth gpon xgpon epon pon hsi hsia"},
	{accessWord, "broadband: German, Dutch, Nordic, Finnish", "breitband breedband bredband bredbaand bredbond laajakaista breidband"},
	{accessWord, "broadband: Spanish, Portuguese, Italian, Hungarian, Turkish", "bandaancha bandalarga szelessav genisbant"},
	{accessWord, "broadband: Slavic, Chinese", "shpd shirokopolosnyi sirokopojasni szerokopasmowy kuandai"},
	{accessWord, "radio and mobile technology", "wimax wibro lte gprs umts hsdpa hspa gsm cdma evdo wwan wlan wifi hotspot mmds lmds wcdma mobilnet"},
	{accessWord, "mobile line: German, Nordic, Dutch", "mobilfunk mobilsurf mobiltbredband mobielinternet"},
	{accessWord, "shared addresses", "cgnat cgn lsn"},
	{accessWord, "where people live", "residential resnet reshall dorm dorms dormitory wohnheim studentenwohnheim homeuser homeusers"},
	{accessWord, "where people live: Romance", "residencial residenciales residentiel residenziale rezidential hogar hogares domestico"},
	{accessWord, "equipment at the customer's", "cpe cpes xcpe"},

	// Customers.
	{customerWord, "customer, user", "cust custs customer customers client clients subscriber subscribers subscr subs user users enduser endusers"},
	{customerWord, "cable modem", "cm"},
	{customerWord, "customer, subscriber: German", "kunde kunden privatkunden teilnehmer abonnent abonnenten anschluss"},
	{customerWord, "customer, subscriber: Dutch, Nordic", "klant klanten abonnee abonnees kund kunder abonnenter"},
	{customerWord, "customer, subscriber: Finnish, Estonian, Baltic", "asiakas asiakkaat tilaaja klient klientas abonentas klients abonents"},
	{customerWord, "customer, subscriber: French", "abo abonne abonnes abonnement usager usagers particulier particuliers"},
	{customerWord, "customer, subscriber: Italian", "clienti utente utenti utenza abbonato abbonati"},
	{customerWord, "customer, subscriber: Spanish, Portuguese", "cliente clientes usuario usuarios abonado abonados suscriptor suscriptores assinante assinantes utilizador utilizadores"},
	{customerWord, "customer, subscriber: Slavic", "abonent abonenty abonenti klienci klienty klienti zakaznik zakaznici uzivatel uzivatele korisnik korisnici pretplatnik uporabnik narocnik potrebitel polzovatel"},
	{customerWord, "customer, subscriber: Romanian, Hungarian, Turkish", "abonat abonati ugyfel elofizeto felhasznalo abone aboneler musteri"},
	{customerWord, "customer, user: Chinese, Indonesian, Vietnamese", "yonghu pelanggan khachhang"},

	// Kinds of lines and addresses. Names of servers have such words too.
	{lineWord, "pool of addresses", "pool pools ippool poolip pooles"},
	{lineWord, "home, mobile, business line", "res resi home homes mobile mob biz business nat bb student students private"},
	{lineWord, "home, private: German, Nordic, Dutch, Slavic", "privat priv hem hjemme thuis bolig bostad domacnost"},
	{lineWord, "mobile: German, Nordic, Romance, Slavic, Chinese", "mobil mobilt movil movel moveis mobilnyi yidong"},
	{lineWord, "fibre", "fiber fibre fibra fibernet glasfaser glasvezel valokuitu swiatlowod hikari guangxian optic"},
	{lineWord, "radio", "wireless radio radionet wisp bezdrat bezprzewodowy inalambrico funk"},
	{lineWord, "line, access: English, French, German, Japanese, Czech", "line lines access acces ligne leitung kaisen pripojka pripojeni"},

	// Products of hosters.
	{machineWord, "virtual machine", "vm vms vmi vps vds vcpu vserver vservers vsrv kvm xen openvz lxc hyperv cloudvps"},
	{machineWord, "machine of a cloud", "compute instance instances droplet droplets cloudserver elastic"},
	{machineWord, "dedicated machine", "rootserver dedicated dedi dediserver dedicado baremetal"},
	{tenantWord, "tenant", "member members tenant tenants"},
	{serverWord, "server", "server servers serv srv svr servidor serveur serwer szerver sunucu palvelin ns node nodes"},
	{serverWord, "where servers stand", "cloud virtual colo colocation hosting hosted webhosting hebergement hospedagem hospedaje datacenter datacentre"},

	// Words of providers that do not show the kind of line. Static is a weak word: such a line may have a mail server.
	{providerWord, "does not change", "static statics staticip stat fixed fixedip fix fixip"},
	{providerWord, "does not change: Romance", "statique statico statica estatico estatica fixe fijo fija fixo"},
	{providerWord, "does not change: German, Nordic, Slavic, Turkish, Chinese, Japanese", "statisch statisk statyczny staticka statik statis jingtai kotei"},
	{providerWord, "the address, or its name", "ip ips ipv ipaddr host hosts addr address rev revip reverse revdns rdns ptr inaddr"},
	{pieceWord, "a piece of a network", "net sub subnet zone range block area segment seg vlan subnets netblock cidr"},
	{unassignedWord, "has no name", "unassigned unallocated unused undefined unspecified notassigned norevdns nordns noptr unnamed"},
	{providerWord, "may have no name", "unknown reserved generic"},

	// Mail servers, and pools of senders.
	{mailWord, "exchanger, transfer agent", "mx mxs mta mtas msa mda pmta emta mmta esa lmtp"},
	{mailWord, "outgoing", "out outbound outgoing outgo relay relays relayout send sender senders delivery bulk forward forwarder forwarders smarthost"},
	{mailWord, "post: English and others", "post postal postman postmaster postoffice posta poste posti pochta poczta postur pasts pastas"},
	{mailWord, "post: Romance", "correo correos courrier courriel correio"},
	{mailWord, "software", "postfix exim qmail exchange exch zimbra imap pop listserv mailman ironport"},
	{mailWord, "mailing lists and bulk mail", "list lists newsletter newsletters news bounce bounces notify notification notifications campaign campaigns mailing"},
	{mailWord, "a filter before a server", "antispam spamfilter virusfilter spam antivirus"},
}
