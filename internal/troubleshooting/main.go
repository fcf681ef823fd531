// Command troubleshooting writes docs/troubleshooting.md from the list of error codes.
// scripts/troubleshooting runs it.
package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"

	"passport-agent/internal/fault"
)

func main() {
	file := flag.String("page", "docs/troubleshooting.md", "file of the page")
	flag.Parse()
	if err := os.WriteFile(*file, page(fault.All()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "troubleshooting:", err)
		os.Exit(1)
	}
}

const introduction = "# Troubleshooting by error code\n\n" +
	"Written by `scripts/troubleshooting` from `internal/fault`.\n\n" +
	"Whatever goes wrong ends with a code: first in the message on standard error, as `error.code` with `--json`, as `code` in\n" +
	"the answers of the local API, and behind 'Details' on the page. What the machine itself lacks, `passport-agent doctor` finds without a\n" +
	"document. Exit statuses are explained in [cli.md](cli.md#exit-status).\n"

// page writes the codes by exit status, then each in the order of the alphabet.
func page(entries []fault.Entry) []byte {
	entries = slices.SortedFunc(slices.Values(entries), func(a, b fault.Entry) int { return cmp.Compare(a.Code, b.Code) })
	var statuses []int
	codes := map[int][]fault.Code{}
	for _, e := range entries {
		if codes[e.Exit] == nil {
			statuses = append(statuses, e.Exit)
		}
		codes[e.Exit] = append(codes[e.Exit], e.Code)
	}
	slices.Sort(statuses)

	var b bytes.Buffer
	b.WriteString(introduction)
	b.WriteString("\n| exit status | codes |\n|---|---|\n")
	for _, status := range statuses {
		fmt.Fprintf(&b, "| %d |", status)
		for i, code := range codes[status] {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " [%s](#%s)", code, code)
		}
		b.WriteString(" |\n")
	}
	for _, e := range entries {
		fmt.Fprintf(&b, "\n## %s\n\n%s Exit status %d.\n\n**What to do:** %s\n", e.Code, e.Cause, e.Exit, e.NextStep)
	}
	return b.Bytes()
}
