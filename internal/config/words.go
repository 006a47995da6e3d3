package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/suggest"
)

var doing = []string{"ignore", "note", "score", "greylist", "defer", "reject", "drop", "accept"}

// parseAction reads an action.
func parseAction(s string) (helogate.Effect, error) {
	a, err := helogate.ParseEffect(s)
	if err == nil {
		return a, nil
	}
	words := strings.Fields(s)
	if len(words) > 1 && words[0] == "would" {
		words = words[1:]
	}
	if len(words) > 0 && !slices.Contains(doing, words[0]) && suggest.Closest(words[0], doing) != "" {
		err = fmt.Errorf("%s is no action%s", shown(words[0]), meant(words[0], doing))
	}
	return a, err
}

// parseExpression takes any text; what it means is for package rule to say.
func parseExpression(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", errors.New("the expression is empty")
	}
	return s, nil
}

const maxRuleName = 60

// parseRuleName reads the name of a rule, which stands in logs among others.
func parseRuleName(s string) (string, error) {
	for i, r := range s {
		if r < ' ' || r > '~' || strings.ContainsRune(`,;="`, r) {
			err := fmt.Errorf("%+q cannot be in a name: it has ASCII letters, digits, spaces and marks, but none of , ; = \"", r)
			return "", &partError{i, utf8.RuneLen(r), err}
		}
	}
	switch {
	case strings.TrimSpace(s) == "":
		return "", errors.New("the name is empty")
	case strings.TrimSpace(s) != s:
		return "", fmt.Errorf("%s: a name neither begins nor ends with a space", shown(s))
	case len(s) > maxRuleName:
		return "", fmt.Errorf("%s: a name has at most %d characters; say more in note", shown(s), maxRuleName)
	}
	return s, nil
}

// A reply line has 512 bytes (RFC 5321 section 4.5.3.1.5), of which the page, the footer and the id want some.
const (
	maxReply  = 300
	maxFooter = 120
)

// parseReply reads text for an SMTP reply, with placeholders.
func parseReply(s string) (string, error) {
	if err := oneLine(s, maxReply); err != nil {
		return "", err
	}
	return s, checkPlaceholders(s)
}

// parseFooter reads what ends replies; "" is nothing.
func parseFooter(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if err := oneLine(s, maxFooter); err != nil {
		return "", err
	}
	return s, checkPlaceholders(s)
}

// parseNote reads what a rule says. It is said as it is: a placeholder is meant for a reply.
func parseNote(s string) (string, error) {
	for _, p := range helogate.Placeholders {
		if i := strings.Index(s, "{"+p+"}"); i >= 0 {
			err := fmt.Errorf("a note has no placeholders, and {%s} would be sent as it is: give such a text in [policy.replies]", p)
			return "", &partError{i, len(p) + 2, err}
		}
	}
	return s, oneLine(s, maxReply)
}

// oneLine is an error for what is not printable ASCII on one line (RFC 5321 section 4.2), is empty, or too long.
func oneLine(s string, most int) error {
	for i, r := range s {
		if r < ' ' || r > '~' {
			err := fmt.Errorf("%+q cannot be in a reply: it is one line of ASCII letters, digits and marks", r)
			return &partError{i, utf8.RuneLen(r), err}
		}
	}
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("the text is empty: leave the setting out")
	case len(s) > most:
		return &partError{most, len(s) - most, fmt.Errorf("the text has %d characters, and at most %d fit a reply", len(s), most)}
	}
	return nil
}

// checkPlaceholders is an error for braces around anything else, and for those that are not closed or not opened: a text
// with a slip in it would be sent to strangers as it is.
func checkPlaceholders(s string) error {
	there := "{" + strings.Join(helogate.Placeholders, "}, {") + "}"
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '}':
			return &partError{i, 1, errors.New("this brace closes nothing, and braces stand around placeholders alone: " + there)}
		case '{':
			length := strings.IndexAny(s[i+1:], "{}")
			if length < 0 || s[i+1+length] == '{' {
				return &partError{i, 1, errors.New("this brace is not closed, and braces stand around placeholders alone: " + there)}
			}
			word := s[i+1 : i+1+length]
			if !slices.Contains(helogate.Placeholders, word) {
				near := ": there"
				if w := suggest.Closest(word, helogate.Placeholders); w != "" {
					near = "; did you mean {" + w + "}? There"
				}
				return &partError{i, length + 2, fmt.Errorf("{%s} is no placeholder%s are %s", clip(word, 80), near, there)}
			}
			i += length + 1
		}
	}
	return nil
}

// parseControl reads the path of a unix socket.
func parseControl(s string) (string, error) {
	if s == "none" {
		return s, nil
	}
	e, err := ParseEndpoint(s)
	if err != nil {
		return "", err
	}
	if e.Network != "unix" {
		return "", fmt.Errorf("%s is no path: the control socket is a unix socket, such as \"/run/helogate/control.sock\", or \"none\"", shown(s))
	}
	return e.Address, nil
}
