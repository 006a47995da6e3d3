package interop

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What helogate adds to the header of a message that Postfix has taken. Postfix adds what PREPEND says above its own
// Received; what the client has in its header stays below it.
func TestHeaders(t *testing.T) {
	l := theLab(t)
	p := l.holding(t)
	p.logOnFailure(t)
	l.serve(t, enforce("balanced", l.dns.resolver)+`
policy.greylist_at = 3
[headers]
authentication_results = true
x_helogate             = true
x_helo                 = true
x_helo_check           = true
name                   = "mx.example.net"
`, at(p.policy))
	const (
		good    = "192.0.2.25 mail.example.com"
		results = "Authentication-Results: mx.example.net; iprev=pass policy.iprev=192.0.2.25; spf=none smtp.helo=mail.example.com; spf=none smtp.mailfrom=example.com"
		verdict = "X-Helogate: id=ID; action=continue; score=0"
		helo    = "X-HELO: mail.example.com"
	)
	for _, c := range []struct {
		title, listener, client string
		dialogue                string // MAIL is M, RSET R, RCPT of bob B, of postmaster P
		want                    []string
	}{
		{"one recipient, one question, one field", "main", good, "MB", []string{results}},
		{"two recipients", "main", good, "MBB", []string{results, verdict}},
		{"each once, and then no more", "main", good, "MBBBBB", []string{results, verdict, helo}},
		{"a question at DATA is one more", "twice", good, "MB", []string{results, verdict}},
		{"or two", "thrice", good, "MB", []string{results, verdict, helo}},
		{"two recipients and DATA", "twice", good, "MBB", []string{results, verdict, helo}},
		{"asked over two connections", "custom", good, "MB", []string{results, verdict}},
		{"asked at every stage", "stages", good, "MB", []string{results}},
		{"not asked at RCPT", "data", good, "MBB", []string{results}},
		{"a transaction that was given up", "main", good, "MBBRMB", []string{results}},
		{"a message of before", "main", good, "MB.MB", []string{results}},
		{"a refused recipient takes none", "main", "192.0.2.199 localhost", "MbP", []string{
			`Authentication-Results: mx.example.net; none`}},
		{"exempt", "twice", "203.0.113.200 localhost", "MB", []string{
			"Authentication-Results: mx.example.net; none", "X-Helogate: id=ID; action=accept; by=exempt; score=0; failed=own-identity,fqdn"}},
		{"a name that does not exist", "main", "192.0.2.25 nowhere.example.com", "MBBBB", []string{
			strings.ReplaceAll(results, "mail.example.com", "nowhere.example.com"), "X-Helogate: id=ID; action=continue; score=2; failed=helo-resolves",
			"X-HELO: nowhere.example.com", "X-Helo-Check: HELO [nowhere.example.com] from [192.0.2.25] doesn't solve"}},
	} {
		t.Run(c.title, func(t *testing.T) {
			if got := p.taken(t, c.listener, c.client, c.dialogue); !slices.Equal(got, c.want) {
				t.Errorf("the header begins\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
	if strings.Contains(p.log(), "action PREPEND") {
		t.Error("PREPEND was said where Postfix does not take it")
	}
}

// holding starts a Postfix that puts all mail on hold, where it can be read as it would be delivered.
func (l *lab) holding(t *testing.T) *postfix {
	t.Helper()
	dir, err := l.sub("holding")
	must(t, err)
	etc, err := l.sub("holding/etc")
	must(t, err)
	programs, err := postfixPrograms()
	must(t, err)
	p := &postfix{maillog: filepath.Join(dir, "maillog"), policy: l.mustPort(t), owner: programs["mail_owner"], services: map[string]*service{}}
	services := []*service{
		{Name: "main"}, // as main.cf has it
		{Name: "twice", Options: []string{"smtpd_data_restrictions = " + ask(p.policy, "")}},
		{Name: "thrice", Options: []string{"smtpd_data_restrictions = " + ask(p.policy, "") + ", " + ask(p.policy, "")}},
		{Name: "custom", Options: []string{"smtpd_data_restrictions = " + ask(p.policy, "data")}},
		{Name: "data", Options: []string{"smtpd_recipient_restrictions = reject_unauth_destination", "smtpd_data_restrictions = " + ask(p.policy, "")}},
		{Name: "stages", Options: []string{
			"smtpd_client_restrictions = " + ask(p.policy, "connect"),
			"smtpd_helo_restrictions = " + ask(p.policy, "helo"),
			"smtpd_recipient_restrictions = reject_unauth_destination, " + ask(p.policy, "rcpt"),
			"smtpd_end_of_data_restrictions = " + ask(p.policy, ""),
		}},
	}
	for _, s := range services {
		s.SMTP, s.MaxUse = l.mustPort(t), 100
		p.services[s.Name] = s
	}
	settings := map[string]any{"Dir": dir, "Programs": programs, "Services": services, "Printed": "smtpd_sender_restrictions = " +
		"check_sender_access static:HOLD\nsmtpd_recipient_restrictions = reject_unauth_destination, " + ask(p.policy, "")}
	for _, file := range []string{"main.cf", "master.cf"} {
		must(t, render(filepath.Join(etc, file), "testdata/"+file, settings))
	}
	must(t, p.start(dir, etc, programs))
	return p
}

var (
	queued  = regexp.MustCompile(`queued as ([0-9A-Za-z]+)`)
	idField = regexp.MustCompile(`id=[0-9a-z]+`)
)

// taken brings messages by a dialogue, and returns what the last one has above Postfix's Received.
func (p *postfix) taken(t *testing.T, listener, from, dialogue string) (added []string) {
	t.Helper()
	address, helo, _ := strings.Cut(from, " ")
	c, _, err := dial(p.services[listener].SMTP)
	must(t, err)
	defer c.close()
	reply := ""
	say := func(line string, yes bool) {
		t.Helper()
		reply, err = c.say(line)
		must(t, err)
		if fits(reply, "") != yes {
			t.Fatalf("C: %s\nS: %s", line, reply)
		}
	}
	message := func() {
		say("DATA", true)
		say("X-Helogate: id=forged; action=accept\r\nSubject: a message\r\n\r\nIts text.\r\n.", true)
	}
	say(xclient(address), true)
	say("EHLO "+helo, true)
	for _, step := range dialogue {
		switch step {
		case 'M':
			say("MAIL FROM:<jane@example.com>", true)
		case 'R':
			say("RSET", true)
		case 'B', 'b': // b is refused
			say("RCPT TO:<bob@example.net>", step == 'B')
		case 'P':
			say("RCPT TO:<postmaster@example.net>", true)
		case '.':
			message()
		}
	}
	message()
	id := queued.FindStringSubmatch(reply)
	if id == nil {
		t.Fatalf("not queued: %s", reply)
	}
	postcat, err := lookPath("postcat")
	must(t, err)
	out, err := exec.Command(postcat, "-c", filepath.Join(filepath.Dir(p.maillog), "etc"), "-hq", id[1]).CombinedOutput()
	must(t, err)
	above, _, received := strings.Cut(string(out), "Received: ")
	if !received || !strings.Contains(string(out), "Subject: a message") {
		t.Fatalf("not the header that is looked for: %s", out)
	}
	for line := range strings.Lines(above) {
		added = append(added, idField.ReplaceAllString(strings.TrimSuffix(line, "\n"), "id=ID"))
	}
	return added
}
