// Command report runs the conformance suite and writes its report, or prints its
// figures as JSON. scripts/conformance runs it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"passport-agent/internal/conformance"
)

func main() {
	folder := flag.String("cases", "testdata/conformance", "folder of the suite")
	file := flag.String("report", "docs/conformance.md", "file of the report")
	asJSON := flag.Bool("json", false, "print the figures as JSON and write no report")
	flag.Parse()
	if err := run(*folder, *file, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// run fails where a case is missed, after the report was written.
func run(folder, file string, asJSON bool) error {
	suite, err := conformance.Load(folder)
	if err != nil {
		return err
	}
	results := suite.Run(context.Background())
	misses := 0
	for _, r := range results {
		if r.Miss != "" {
			misses++
			fmt.Fprintf(os.Stderr, "%s missed: %s\n", r.Case.ID, r.Miss)
		}
	}
	if asJSON {
		err = json.NewEncoder(os.Stdout).Encode(suite.Summarise(results))
	} else {
		var b bytes.Buffer
		if err = suite.WriteMarkdown(&b, results); err == nil {
			err = os.WriteFile(file, b.Bytes(), 0o644)
		}
	}
	if err == nil && misses > 0 {
		err = fmt.Errorf("%d of %d cases missed", misses, len(results))
	}
	return err
}
