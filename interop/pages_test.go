package interop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/docpage"
)

// docPages are the pages of docs, by the names that they have there.
func docPages(t *testing.T) map[string]*docpage.Page {
	t.Helper()
	pages, err := docpage.Pages("..")
	must(t, err)
	return pages
}

// sample is a block of a page that begins so.
func sample(t *testing.T, page, begins string) string {
	t.Helper()
	for _, b := range docPages(t)["docs/"+page].Blocks {
		if strings.HasPrefix(b.Text, begins) {
			return strings.TrimSuffix(b.Text, "\n")
		}
	}
	t.Fatalf("docs/%s has no block that begins with %q", page, begins)
	return ""
}

// Postfix takes every main.cf of the pages without a warning.
func TestPagesMainCF(t *testing.T) {
	l := theLab(t)
	programs, err := postfixPrograms()
	must(t, err)
	check, err := lookPath("postfix")
	must(t, err)
	conf, err := lookPath("postconf")
	must(t, err)
	tried := 0
	for _, page := range docPages(t) {
		for _, b := range page.Blocks {
			if b.Lang != "main.cf" {
				continue
			}
			tried++
			dir, err := os.MkdirTemp(l.dir, "main.cf-")
			must(t, err)
			etc := filepath.Join(dir, "etc")
			for _, sub := range []string{"etc", "queue", "data"} {
				must(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
			}
			settings := map[string]any{"Dir": dir, "Programs": programs, "Services": []*service{}, "Printed": strings.ReplaceAll(b.Text, "…", "reject_unauth_destination")}
			for _, file := range []string{"main.cf", "master.cf"} {
				must(t, render(filepath.Join(etc, file), "testdata/"+file, settings))
			}
			if out, err := exec.Command("chown", programs["mail_owner"], filepath.Join(dir, "data")).CombinedOutput(); err != nil {
				t.Fatalf("chown: %v: %s", err, out)
			}
			for _, line := range [][]string{{check, "-c", etc, "check"}, {conf, "-c", etc, "-n"}} {
				var warned bytes.Buffer
				cmd := exec.Command(line[0], line[1:]...)
				cmd.Stderr = &warned
				if out, err := cmd.Output(); err != nil || warned.Len() > 0 && !strings.Contains(warned.String(), "overriding earlier entry") {
					t.Errorf("%s: %s: %v: %s%s", b, cmd, err, out, warned.String())
				}
			}
		}
	}
	if tried < 4 {
		t.Errorf("only %d blocks are of main.cf", tried)
	}
}

// A Postfix that asks at each stage as docs/postfix.md has it rejects at RCPT, or earlier where helogate is to.
func TestPostfixPage(t *testing.T) {
	l := theLab(t)
	p := l.pagePostfix(t)
	listen := "address = \"unix:" + p.socket + "\""
	for stage, want := range map[string]string{
		"rcpt": "550 5.7.25 <bob@example.net>: Recipient address rejected: ",
		"mail": "(550 5.7.25 <jane@example.com>: Sender address rejected: ",
		"helo": "(550 5.7.25 <lone.example.com>: Helo command rejected: ",
	} {
		t.Run(stage, func(t *testing.T) {
			d := l.serve(t, enforce("rfc", l.dns.resolver)+"policy.reject_at_stage = \""+stage+"\"\n", listen)
			defer d.stop()
			for _, c := range []struct{ service, client, helo, want string }{
				{"main", "192.0.2.60", "lone.example.com", "550 5.7.25 <bob@example.net>: Recipient address rejected: "},
				{"stages", "192.0.2.60", "lone.example.com", want},
				{"main", "192.0.2.25", "mail.example.com", "250 "},
				{"stages", "192.0.2.25", "mail.example.com", "250 "},
			} {
				if got := p.services[c.service].rcpt(c.client, c.helo); !strings.HasPrefix(got, c.want) {
					t.Errorf("%s, %s: %s, not %s", c.service, c.client, got, c.want)
				}
			}
		})
	}
	for _, service := range []string{"main", "stages"} { // no helogate runs
		if got := p.services[service].rcpt("192.0.2.60", "lone.example.com"); !strings.HasPrefix(got, "250 ") {
			t.Errorf("%s without helogate: %s", service, got)
		}
	}
}

// pagePostfix starts a Postfix in a chroot, which asks as docs/postfix/main.cf and docs/postfix/stages.cf say.
func (l *lab) pagePostfix(t *testing.T) *postfix {
	t.Helper()
	dir, err := l.sub("postfix-page")
	must(t, err)
	etc, err := l.sub("postfix-page/etc")
	must(t, err)
	programs, err := postfixPrograms()
	must(t, err)
	p := &postfix{maillog: filepath.Join(dir, "maillog"), socket: filepath.Join(dir, "queue/helogate/policy"), owner: programs["mail_owner"], services: map[string]*service{}}
	services := []*service{{Name: "main"}, {Name: "stages", Options: logicalLines(read(t, "../docs/postfix/stages.cf"))}}
	for _, s := range services {
		s.SMTP, s.MaxUse, s.Chroot = l.mustPort(t), 1, true
		p.services[s.Name] = s
	}
	settings := map[string]any{"Dir": dir, "Programs": programs, "Services": services, "Printed": read(t, "../docs/postfix/main.cf")}
	for _, file := range []string{"main.cf", "master.cf"} {
		must(t, render(filepath.Join(etc, file), "testdata/"+file, settings))
	}
	must(t, p.start(dir, etc, programs))
	p.makeSocketDirectory(t, "root")
	return p
}

// logicalLines are the lines of a main.cf, each with those that go on with it.
func logicalLines(text string) (out []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, " ") {
			out[len(out)-1] += line
		} else if line != "" {
			out = append(out, line)
		}
	}
	return out
}

