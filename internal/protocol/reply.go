package protocol

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/response"
)

// maxReplyLine is what RFC 5321 section 4.5.3.1.5 allows a reply line, less its CRLF.
const maxReplyLine = 512 - len("\r\n")

// refusal returns the reply of a response that refuses, made fit for any MTA. The text contains text of the client: a
// line end in it would let the client write the next answer.
func refusal(r response.Response) helogate.Reply {
	class, reply := 5, r.Reply
	if r.Action == helogate.Defer {
		class = 4
	}
	if reply.Code/100 != class {
		reply.Code = class*100 + 50 // 450, 550
	}
	if !isEnhanced(reply.Enhanced, byte('0'+class)) {
		reply.Enhanced = string(byte('0'+class)) + ".7.1" // delivery not authorized (RFC 3463 section 3.8)
	}
	if reply.Text == "" {
		reply.Text = "refused by policy"
	}
	reply.Text = oneLine(reply.Text, maxReplyLine-len("550 ")-len(reply.Enhanced)-len(" "))
	return reply
}

// isEnhanced reports whether s is an enhanced status code (RFC 3463 section 2) of a class: "5.7.25". If the class
// differs from the reply's code, Postfix assumes an error in its configuration and replies 451.
func isEnhanced(s string, class byte) bool {
	if len(s) < len("5.7.1") || s[0] != class || s[1] != '.' {
		return false
	}
	dots, digits := 0, 0
	for _, c := range []byte(s[2:]) {
		switch {
		case c == '.' && digits > 0 && dots == 0:
			dots, digits = 1, 0
		case '0' <= c && c <= '9' && digits < 3:
			digits++
		default:
			return false
		}
	}
	return dots == 1 && digits > 0
}

// oneLine is s as printable ASCII of at most limit bytes. What is that already stays as it is.
func oneLine(s string, limit int) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return printable.Text(s, limit)
		}
	}
	return s[:min(len(s), limit)]
}
