package config

import (
	"strings"
	"testing"

	"github.com/helogate/helogate/internal/suggest"
)

// TestRenamed: whatever had another name in an earlier version is an error under that name, and the error gives the new
// one.
func TestRenamed(t *testing.T) {
	for _, tt := range []struct{ file, env, want string }{
		{"dns.patience = \"9h\"", "", "1:5: dns: dns.patience is now dns.failure_grace: rename it"},
		{"[dns]\nbudget = \"9s\"\npatience = \"9h\"", "", "3:1: dns: dns.patience is now dns.failure_grace: rename it"},
		{"dns = { patience = 4 }", "", "1:9: dns: dns.patience is now dns.failure_grace: rename it"},
		{"[dns]\npatience = \"1h\"\nfailure_grace = \"4h\"", "",
			"2:1: dns: dns.patience is now dns.failure_grace, which is set at line 3: remove the old name"},
		{"[dns]\npatience = \"1h\"", "HELOGATE_DNS__FAILURE_GRACE=4h",
			"2:1: dns: dns.patience is now dns.failure_grace, which is set at HELOGATE_DNS__FAILURE_GRACE: remove the old name"},
		{"", "HELOGATE_DNS__PATIENCE=9h", "HELOGATE_DNS__PATIENCE is now HELOGATE_DNS__FAILURE_GRACE: rename it"},
		{"", "HELOGATE_DNS_PATIENCE=9h", "no setting has this name; did you mean HELOGATE_DNS__FAILURE_GRACE?"},
		{"", "HELOGATE_DNS={ patience = \"9h\" }", "HELOGATE_DNS: dns: dns.patience is now dns.failure_grace: rename it"},

		{"[policy.replies]\nsuspicion = \"No.\"", "", "2:1: policy.replies: policy.replies.suspicion is now policy.replies.score: rename it"},
		{"policy.replies.suspicion = \"No.\"", "", "1:16: policy.replies: policy.replies.suspicion is now policy.replies.score: rename it"},
		{"[policy.replies]\nsuspicion = \"No.\"\nscore = \"No.\"", "",
			"2:1: policy.replies: policy.replies.suspicion is now policy.replies.score, which is set at line 3: remove the old name"},
		{"", "HELOGATE_POLICY__REPLIES__SUSPICION=No.",
			"HELOGATE_POLICY__REPLIES__SUSPICION is now HELOGATE_POLICY__REPLIES__SCORE: rename it"},

		{"[policy.checks]\nfcrdns = \"suspect 2\"", "", `2:10: policy.checks.fcrdns: "suspect 2" has a new name: write "score 2"`},
		{"[policy.checks]\nfcrdns = \"suspect\"", "", `2:10: policy.checks.fcrdns: "suspect" has a new name: write "score 1"`},
		{"[policy.checks]\nfcrdns = \"would suspect 2\"", "", `2:10: policy.checks.fcrdns: "would suspect 2" has a new name: write "would score 2"`},
		{"[policy.checks]\nfcrdns = { pass = \"vouch 3\" }", "", `2:19: policy.checks.fcrdns.pass: "vouch 3" has a new name: write "score -3"`},
		{"[[policy.for]]\nrecipient = \"a.example\"\nchecks.fcrdns = \"vouch\"", "",
			`3:17: policy.for[0].checks.fcrdns: "vouch" has a new name: write "score -1"`},
		{"[[listen]]\nprotocol = \"postfix\"\naddress = \"127.0.0.1:1\"\nchecks.fcrdns = \"suspect 7\"", "",
			`4:17: listen[0].checks.fcrdns: "suspect 7" has a new name: write "score 7"`},
		{"[[rule]]\nname = \"a\"\nwhen = \"true\"\nthen = \"suspect 2\"", "", `4:8: rule[0].then: "suspect 2" has a new name: write "score 2"`},
		{"[[dnswl]]\nzone = \"wl.example\"\ncodes = \"127.0.0.2\"\nthen = \"vouch 3\"", "",
			`4:8: dnswl[0].then: "vouch 3" has a new name: write "score -3"`},
		{"", "HELOGATE_POLICY__CHECKS__FCRDNS=suspect 2", `HELOGATE_POLICY__CHECKS__FCRDNS: policy.checks.fcrdns: "suspect 2" has a new name: write "score 2"`},
		{"", "HELOGATE_POLICY__CHECKS__FCRDNS__PASS=vouch 2",
			`HELOGATE_POLICY__CHECKS__FCRDNS__PASS: policy.checks.fcrdns.pass: "vouch 2" has a new name: write "score -2"`},
	} {
		opt := options(tt.env)
		opt.Checks = append(opt.Checks, "patience") // which is near, and no place for the setting
		_, err := Parse("helogate.toml", []byte(tt.file), opt)
		if err == nil {
			t.Errorf("%s %s: no error, want %s", tt.file, tt.env, tt.want)
			continue
		}
		if first, _, _ := strings.Cut(err.Error(), "\n"); !strings.HasSuffix(first, tt.want) || strings.Count(err.Error(), "\n") != 2 {
			t.Errorf("%s %s: %v\nwant %s", tt.file, tt.env, err, tt.want)
		}
	}
}

// TestRenamedRule: an old name is free for a rule, and then is that rule's in replies.
func TestRenamedRule(t *testing.T) {
	const file = "[policy.replies]\nsuspicion = \"No.\"\n[[rule]]\nname = \"suspicion\"\nwhen = \"true\"\nthen = \"reject\"\n"
	parse(t, file, "HELOGATE_POLICY__REPLIES__SUSPICION=Go.")
}

// TestRenamesExist: each new name is a setting, and no old name is one.
func TestRenamesExist(t *testing.T) {
	known := (&decoder{opt: options()}).variables()
	for _, r := range renames {
		for _, name := range known {
			if name == variable(r.oldName()) {
				t.Errorf("%s is a setting", r.oldName())
			}
		}
		if near := suggest.Closest(variable(r.newName()), known); near != variable(r.newName()) {
			t.Errorf("%s is no setting", r.newName())
		}
	}
}