// What helogate serve prints for the configuration of docs/postfix.md is what the page shows.
func TestPostfixPagePrinted(t *testing.T) {
	l := theLab(t)
	dir, err := os.MkdirTemp(l.dir, "printed-")
	must(t, err)
	socket := filepath.Join(dir, "policy")
	d := l.serve(t, "dns.servers = [\""+l.dns.resolver.String()+"\"]\n", "address = \"unix:"+socket+"\"")
	for line := range strings.Lines(strings.ReplaceAll(sample(t, "postfix.md", "smtpd_recipient_restrictions"), "helogate/policy", socket)) {
		if !strings.Contains(d.out.String(), "\n"+strings.TrimSuffix(line, "\n")+"\n") {
			t.Errorf("helogate does not print %s", line)
		}
	}
}

// The session of docs/exim.md: exim -bh shows what a client would read, and delivers nothing.
func TestEximPage(t *testing.T) {
	l := theLab(t)
	x := l.startExim(t)
	l.serve(t, enforce("rfc", l.dns.resolver)+eximAt(x.policy), at(l.mustPort(t)))
	command := strings.Fields(strings.TrimPrefix(sample(t, "exim.md", "# exim4 -bh"), "# "))
	command[len(command)-1] = "192.0.2.60" // the client whose reply the page shows
	root := peerRoot(t, "exim", "usr/sbin/exim4")
	const script = `for f in passwd group resolv.conf; do mount --bind "$0/$f" "/etc/$f" || exit; done
dir=$0; libraries=$1; program=$2; shift 3
exec env LD_LIBRARY_PATH="$libraries" "$program" -C "$dir/exim.conf" "$@"`
	args := append([]string{"-m", "/bin/sh", "-c", script, x.dir, libraries(root), filepath.Join(root, "usr/sbin", command[0]), "--"}, command[1:]...)
	cmd := exec.Command("unshare", args...)
	cmd.Stdin = strings.NewReader("EHLO lone.example.com\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.net>\r\nQUIT\r\n")
	out, err := cmd.CombinedOutput()
	must(t, err)
	text := strings.ReplaceAll(string(out), "\r", "")
	for line := range strings.Lines(sample(t, "exim.md", "550-5.7.25 ")) {
		re := regexp.MustCompile("(?m)^" + docpage.LinePattern(strings.TrimSuffix(line, "\n")) + "$")
		if !re.MatchString(text) {
			t.Errorf("exim -bh does not say %s\n%s", line, text)
		}
	}
}

