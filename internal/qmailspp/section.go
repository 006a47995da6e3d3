package qmailspp

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/helogate/helogate"
)

// sectionOf finds the stage that the program runs at, and false if nothing is judged then. qmail-smtpd does not tell,
// and its environment is reliable only until the second message, since variables remain set. So the program looks for
// itself in the list of plugins. If it is not listed exactly once, the environment decides.
func sectionOf(name string, env map[string]string) (helogate.Stage, bool) {
	if listed := listedIn(name, readControl(env, pluginsFile(env), maxControl)); listed != "" {
		stage, ok := sections[listed[0]]
		return stage, ok
	}
	has := func(name string) bool { _, set := env[name]; return set }
	switch {
	case has("SMTPRCPTTO"):
		return helogate.Rcpt, true
	case has("SMTPMAILFROM"):
		return helogate.Mail, true
	case has("SMTPHELOHOST"), isOriginal(name): // helodnscheck has no other section
		return helogate.Helo, true
	}
	return helogate.Connect, true
}

// sections are identified by their first letter, as in qmail-smtpd.
var sections = map[byte]helogate.Stage{'c': helogate.Connect, 'h': helogate.Helo, 'm': helogate.Mail, 'r': helogate.Rcpt}

const maxControl = 1 << 20 // bytes of a control file that are read

func pluginsFile(env map[string]string) string {
	if f := env["SPPCONFFILE"]; f != "" {
		return f
	}
	return "control/smtpplugins"
}

// readControl reads a file of qmail's, by its path from qmail's directory: the one that qmail-smtpd works in, else
// $QMAIL.
func readControl(env map[string]string, path string, limit int64) string {
	f, err := os.Open(path)
	if err != nil && !filepath.IsAbs(path) && filepath.IsAbs(env["QMAIL"]) {
		f, err = os.Open(filepath.Join(env["QMAIL"], path))
	}
	if err != nil {
		return ""
	}
	defer f.Close()
	if is, err := f.Stat(); err != nil || !is.Mode().IsRegular() {
		return ""
	}
	b, _ := io.ReadAll(io.LimitReader(f, limit)) // as much as can be read
	return string(b)
}

// listedIn returns the name of the one section that lists a plugin, "" if it is in none or in several.
func listedIn(name, list string) (section string) {
	now := ""
	for line := range strings.Lines(list) {
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case len(line) > 1 && line[0] == '[':
			now = line[1:]
		case line == name && now != "" && section == "":
			section = now
		case line == name && now != "" && section[0] != now[0]:
			return ""
		}
	}
	return section
}
