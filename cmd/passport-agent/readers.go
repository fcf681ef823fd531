package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"passport-agent/internal/fault"
	"passport-agent/pcsc"
	"passport-agent/tap"
)

func (a *app) readersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "readers",
		Short: "List the readers that are plugged in",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			infos, err := pcsc.Readers(cmd.Context())
			if err == nil && len(infos) == 0 {
				err = fault.New(fault.NoReader, "", nil)
			}
			a.printReaders(infos, err)
			return err
		},
	}
}

// readersReport is the document of `readers --json`.
type readersReport struct {
	Schema  string          `json:"schema"`
	Readers []readerSummary `json:"readers"`
	Error   *tap.Error      `json:"error"`
}

type readerSummary struct {
	Name   string            `json:"name"`
	Status pcsc.ReaderStatus `json:"status"`
	ATR    string            `json:"atr,omitempty"`
}

func (a *app) printReaders(infos []pcsc.ReaderInfo, err error) {
	report := readersReport{Schema: "passport-agent/readers/1", Readers: []readerSummary{}, Error: tap.ErrorOf(err)}
	for _, info := range infos {
		report.Readers = append(report.Readers, readerSummary{Name: info.Name, Status: info.Status, ATR: fmt.Sprintf("%X", info.ATR)})
	}
	if a.json {
		a.printJSON(report)
		return
	}
	for _, r := range report.Readers {
		a.print("%-12s %s", r.Status, r.Name)
	}
}
