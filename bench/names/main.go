// Command names measures on lists of real names how well the classifier tells host names apart, those that a provider
// generates from an address and those that a person gave, and prints one table.
//
//	go run ./bench/names                            the table, and the domains with most errors
//	go run ./bench/names --corpus FOLDER            the lists are there (../shared/corpus else)
//	go run ./bench/names --markdown                 the tables as Markdown
//	go run ./bench/names --errors real-2002.tsv     each error of helogate in a list, with its reason
//
// The project ships no such list. What is measured where is in docs/names.md; a list that is missing is said, the
// others are measured, and the exit status is 1, for a measurement that was not made must not look like one that went
// well.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "names:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("names", flag.ContinueOnError)
	flags.SetOutput(stderr)
	corpus := flags.String("corpus", "../shared/corpus", "the folder that has the lists")
	markdown := flags.Bool("markdown", false, "print the tables as Markdown")
	each := flags.String("errors", "", "print each error of helogate in this list, and no table")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q: names takes flags alone", flags.Arg(0))
	}
	sets, missing := load(*corpus)
	if *each != "" {
		return printErrors(stdout, sets, *each)
	}
	render := plain
	if *markdown {
		render = asMarkdown
	}
	fmt.Fprint(stdout, render(sharesTable(sets))+legend(*markdown)+render(domainsTable(sets)))
	return missing
}
