package engine

import (
	"log/slog"
	"sync"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// PrivateWarning returns an observer that warns, once, of a client with a private address that is not in the own
// networks: an exemption is missing, or a proxy hides the clients.
func PrivateWarning(log *slog.Logger) Observer {
	var once sync.Once
	return Observer{Name: "private addresses", Seen: func(e *Event) {
		f := &e.Judged
		if hostname.IsPrivate(f.Client) && !f.Client.IsLoopback() && f.Auth == "" && e.Verdict.DryRun.Action != helogate.Accept {
			once.Do(func() {
				log.Warn("a client has a private address, about which DNS says nothing: add its network to own.networks if it is a local host; "+
					"if it is a proxy, have it pass on the address of its client (logged once)", "client", f.Client.String())
			})
		}
	}}
}
