package legacy

import (
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testcheck"
)

const dmpZone = `
	_smtp-client.part.example                       TXT dmp=
	1.2.0.192.in-addr._smtp-client.part.example     TXT dmp=allow
	2.2.0.192.in-addr._smtp-client.part.example     TXT dmp=deny
	3.2.0.192.in-addr._smtp-client.part.example     TXT DMP=Allow
	4.2.0.192.in-addr._smtp-client.part.example     TXT dmp=allow
	4.2.0.192.in-addr._smtp-client.part.example     TXT dmp=deny
	5.2.0.192.in-addr._smtp-client.part.example     TXT dmp=allowed
	6.2.0.192.in-addr._smtp-client.part.example     TXT tempfail
	1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._smtp-client.part.example TXT dmp=allow

	2.2.0.192.in-addr._smtp-client.mx.example       TXT dmp=allow
	4.2.0.192.in-addr._smtp-client.mx.example       TXT tempfail
	7.2.0.192.in-addr._smtp-client.mx.example       TXT dmp=deny
	_smtp-client.mx.example                         TXT dmp=
	_smtp-client.half.example                       TXT tempfail
	_smtp-client.other.example                      TXT v=spf1
	9.2.0.192.in-addr._smtp-client.unmarked.example TXT dmp=deny
	8.2.0.192.in-addr._smtp-client.unmarked.example TXT dmp=allow`

func TestDMP(t *testing.T) {
	testcheck.Zone(t, DMP, dmpZone,
		"192.0.2.1 x.example a@part.example", "pass: part.example allows 192.0.2.1 by DMP",
		"192.0.2.1 x.example a@PART.example.", "pass: part.example allows 192.0.2.1 by DMP",
		"192.0.2.3 x.example a@part.example", "pass: part.example allows 192.0.2.3 by DMP",
		"2001:db8::1 x.example a@part.example", "pass: part.example allows 2001:db8::1 by DMP",
		"192.0.2.8 x.example a@unmarked.example", "pass: unmarked.example allows 192.0.2.8 by DMP",

		// the HELO name may allow the client itself
		"192.0.2.2 mx.example a@part.example", "pass: HELO mx.example allows 192.0.2.2 by DMP",
		"192.0.2.2 MX.example a@part.example", "pass: HELO mx.example allows 192.0.2.2 by DMP",
		"192.0.2.7 mx.example a@part.example", "fail: HELO mx.example denies 192.0.2.7 by DMP",
		"192.0.2.5 mx.example a@part.example", "fail: HELO mx.example takes part in DMP and does not allow 192.0.2.5",
		"192.0.2.2 x.example a@part.example", "fail: part.example denies 192.0.2.2 by DMP",
		"192.0.2.2 part.example a@part.example", "fail: HELO part.example denies 192.0.2.2 by DMP",
		"192.0.2.9 x.example a@unmarked.example", "fail: unmarked.example denies 192.0.2.9 by DMP",

		// no domain participates
		"192.0.2.4 x.example a@part.example", "fail: part.example takes part in DMP and does not allow 192.0.2.4",
		"192.0.2.5 x.example a@part.example", "fail: part.example takes part in DMP and does not allow 192.0.2.5",
		"2001:db8::2 x.example a@part.example", "fail: part.example takes part in DMP and does not allow 2001:db8::2",
		"192.0.2.1 mx.example a@gone.example", "none: gone.example takes no part in DMP",
		"192.0.2.1 mx.example a@other.example", "none: other.example takes no part in DMP",

		// for bounces and senders without a domain, the HELO name only
		"192.0.2.2 mx.example", "pass: HELO mx.example allows 192.0.2.2 by DMP",
		"192.0.2.7 mx.example", "fail: HELO mx.example denies 192.0.2.7 by DMP",
		"192.0.2.1 mx.example nobody", "fail: HELO mx.example takes part in DMP and does not allow 192.0.2.1",
		"192.0.2.1 mx.example a@[192.0.2.1]", "fail: HELO mx.example takes part in DMP and does not allow 192.0.2.1",
		"192.0.2.1 x.example", "none: neither a sender's domain nor HELO takes part in DMP",

		// a HELO that is not a name does not participate
		"192.0.2.1 -", "none: neither a sender's domain nor HELO takes part in DMP",
		"192.0.2.1 [192.0.2.1]", "none: neither a sender's domain nor HELO takes part in DMP",
		"192.0.2.2 a\x00b a@part.example", "fail: part.example denies 192.0.2.2 by DMP",
		"192.0.2.2 a..b a@part.example", "fail: part.example denies 192.0.2.2 by DMP",
		"192.0.2.2 pc a@part.example", "fail: part.example denies 192.0.2.2 by DMP",
		"192.0.2.2 x.example a@a..\x00", `none: a..\x00 takes no part in DMP`,
		`192.0.2.2 x.example a@part\.example`, `none: part\\.example takes no part in DMP`,
		"192.0.2.2 x.example a@"+strings.Repeat("a.", 200)+"example", "none: "+strings.Repeat("a.", 38)+"a... takes no part in DMP",
		"10.0.0.1 mx.example a@part.example", "none: 10.0.0.1 is a private address: DNS says nothing of it",

		"192.0.2.6 x.example a@part.example", "temperror: TXT of 6.2.0.192.in-addr._smtp-client.part.example: the zone says so",
		"192.0.2.4 mx.example a@part.example", "temperror: TXT of 4.2.0.192.in-addr._smtp-client.mx.example: the zone says so",
		"192.0.2.1 x.example a@half.example", "temperror: TXT of _smtp-client.half.example: the zone says so",
		"192.0.2.1 half.example", "temperror: TXT of _smtp-client.half.example: the zone says so")
}

// A domain that does not participate costs at most two questions, and an allowed client one.
func TestDMPAsksNoMoreThanItMust(t *testing.T) {
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: DMP})
	if err != nil {
		t.Fatal(err)
	}
	for client, want := range map[string]int{
		"192.0.2.1 mx.example a@part.example": 1,
		"192.0.2.1 mx.example a@gone.example": 2,
		"192.0.2.5 x.example a@part.example":  4,
	} {
		if v := p.Judge(t.Context(), testcheck.Facts(client), helogate.MustZone(dmpZone)); len(v.Asked) != want {
			t.Errorf("%s: %d questions, want %d: %v", client, len(v.Asked), want, v.Asked)
		}
	}
}
