package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/door"
	"github.com/helogate/helogate/internal/response"
)

// protocols are what the doors of serve speak.
var protocols = []string{"postfix", "milter", "exim", "nginx", "http"}

// newDoor makes a door of a configuration.
func newDoor(c *config.Config, i int, judge response.Judge, log *slog.Logger) (door.Door, error) {
	l := c.Listen[i]
	switch l.Protocol {
	case "postfix":
		return &door.Postfix{Judge: judge, Log: log}, nil
	case "milter":
		return &door.Milter{Judge: judge, Log: log, Name: resultsName(c)}, nil
	case "exim":
		return &door.Exim{Judge: judge, Log: log}, nil
	case "nginx":
		return &door.Nginx{Judge: judge, Log: log, Backend: l.Backend}, nil
	case "http":
		token, err := tokenOf(c, i)
		return &door.HTTP{Judge: judge, Log: log, Token: token, Version: version()}, err
	}
	return nil, configError{c.Errorf(fmt.Sprintf("listen[%d].protocol", i), "%s is no protocol", l.Protocol)}
}

const leastToken = 16 // characters

// tokenOf reads the token of a door, "" where it has none. White space around it does not count.
func tokenOf(c *config.Config, i int) (string, error) {
	file := c.Listen[i].TokenFile
	if file == "" {
		return "", nil
	}
	setting := fmt.Sprintf("listen[%d].token_file", i)
	b, err := os.ReadFile(file)
	if err != nil {
		return "", configError{c.Errorf(setting, "%w", err)}
	}
	b = bytes.TrimSpace(b)
	if len(b) < leastToken || bytes.ContainsAny(b, " \t\r\n") {
		return "", configError{c.Errorf(setting, "%s is to have a token of at least %d characters in one line, and nothing else: "+
			"head -c 24 /dev/urandom | base64 makes one", file, leastToken)}
	}
	return string(b), nil
}
