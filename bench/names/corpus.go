package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// An entry is a name, and the address that bears it.
type entry struct {
	name string
	addr netip.Addr // zero if the list does not say
}

// A set is names of one sort. A list may be missing: then there are no entries.
type set struct {
	list      string // its file, or what it is
	generated bool   // all of them are auto-generated; else none
	entries   []entry
}

// The lists of the corpus. Each is measured by itself: pooled, the longest would decide.
var lists = []set{
	{list: "generic.tsv", generated: true},
	{list: "generic-cloud.tsv", generated: true},
	{list: "generic-spamassassin-examples.tsv", generated: true},
	{list: "real-mx.tsv"},
	{list: "real-2002.tsv"},
}

const bigSenders = "today's big senders"

// load reads the lists, and makes the names of big senders. What is missing is an error; the others are there all the
// same.
func load(folder string) (sets []*set, missing error) {
	var problems []error
	if _, err := os.Stat(folder); err != nil {
		problems = append(problems, fmt.Errorf("there is no corpus at %s; say where it is: make names CORPUS=FOLDER", folder))
	}
	for _, s := range lists {
		entries, err := readList(filepath.Join(folder, s.list))
		if err != nil {
			problems = append(problems, fmt.Errorf("not measured: %w", err))
		}
		s.entries = entries
		sets = append(sets, &s)
	}
	sets = append(sets, &set{list: bigSenders, entries: senders()})
	return sets, errors.Join(problems...)
}

// readList reads NAME, or NAME tab ADDRESS, a line; what follows a second tab is a remark.
func readList(path string) ([]entry, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for i, line := range strings.Split(string(text), "\n") {
		fields := strings.Split(strings.TrimSuffix(line, "\r"), "\t")
		if fields[0] == "" || fields[0][0] == '#' {
			continue
		}
		e := entry{name: fields[0]}
		if len(fields) > 1 && fields[1] != "" {
			if e.addr, err = netip.ParseAddr(fields[1]); err != nil {
				return nil, fmt.Errorf("%s, line %d: %w", path, i+1, err)
			}
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%s holds no names", path)
	}
	return entries, nil
}