// TestPagesAsRoot types what the pages have for root, and for users between, in a copy of this machine's system, a page
// after the other. The blocks toml become part of /etc/helogate/helogate.toml, if that is valid then, and a block that
// names a file in its first line becomes that file.
func TestPagesAsRoot(t *testing.T) {
	l := theLab(t)
	plugin := l.spp(t)
	for name, page := range docPages(t) {
		has := false
		for _, b := range page.Blocks {
			has = has || b.Lang == "console" && strings.HasPrefix(b.Text, "# ") && !strings.HasPrefix(b.Text, "# exim4")
		}
		if !has {
			continue
		}
		t.Run(name, func(t *testing.T) {
			users := "helogate" // which another page makes
			if slices.ContainsFunc(page.Blocks, func(b docpage.Block) bool { return strings.Contains(b.Text, "useradd ") }) {
				users = ""
			}
			s := l.newSystem(t, plugin, users)
			for _, b := range page.Blocks {
				s.follow(t, b)
			}
		})
	}
}

// A system is a copy of this machine's files, in which root may do what it likes.
type system struct {
	lab  *lab
	root string // as the namespace has it
	pid  string // of the process that keeps the namespace
}

// newSystem makes one, with these users besides. What it writes is in memory, and gone with the test.
func (l *lab) newSystem(t *testing.T, plugin, users string) *system {
	t.Helper()
	dir, err := os.MkdirTemp(l.dir, "system-")
	must(t, err)
	const script = `set -e
mount -t tmpfs tmpfs "$0"
mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/root"
mount -t proc proc "$0/root/proc"
mount --bind /dev "$0/root/dev"
mount -t tmpfs tmpfs "$0/root/run"
mkdir -p "$0/root/usr/local/bin" "$0/root/usr/local/sbin" "$0/root/var/qmail/plugins"
cp "$1" "$2" "$0/root/usr/local/bin"
touch "$0/root/var/qmail/plugins/helodnscheck"
rm -rf "$0/root/etc/helogate" "$0/root/var/lib/helogate"
echo ready
exec sleep infinity`
	p, err := start("system", exec.Command("unshare", "-m", "-p", "-f", "--kill-child", "--propagation", "private", "/bin/sh", "-c", script, dir, l.helogate, plugin))
	must(t, err)
	t.Cleanup(func() { // unshare ignores SIGTERM while it waits for its child
		p.signal(syscall.SIGKILL)
		<-p.done
		running.remove(p)
	})
	must(t, eventually(func() bool { return hasLine(p.out.String(), "ready") || !p.alive() }))
	if !p.alive() {
		isMissing(t, "no overlay of this machine's files: "+p.out.String())
	}
	child, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.cmd.Process.Pid))
	must(t, err)
	s := &system{lab: l, root: filepath.Join(dir, "root"), pid: strings.TrimSpace(string(child))}
	// The users that the packages make, and what stands for programs that a copy of a system cannot run.
	s.must(t, "root", `for user in Debian-exim _smtpd `+users+`; do getent passwd $user >/dev/null || useradd --system $user; done
cat >/usr/local/sbin/postfix <<'END'
#!/bin/sh
[ "$1" = reload ] && exec /usr/sbin/postfix check
exec /usr/sbin/postfix "$@"
END
cat >/usr/local/sbin/systemctl <<'END'
#!/bin/sh
# The real one enables units in a chroot. What it would start is started here, as the unit says.
all=" $* "
for a; do shift; [ "$a" = --now ] || set -- "$@" "$a"; done
case $all in " start "*|" stop "*|" restart "*) ;; *) /usr/bin/systemctl "$@" || exit;; esac
case $all in *" --now"*" helogate "*|*" start helogate "*|*" restart helogate "*) ;; *) exit 0;; esac
unit=/etc/systemd/system/helogate.service
systemd-analyze verify --man=no $unit || exit
case $all in *" disable "*|*" restart "*|*" stop "*) pkill -F /run/helogate.pid; case $all in *" restart "*) ;; *) exit 0;; esac;; esac
of() { sed -n "s/^$1=//p" $unit; }
user=$(of User)
for dir in $(of RuntimeDirectory); do install -d -o "$user" -g "$user" /run/$dir; done
for dir in $(of StateDirectory); do install -d -o "$user" -g "$user" /var/lib/$dir; done
of ExecStartPre | sed 's/^+//' | sh -e || exit
setpriv --reuid "$user" --regid "$user" --init-groups $(of ExecStart) </dev/null >/var/log/helogate 2>&1 &
echo $! >/run/helogate.pid
for i in $(seq 600); do grep -q msg=listening /var/log/helogate && exit 0; kill -0 $! || break; sleep 0.1; done
cat /var/log/helogate >&2; exit 1
END
cat >/usr/local/sbin/journalctl <<'END'
#!/bin/sh
cat /var/log/helogate
END
chmod 755 /usr/local/sbin/*`)
	return s
}

