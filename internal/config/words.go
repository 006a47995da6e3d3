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

var actionWords = []string{"ignore", "note", "score", "greylist", "defer", "reject", "drop", "accept"}

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
	if len(words) > 0 && !slices.Contains(actionWords, words[0]) && suggest.Closest(words[0], actionWords) != "" {
		err = fmt.Errorf("%s is not an action%s", quoted(words[0]), meant(words[0], actionWords))
	}
	return a, err
}

// parseExpression accepts any text; package rule compiles it.
func parseExpression(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", errors.New("the expression is empty")
	}
	return s, nil
}

const maxRuleName = 60

// parseRuleName reads the name of a rule, which must be safe in a log.
func parseRuleName(s string) (string, error) {
	for i, r := range s {
		if r < ' ' || r > '~' || strings.ContainsRune(`,;="`, r) {
			err := fmt.Errorf("%+q cannot be in a name: use ASCII letters, digits, spaces and marks, except , ; = and \"", r)
			return "", &partError{i, utf8.RuneLen(r), err}
		}
	}
	switch {
	case strings.TrimSpace(s) == "":
		return "", errors.New("the name is empty")
	case strings.TrimSpace(s) != s:
		return "", fmt.Errorf("%s: a name cannot begin or end with a space", quoted(s))
	case len(s) > maxRuleName:
		return "", fmt.Errorf("%s: a name has at most %d characters: put the rest into note", quoted(s), maxRuleName)
	}
	return s, nil
}

// A reply line has 512 bytes (RFC 5321 section 4.5.3.1.5), some of which the URL, the footer and the id need.
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

// parseFooter reads the end of replies; "" is none.
func parseFooter(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if err := oneLine(s, maxFooter); err != nil {
		return "", err
	}
	return s, checkPlaceholders(s)
}

// parseNote reads the note of a rule. It is sent as it is: a placeholder belongs into a reply.
func parseNote(s string) (string, error) {
	for _, p := range helogate.Placeholders {
		if i := strings.Index(s, "{"+p+"}"); i >= 0 {
			err := fmt.Errorf("a note has no placeholders, and {%s} would be sent as it is: put the text into [policy.replies]", p)
			return "", &partError{i, len(p) + 2, err}
		}
	}
	return s, oneLine(s, maxReply)
}

// oneLine returns an error unless s is one line of printable ASCII (RFC 5321 section 4.2), not empty and not too long.
func oneLine(s string, most int) error {
	for i, r := range s {
		if r < ' ' || r > '~' {
			err := fmt.Errorf("%+q cannot be in a reply: use one line of ASCII letters, digits and marks", r)
			return &partError{i, utf8.RuneLen(r), err}
		}
	}
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("the text is empty: remove the setting")
	case len(s) > most:
		return &partError{most, len(s) - most, fmt.Errorf("the text has %d characters, and may have at most %d", len(s), most)}
	}
	return nil
}

// checkPlaceholders returns an error for braces that are not those of a placeholder: clients would read them as they
// are.
func checkPlaceholders(s string) error {
	there := "{" + strings.Join(helogate.Placeholders, "}, {") + "}"
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '}':
			return &partError{i, 1, errors.New("this brace closes nothing: use braces only for the placeholders " + there)}
		case '{':
			length := strings.IndexAny(s[i+1:], "{}")
			if length < 0 || s[i+1+length] == '{' {
				return &partError{i, 1, errors.New("this brace is not closed: use braces only for the placeholders " + there)}
			}
			word := s[i+1 : i+1+length]
			if !slices.Contains(helogate.Placeholders, word) {
				near := ": use one of"
				if w := suggest.Closest(word, helogate.Placeholders); w != "" {
					near = "; did you mean {" + w + "}? Use one of"
				}
				return &partError{i, length + 2, fmt.Errorf("{%s} is not a placeholder%s %s", cut(word, 80), near, there)}
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
		return "", fmt.Errorf("%s is not a path: the control socket is a unix socket such as \"/run/helogate/control.sock\", or \"none\"", quoted(s))
	}
	return e.Address, nil
}
