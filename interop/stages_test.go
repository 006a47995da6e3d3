package interop

import (
	"strings"
	"testing"
)

// What helogate serve prints for main.cf is what the smtpd "main" runs with.
func TestPrintedMainCF(t *testing.T) {
	l := theLab(t)
	d := l.serve(t, enforce("rfc", l.dns.resolver), at(l.postfix.policy))
	l.play(t, "main.smtp", "main")
	d.waitFor("to=bob@example.net", "client=192.0.2.60", "action=reject", "by=rdns")
	for _, judged := range []string{"unlisted@example.net", "someone@elsewhere.example"} {
		if strings.Contains(d.out.String(), judged) {
			t.Errorf("helogate was asked about %s, though Postfix takes no mail for it", judged)
		}
	}
}

// Where smtpd_delay_reject is off and helogate is asked at each stage, reject_at_stage sets the stage of the refusal.
func TestRejectAtStage(t *testing.T) {
	l := theLab(t)
	for _, stage := range []string{"connect", "helo", "mail", "rcpt"} {
		t.Run(stage, func(t *testing.T) {
			d := l.serve(t, "policy.reject_at_stage = \""+stage+"\"\n"+enforce("rfc", l.dns.resolver), at(l.postfix.policy))
			l.play(t, "stage-"+stage+".smtp", "stages")
			if stage != "rcpt" {
				d.waitFor("level=WARN", "these can accept only later, which is too late")
			} else if strings.Contains(d.out.String(), "level=WARN") {
				t.Error("a warning though nothing comes too late")
			}
		})
	}
}

// A client that goes on after a refused HELO name is refused again, also by a policy that needs no HELO.
func TestRefusedHELO(t *testing.T) {
	l := theLab(t)
	l.serve(t, "policy.reject_at_stage = \"helo\"\npolicy.checks.helo-missing = \"ignore\"\n"+enforce("rfc", l.dns.resolver), at(l.postfix.policy))
	l.play(t, "stage-silent.smtp", "stages")
}

// A client that changes its HELO name.
func TestChangedHELO(t *testing.T) {
	l := theLab(t)
	l.serve(t, "policy.reject_at_stage = \"helo\"\npolicy.checks.helo-changed = \"reject\"\n"+enforce("rfc", l.dns.resolver), at(l.postfix.policy))
	l.play(t, "stage-changed.smtp", "stages")
}

// With smtpd_delay_reject, Postfix's default, it asks for each stage too, but only when it has the recipient.
func TestRejectAtStageDelayed(t *testing.T) {
	l := theLab(t)
	l.serve(t, "policy.reject_at_stage = \"helo\"\n"+enforce("rfc", l.dns.resolver), at(l.postfix.policy))
	l.play(t, "stage-delayed.smtp", "delayed")
}

// Accept is no permit: the smtpd "before" asks helogate before it has looked whether the mail is for us.
func TestAcceptIsNoPermit(t *testing.T) {
	l := theLab(t)
	d := l.serve(t, enforce("balanced", l.dns.resolver), at(l.postfix.policy))
	l.play(t, "permit.smtp", "before")
	for _, by := range []string{"exempt", "own-network", "authenticated", "postmaster"} {
		d.waitFor("elsewhere.example", "action=accept", "by="+by)
	}
}
