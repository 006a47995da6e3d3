package main

// What --help prints beyond what kong makes of the structs: examples, exit statuses and see-also, all of which stand in
// manual.go. docs/cli.md is made of the same.

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// A page is what the manual says of one command beside its summary, arguments and flags.
type page struct {
	about    string // one or two sentences after the summary; may be ""
	examples []example
	exits    []exit   // in ascending order
	see      []string // commands ("helogate status") and pages ("docs/control.md")
}

// An example is a line for the shell, and what it does.
type example struct{ line, does string }

// An exit is an exit status, and what it means.
type exit struct {
	code    int
	meaning string
}

// newParser returns the parser of the command line.
func newParser(cli *commands, stdout, stderr io.Writer, exited func(int)) *kong.Kong {
	return kong.Must(cli, kong.Name("helogate"), kong.Writers(stdout, stderr), kong.Exit(exited),
		kong.Description("Evaluate SMTP clients by HELO name and DNS before a message is accepted."),
		kong.ExplicitGroups(groups), kong.PostBuild(describe), kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}))
}

// describe puts the manual's sentences into the model.
func describe(k *kong.Kong) error {
	k.Model.HelpFlag.Help = "Print this help."
	for _, node := range k.Model.Leaves(false) {
		node.Detail = manual[node.Path()].about
	}
	return nil
}

// printHelp prints kong's help and then the sections of the manual.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	node := ctx.Selected()
	if node == nil {
		node = ctx.Model.Node
	}
	if !node.Leaf() {
		node.Group = nil // its commands stand under "Commands:", not under the heading that it has among all commands
	}
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	_, err := io.WriteString(ctx.Stdout, pageOf(node).text(widthOf(ctx.Stdout)))
	return err
}

// pageOf returns the page of a command. That of a command with subcommands is gathered from theirs.
func pageOf(node *kong.Node) page {
	switch {
	case node.Type == kong.ApplicationNode:
		return page{exits: exitStatuses, see: []string{"docs/cli.md", "docs/first-day.md"}}
	case node.Leaf():
		return manual[node.Path()]
	}
	var all page
	for _, child := range node.Leaves(false) {
		p := manual[child.Path()]
		all.examples = append(all.examples, p.examples[0])
		for _, see := range p.see {
			if strings.HasPrefix(see, "docs/") && !slices.Contains(all.see, see) {
				all.see = append(all.see, see)
			}
		}
	}
	return all
}

// text words a page for a terminal of so many columns.
func (p page) text(width int) string {
	var b strings.Builder
	if len(p.examples) > 0 {
		b.WriteString("\nExamples:\n")
	}
	for _, e := range p.examples {
		b.WriteString(wrap("  # ", "  # ", e.does, width) + "  " + e.line + "\n")
	}
	if len(p.exits) > 0 {
		b.WriteString("\nExit status:\n")
	}
	for _, e := range p.exits {
		b.WriteString(wrap(fmt.Sprintf("  %-4d", e.code), "      ", e.meaning, width))
	}
	if len(p.see) > 0 {
		b.WriteString("\n" + wrap("See also: ", "          ", strings.Join(p.see, ", "), width))
	}
	return b.String()
}

// wrap breaks a text between words into lines of at most so many columns. first stands before its first line and rest,
// which is as wide, before the others.
func wrap(first, rest, text string, width int) string {
	return first + strings.Join(wrapWords(text, width, len(first)), "\n"+rest) + "\n"
}

// widthOf returns the columns to wrap to, as kong finds them for its part of the help.
func widthOf(out io.Writer) int {
	return cmp.Or(columns(&env{stdout: out, environ: os.Environ()}), 80)
}
