package protocol

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// A smtpdLine is a line of smtpd's filter protocol (smtpd-filters(7)), report or filter request:
//
//	report|VERSION|TIME|smtp-in|EVENT|SESSION|PARAMETERS
//	filter|VERSION|TIME|smtp-in|PHASE|SESSION|TOKEN|PARAMETERS
//
// Only the last field of a line may hold a "|" of the client's, and smtpd does not quote.
type smtpdLine struct {
	filter  bool // a request, which is waited for; else a report
	version filterVersion
	event   string // "link-connect"; of a request its phase, "ehlo"
	session string // 16 hexadecimal digits, as smtpd logs them
	token   string // of a request
	params  string // the rest
}

// filterVersion is the version of the protocol: 0.6 is {0, 6}.
type filterVersion struct{ major, minor int }

func (v filterVersion) before(major, minor int) bool {
	return v.major < major || v.major == major && v.minor < minor
}

func (v filterVersion) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

// The version in which answers got their order (OpenSMTPD 6.6.2), and the newest that is known. Two reports changed in
// between: see rcptTaken and authenticated.
var (
	oldestFilter = filterVersion{0, 5}
	newestFilter = filterVersion{0, 7}
)

// parse reads a line. What it returns false for is no line of this protocol, or one from which it does not appear what
// to answer.
func (l *smtpdLine) parse(line string) bool {
	stream, rest, _ := strings.Cut(line, "|")
	version, rest, _ := strings.Cut(rest, "|")
	_, rest, _ = strings.Cut(rest, "|") // when; the judge has its own clock
	subsystem, rest, _ := strings.Cut(rest, "|")
	l.event, rest, _ = strings.Cut(rest, "|")
	l.session, rest, _ = strings.Cut(rest, "|")
	l.filter, l.token = stream == "filter", ""
	if l.filter {
		l.token, rest, _ = strings.Cut(rest, "|")
	}
	l.params = rest
	return (l.filter || stream == "report") && l.version.parse(version) && subsystem == "smtp-in" && l.event != "" &&
		isFilterID(l.session) && (!l.filter || isFilterID(l.token))
}

func (v *filterVersion) parse(s string) bool {
	major, minor, ok := strings.Cut(s, ".")
	a, err := strconv.ParseUint(major, 10, 16)
	b, err2 := strconv.ParseUint(minor, 10, 16)
	v.major, v.minor = int(a), int(b)
	return ok && err == nil && err2 == nil
}

// isFilterID reports whether s is what smtpd reads back as a session or a token: up to 64 bits in hexadecimal. Anything
// else in an answer ends smtpd.
func isFilterID(s string) bool {
	if s == "" || len(s) > 16 {
		return false
	}
	for _, c := range []byte(s) {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}

// connected returns the client's address and the one that it connected to, from the parameters of link-connect,
// "RDNS|FCRDNS|SRC|DEST". It parses from the end, since a client controls the name at the start by its reverse zone.
// local means a program on this host, which uses smtpd's socket.
func connected(params string) (client, server netip.AddrPort, local bool) {
	rest, dest := cutLast(params)
	_, src := cutLast(rest)
	if strings.HasPrefix(src, "unix:") {
		return client, server, true
	}
	return addrPort(src), addrPort(dest), false
}

// connecting returns the client's address from the parameters of a request at connect, "RDNS|SRC".
func connecting(params string) (client netip.Addr, local bool) {
	_, src := cutLast(params)
	if src == "local" {
		return client, true
	}
	client, _ = netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(src, "["), "]"))
	return client.WithZone("").Unmap(), false
}

// authenticated returns the login, from the parameters of link-auth: "USER|RESULT" before 0.7, "RESULT|USER" since. The
// user is what the client sent.
func authenticated(v filterVersion, params string) (user string, ok bool) {
	if v.before(0, 7) {
		return strings.CutSuffix(params, "|pass")
	}
	return strings.CutPrefix(params, "pass|")
}

// rcptTaken reports from the parameters of tx-rcpt whether smtpd took a recipient: "MESSAGE|ADDRESS|RESULT" before 0.6,
// "MESSAGE|RESULT|ADDRESS" since.
func rcptTaken(v filterVersion, params string) bool {
	_, rest, _ := strings.Cut(params, "|")
	if v.before(0, 6) {
		return strings.HasSuffix(rest, "|ok")
	}
	return strings.HasPrefix(rest, "ok|")
}

// cutLast cuts around the last "|".
func cutLast(s string) (before, last string) {
	i := strings.LastIndexByte(s, '|')
	return s[:max(i, 0)], s[i+1:]
}

// addrPort is zero where s is none.
func addrPort(s string) netip.AddrPort {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().WithZone("").Unmap(), a.Port())
}

// lines reads what smtpd writes, a line at a time.
type lines struct {
	in   *bufio.Reader
	max  int // bytes of a line, without its line end
	room []byte
}

var errLineTooLong = errors.New("the line is too long")

// next returns a line without its line end, valid until the next call. Of a line that is too long it returns the
// beginning and errLineTooLong; the next call returns the next line. A last line without a line end is incomplete and
// ignored.
func (l *lines) next() ([]byte, error) {
	l.room = l.room[:0]
	for long := false; ; {
		part, err := l.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if err == nil && len(l.room) == 0 && len(part) <= l.max+1 {
			return part[:len(part)-1], nil
		}
		if free := l.max + 1 - len(l.room); len(part) > free {
			long, part = true, part[:free]
		}
		l.room = append(l.room, part...)
		if err == nil && long {
			return l.room[:l.max], errLineTooLong
		}
		if err == nil {
			return l.room[:len(l.room)-1], nil
		}
	}
}
