package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// milterPostfix starts a Postfix that asks helogate as docs/milter/main.cf says, in a chroot, and holds all mail.
func (l *lab) milterPostfix(t *testing.T) *postfix {
	t.Helper()
	dir, err := l.sub("milter")
	must(t, err)
	etc, err := l.sub("milter/etc")
	must(t, err)
	programs, err := postfixPrograms()
	must(t, err)
	p := &postfix{maillog: filepath.Join(dir, "maillog"), socket: filepath.Join(dir, "queue/helogate/milter"), owner: programs["mail_owner"], services: map[string]*service{}}
	p.sasl, err = startSASL(l.host)
	must(t, err)
	page, err := os.ReadFile("../docs/milter/main.cf")
	must(t, err)
	services := []*service{
		{Name: "main", Options: []string{"smtpd_sasl_auth_enable = yes", "smtpd_sasl_type = dovecot", "smtpd_sasl_path = inet:" + p.sasl.String(),
			"smtpd_client_connection_count_limit = 0"}},
		{Name: "tempfail", Options: []string{"milter_default_action = tempfail"}},
	}
	for _, s := range services {
		s.SMTP, s.MaxUse, s.Chroot = l.mustPort(t), 100, true
		p.services[s.Name] = s
	}
	settings := map[string]any{"Dir": dir, "Programs": programs, "Services": services,
		"Printed": string(page) +
			"smtpd_sender_restrictions = check_sender_access static:HOLD\ndefault_process_limit = 500\n"}
	for _, file := range []string{"main.cf", "master.cf"} {
		must(t, render(filepath.Join(etc, file), "testdata/"+file, settings))
	}
	must(t, p.start(dir, etc, programs))
	p.makeSocketDirectory(t, "root")
	return p
}

// milterListener is the setting of a helogate that this Postfix asks.
func (p *postfix) milterListener() string {
	return fmt.Sprintf("\n[[listen]]\nprotocol = \"milter\"\naddress = %q\n", p.socket)
}

// mta is one of its smtpds.
func (p *postfix) milterMTA(listener string) *milterMTA {
	return &milterMTA{
		name: "Postfix", listener: p.milterListener(), relaying: "554 5.7.1 ", down: "250 2.1.5 ", plain: "a b%s",
		dial: func(from string) (*client, string, error) {
			c, greeting, err := dial(p.services[listener].SMTP)
			if err == nil {
				greeting, err = c.say(xclient(from)) // the reply to it stands for the banner
			}
			return c, greeting, err
		},
		header: func(t *testing.T, reply string) string {
			t.Helper()
			id := queued.FindStringSubmatch(reply)
			if id == nil {
				t.Fatalf("not queued: %s", reply)
			}
			return p.header(t, id[1])
		},
	}
}

// Postfix, with what docs/milter.md says to put into main.cf.
func TestMilter(t *testing.T) {
	l := theLab(t)
	p := l.milterPostfix(t)
	p.logOnFailure(t)
	p.milterMTA("main").test(t, l)
	t.Run("tempfail", func(t *testing.T) {
		mta := p.milterMTA("tempfail")
		mta.down = "451 4.7.1 "
		mta.testKilled(t, l)
	})
}

// header is that of a message on hold.
func (p *postfix) header(t *testing.T, id string) string {
	t.Helper()
	postcat, err := lookPath("postcat")
	must(t, err)
	out, err := exec.Command(postcat, "-c", filepath.Join(filepath.Dir(p.maillog), "etc"), "-hq", id).CombinedOutput()
	must(t, err)
	return string(out)
}
