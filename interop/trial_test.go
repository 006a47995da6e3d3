package interop

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// allScenes are those of all dialogues.
func allScenes(t *testing.T) []*scene {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.smtp")
	must(t, err)
	var files []string
	for _, path := range paths {
		files = append(files, filepath.Base(path))
	}
	return scenesOf(t, files...)
}

// In shadow mode no client of the dialogues is refused, and the log has the decision that enforce mode makes.
func TestShadowRefusesNoClient(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	scenes := allScenes(t)
	for _, preset := range presets {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			config := inJSON(enforce(preset, l.dns.resolver))
			d := l.serve(t, config, at(l.postfix.presets[preset]))
			come := func() (replies []string, decided map[string][]string) {
				for _, s := range scenes {
					replies = append(replies, s.replay(t, l.postfix.services[preset])...)
				}
				return replies, decisions(d.verdicts())
			}
			replies, enforced := come()
			if n := refusalsIn(replies); n < 10 {
				t.Errorf("%d refusals where they are carried out, so this is no test", n)
			}
			d.reload(shadowed(config))
			replies, trial := come()
			noneRefused(t, replies)
			agree(t, enforced, trial)
		})
	}
}

// The same if helogate is asked at each stage, and refuses at one.
func TestShadowRefusesNoClientAtAnyStage(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.serve(t, inJSON(enforce("hardline", l.dns.resolver)), at(l.postfix.policy))
	scenes := allScenes(t)
	for _, stage := range []string{"connect", "helo", "mail", "rcpt"} {
		t.Run(stage, func(t *testing.T) {
			config := "policy.reject_at_stage = \"" + stage + "\"\n" + inJSON(enforce("hardline", l.dns.resolver))
			come := func(config string) (replies []string, decided map[string][]string) {
				d.reload(config)
				d.verdicts()
				for i := 0; i < len(scenes); i += 2 { // every second one is enough, and saves time
					replies = append(replies, scenes[i].replay(t, l.postfix.services["stages"])...)
				}
				return replies, decisions(firsts(d.verdicts()))
			}
			replies, enforced := come(config)
			if n := refusalsIn(replies); n < 10 {
				t.Errorf("%d refusals where they are carried out, so this is no test", n)
			}
			replies, trial := come(shadowed(config))
			noneRefused(t, replies)
			agree(t, enforced, trial)
		})
	}
}

// firsts are the verdicts of each connection until something was decided: where it goes on after a refusal it is
// another one.
func firsts(all []verdict) (out []verdict) {
	decided := false
	for _, v := range all {
		decided = decided && v.Stage != "connect"
		if !decided {
			out = append(out, v)
		}
		decided = decided || v.decided() != "continue"
	}
	return out
}

func shadowed(config string) string {
	return strings.Replace(config, `mode = "enforce"`, `mode = "shadow"`, 1)
}

// decisions are what was decided, by what was asked; each of them once.
func decisions(all []verdict) map[string][]string {
	out := map[string][]string{}
	for _, v := range all {
		if of := v.asked(); !slices.Contains(out[of], v.decided()) {
			out[of] = append(out[of], v.decided())
		}
	}
	return out
}

// agree checks that the decisions of the dry run are those of enforce mode.
func agree(t *testing.T, enforced, trial map[string][]string) {
	t.Helper()
	if len(enforced) < 10 {
		t.Errorf("%d questions, so this is no test", len(enforced))
	}
	for of, did := range enforced {
		would := trial[of]
		slices.Sort(did)
		slices.Sort(would)
		if !slices.Equal(did, would) {
			t.Errorf("%s: %q was done, and %q would have been", of, did, would)
		}
	}
}

// refusalsIn counts the refusals that are helogate's.
func refusalsIn(replies []string) (n int) {
	for _, r := range replies {
		if strings.HasPrefix(r, "5") && strings.Contains(r, "[ID]") {
			n++
		}
	}
	return n
}

// postfixs are refusals of Postfix's own.
var postfixs = regexp.MustCompile(`: Relay access denied$|: User unknown in relay recipient table$|^503 5\.5\.1 Error: |^535 5\.7\.8 Error: `)

// noneRefused checks that no client was refused, except by Postfix itself.
func noneRefused(t *testing.T, replies []string) {
	t.Helper()
	for _, r := range replies {
		if !fits(r, "") && !postfixs.MatchString(r) {
			t.Errorf("refused in shadow mode: %s", r)
		}
	}
}

// One listener in shadow mode beside others that enforce, and one check and one rule in a dry run.
func TestTrials(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	const rule = `
policy.checks.private-name = "would reject"
[[rule]]
name = "foxes"
when = 'helo.text == "fox.example.com"'
then = "would drop"
`
	for _, mode := range []string{"enforce", "shadow"} {
		other := map[string]string{"enforce": "shadow", "shadow": "enforce"}[mode]
		t.Run("all but one in "+mode, func(t *testing.T) {
			config := strings.Replace(inJSON(enforce("rfc", l.dns.resolver))+rule, "enforce", mode, 1)
			d := l.serve(t, config, at(l.postfix.listeners["first"]), at(l.postfix.listeners["watched"])+"\nmode = \""+other+"\"")
			for _, c := range []struct{ client, helo, decided, inForce string }{
				{"192.0.2.25", "localhost", "reject by own-identity", "550 5.7.1 "},
				{"192.0.2.60", "lone.example.com", "reject by rdns", "550 5.7.25 "},
				{"192.0.2.25", "exchange01.corp.local", "reject by private-name", "250 2.1.5 "},
				{"192.0.2.25", "fox.example.com", "drop by foxes", "550 5.7.1 "}, // it does not resolve, by which it is refused
				{"192.0.2.25", "mail.example.com", "continue", "250 2.1.5 "},
			} {
				for listener, is := range map[string]string{"first": mode, "watched": other} {
					want := "250 2.1.5 "
					if is == "enforce" {
						want = c.inForce
					}
					if got := l.postfix.services[listener].rcpt(c.client, c.helo); !strings.HasPrefix(got, want) {
						t.Errorf("%s: %s %s: %s, not %s", is, c.client, c.helo, got, want)
					}
				}
				said := d.verdicts()
				if len(said) != 2 || said[0].decided() != c.decided || said[1].decided() != c.decided {
					t.Errorf("%s %s: %v, not %s", c.client, c.helo, said, c.decided)
				}
			}
			d.waitFor("listening", fmt.Sprintf("%q", mode))
			d.waitFor("listening", fmt.Sprintf("%q", other))
		})
	}
}
