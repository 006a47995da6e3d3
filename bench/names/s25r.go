package main

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/helogate/helogate/hostname"
)

// s25r is the Selective SMTP Rejection of Asami Hideo (http://www.gabacho-net.jp/en/anti-spam/): a client that one of six
// rules fits by its name in reverse DNS is taken for an end user's. The rules here are written anew from the sentences
// that state them. What goes with them there and is no rule on names is not measured: clients without a name are held
// up too, what is held up is asked to come again, and a list of exceptions lets in who does.
func s25r(name string, _ netip.Addr) bool { return s25rRule(name) != 0 }

// s25rRule is the number of the first rule that fits, or 0. The lowest name is the leftmost label.
func s25rRule(name string) int {
	labels := strings.Split(hostname.Canonical(name), ".")
	if len(labels) < 2 {
		return 0
	}
	lowest, second := labels[0], labels[1]
	lower := labels[:max(0, min(2, len(labels)-3))] // the lowest two, as far as they are not of the upper three
	switch {
	case twoNumbers.MatchString(lowest):
		return 1 // the lowest name has two or more numbers with something else between
	case fiveDigits.MatchString(lowest):
		return 2 // the lowest name has five or more digits in a row
	case len(lower) > 0 && startsWithDigit(lower[0]) || len(lower) > 1 && startsWithDigit(lower[1]):
		return 3 // without the upper three names, the lowest or the second lowest begins with a digit
	case endsWithDigit(lowest) && hyphenedNumbers.MatchString(second):
		return 4 // the lowest name ends with a digit, and the second has two numbers with one hyphen between
	case len(labels) >= 5 && endsWithDigit(lowest) && endsWithDigit(second):
		return 5 // five or more names, and the lowest two both end with a digit
	case accessPrefix.MatchString(lowest):
		return 6 // the lowest name begins with dhcp, dialup, ppp or the name of a DSL, and has a digit
	}
	return 0
}

var (
	twoNumbers      = regexp.MustCompile(`[0-9][^0-9]+[0-9]`)
	fiveDigits      = regexp.MustCompile(`[0-9]{5}`)
	hyphenedNumbers = regexp.MustCompile(`[0-9]-[0-9]`)
	accessPrefix    = regexp.MustCompile(`^(?:dhcp|dialup|ppp|[achrsvx]?dsl).*[0-9]`)
)

func startsWithDigit(s string) bool { return s != "" && isDigit(s[0]) }
func endsWithDigit(s string) bool   { return s != "" && isDigit(s[len(s)-1]) }
func isDigit(c byte) bool           { return '0' <= c && c <= '9' }
