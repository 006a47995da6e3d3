package daemon

import "github.com/helogate/helogate/internal/config"

// openSMTPD is the protocol of the listener that is not in [[listen]].
const openSMTPD = "opensmtpd"

// AsFilter turns a configuration into that of a filter of smtpd, with one listener. It returns an error if the state
// has no default place: smtpd sets no $HOME for filters when systemd or rc started it, and a greylist that is lost at
// each restart defers all mail again.
func AsFilter(c *config.Config, environ []string, uid int) error {
	c.Listen = []config.Listen{{Protocol: openSMTPD}}
	if c.State.Store != config.SQLite || c.State.File != "" || UsualStateFile(environ, uid) != "" {
		return nil
	}
	return ConfigError{c.Errorf("state.file", "there is no usual place, for smtpd gives its filters no $HOME: name a file in a directory "+
		"that the filter's user may write to, \"/var/lib/helogate/state.db\" say, or set state.store = \"memory\"")}
}

func addsHeaders(c *config.Config) bool {
	h := c.Headers
	return h.AuthenticationResults || h.XHelogate || h.XHelo || h.XHeloCheck
}

// resultsName is the authserv-id whose Authentication-Results are removed from messages, "" if helogate adds none.
func resultsName(c *config.Config) string {
	if !c.Headers.AuthenticationResults {
		return ""
	}
	return authservID(c)
}
