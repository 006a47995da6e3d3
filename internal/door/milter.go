package door

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/d--j/go-milter"
	"github.com/helogate/helogate/internal/response"
)

// Milter is the door of the milter protocol (versions 2 to 6), which Sendmail and Postfix speak: a connection shows one
// SMTP session as it goes, and each command is answered before the client is. The library knows the protocol; it is shown
// frames that are whole, well formed and in order, and no others, since it takes those for granted.
//
// What passes is answered "continue", never "accept", so that every stage is judged and the MTA asks whom else it has to
// ask. What is refused is answered with code, enhanced code and text. Drop has the code 521, after which Postfix closes;
// Sendmail does not, so the next command is answered 421, after which both do. At the end of the message fields are
// added above all others, and fields that came with the message and bear our name are removed (RFC 8601 section 5). In
// trouble (what came is no milter protocol, the judge panicked or has no ruling) the connection is closed without an
// answer: the MTA does what its administrator set for that, milter_default_action at Postfix, F= at Sendmail.
//
// Fields are set before Serve; a limit that is zero has its default.
type Milter struct {
	Judge response.Judge
	Log   *slog.Logger // nil: nothing is logged
	// Name is who we are in Authentication-Results: fields of others with this authserv-id are removed. So are those with the
	// name in the rulings' own field. Without either, none are.
	Name string

	MaxFrame     int           // bytes, 1 MiB: more than any header field that the MTA takes
	FirstTimeout time.Duration // from the connection to its first frame, 30s; an MTA does not hesitate
	IdleTimeout  time.Duration // between frames, 7210s as in libmilter: longer than an MTA waits for its client, or for a message
	FrameTimeout time.Duration // from a frame's first byte to its last, 30s
	WriteTimeout time.Duration // for one answer, 10s
	Grace        time.Duration // how long a message under way may take to come to its end once Shutdown has begun, 2s

	server server
	once   sync.Once
	strays seldom // clients without an address
}

func (d *Milter) init() {
	d.once.Do(func() {
		if d.Log == nil {
			d.Log = slog.New(slog.DiscardHandler)
		}
		orDefault(&d.MaxFrame, 1<<20)
		orDefault(&d.FirstTimeout, 30*time.Second)
		orDefault(&d.IdleTimeout, 7210*time.Second)
		orDefault(&d.FrameTimeout, 30*time.Second)
		orDefault(&d.WriteTimeout, 10*time.Second)
		orDefault(&d.Grace, 2*time.Second)
		d.strays.every = time.Minute
	})
}

// Serve answers who connects to l until l closes, and closes it. It may run on several listeners. It returns nil after
// Shutdown, else why it could not go on.
func (d *Milter) Serve(l net.Listener) error {
	if d.Judge == nil {
		return errors.New("door: Milter has no Judge")
	}
	d.init()
	return d.server.serve(l, d.Log, d.handle)
}

// Shutdown stops accepting, answers commands of which a part has come, lets messages under way end within Grace, and closes
// all other connections. It returns nil when that is done. When ctx ends before, it ends the judgements, closes all and
// says so.
func (d *Milter) Shutdown(ctx context.Context) error { return d.server.shutdown(ctx) }

// Connections returns how many connections are open.
func (d *Milter) Connections() int { return d.server.open() }

// milterActions is what is done to messages: fields are added, and removed.
const milterActions = milter.OptAddHeader | milter.OptChangeHeader | milter.OptSetMacros

// milterWants is what is not wanted: bodies, commands that tell nothing of the client, and to answer each field of a header.
const milterWants = milter.OptNoBody | milter.OptNoUnknown | milter.OptNoData | milter.OptNoEOH | milter.OptNoHeaderReply

// milterMacros is what is wanted beside the commands themselves, by stage. An MTA sends what it knows of it.
var milterMacros = []struct {
	stage milter.MacroStage
	names []milter.MacroName
}{
	{milter.StageConnect, []milter.MacroName{milter.MacroDaemonAddr, milter.MacroDaemonPort, milter.MacroIfAddr, milter.MacroClientPort}},
	{milter.StageHelo, []milter.MacroName{macroVerify, milter.MacroCertSubject}},
	{milter.StageMail, []milter.MacroName{milter.MacroAuthAuthen, macroVerify, milter.MacroCertSubject}},
	{milter.StageEOM, []milter.MacroName{milter.MacroQueueId}},
}

// macroVerify is Sendmail's verdict on the client's certificate. Postfix has no such macro.
const macroVerify = "{verify}"

// The library logs what our connection has logged already, and better.
func init() { milter.LogWarning = func(string, ...any) {} }

// handle runs the library on one connection. Its server is made to run on listeners; here it has one of its own for each
// connection, so that connections are counted, limited and ended as those of all doors are.
func (d *Milter) handle(c net.Conn) {
	conn := d.newConn(c)
	options := []milter.Option{
		milter.WithMilter(func() milter.Milter { return &milterSession{conn: conn} }),
		milter.WithActions(milterActions),
		milter.WithProtocols(milterWants),
		milter.WithNegotiationCallback(negotiate),
		milter.WithWriteTimeout(d.WriteTimeout),
	}
	for _, m := range milterMacros {
		options = append(options, milter.WithMacroRequest(m.stage, m.names))
	}
	_ = milter.NewServer(options...).Serve(&milterListener{conn: conn})
}

// negotiate agrees to whatever is common. Old MTAs can do less, and are asked for no more.
func negotiate(mtaVersion, ourVersion uint32, mtaActions, ourActions milter.OptAction, mtaProtocol, ourProtocol milter.OptProtocol,
	_ milter.DataSize) (uint32, milter.OptAction, milter.OptProtocol, milter.DataSize, error) {
	return min(mtaVersion, ourVersion), mtaActions & ourActions, mtaProtocol & ourProtocol, milter.DataSize64K, nil
}

// A milterListener accepts one connection, and ends when that does.
type milterListener struct {
	conn  *milterConn
	taken atomic.Bool
}

func (l *milterListener) Accept() (net.Conn, error) {
	if !l.taken.Swap(true) {
		return l.conn, nil
	}
	<-l.conn.closed
	return nil, io.EOF
}

func (l *milterListener) Close() error   { return nil }
func (l *milterListener) Addr() net.Addr { return l.conn.LocalAddr() }