// command is a command line in it.
func (s *system) command(ctx context.Context, user, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", "-t", s.pid, "-m", "-p", "chroot", "--userspec="+user, s.root, "/usr/bin/env", "-C", mustAbs(".."), "sh", "-c", line)
	cmd.Env = append(cleanEnv(), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"+os.Getenv("PATH"),
		"HELOGATE_DNS__SERVERS="+s.lab.dns.resolver.String())
	return cmd
}

func mustAbs(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return abs
}

// run runs a command line in it, as a user.
func (s *system) run(t *testing.T, user, line string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	out, err := s.command(ctx, user, line).CombinedOutput()
	return string(out), err
}

func (s *system) must(t *testing.T, user, line string) {
	t.Helper()
	if out, err := s.run(t, user, line); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// follow does what a block says.
func (s *system) follow(t *testing.T, b docpage.Block) {
	t.Helper()
	const file = "/etc/helogate/helogate.toml"
	first, _, _ := strings.Cut(b.Text, "\n")
	switch path, named := strings.CutPrefix(first, "# /"); {
	case b.Lang == "toml":
		quoted := "'" + strings.ReplaceAll(b.Text, "'", `'\''`) + "'"
		s.must(t, "root", `mkdir -p /etc/helogate; touch `+file+`; cd /etc/helogate
{ cat helogate.toml; printf '\n%s' `+quoted+`; } >new.toml; helogate config check --config new.toml >/dev/null 2>&1 && mv new.toml helogate.toml && exit
{ printf '%s\n' `+quoted+`; cat helogate.toml; } >new.toml; helogate config check --config new.toml >/dev/null 2>&1 && mv new.toml helogate.toml && exit
rm new.toml`)
	case named && b.Lang != "console":
		s.must(t, "root", "cat >'/"+path+"' <<'END OF BLOCK'\n"+b.Text+"END OF BLOCK\n")
	case b.Lang == "console" && strings.HasPrefix(b.Text, "# ") && !strings.HasPrefix(b.Text, "# exim4"):
		for line := range strings.SplitSeq(strings.ReplaceAll(b.Text, "\\\n", " "), "\n") {
			user, command := "", ""
			if user = "root"; strings.HasPrefix(line, "# ") {
				command = line[2:]
			}
			if strings.HasPrefix(line, "$ ") {
				user, command = "nobody", line[2:]
			}
			if command == "" {
				continue // what it prints is compared by the test of docs
			}
			command = strings.ReplaceAll(command, "go install github.com/helogate/helogate/cmd/helogate@latest", "go install ./cmd/helogate")
			if out, err := s.run(t, user, command); err != nil {
				t.Errorf("%s: %s: %v\n%s", b, command, err, out)
			}
		}
	}
}
