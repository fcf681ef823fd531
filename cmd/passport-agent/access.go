package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"passport-agent/icao"
	"passport-agent/icao/mrz"
	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/tap"
)

// accessFlags is where the access data of a document comes from.
type accessFlags struct {
	mrz, mrzFile          string
	number, birth, expiry string
	can                   string
	protocol              string
}

func (f *accessFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.mrz, "mrz", "", "machine-readable zone, all lines with a space or line break between; - reads standard input (other users can see arguments: prefer -, --mrz-file or PASSPORT_AGENT_MRZ)")
	flags.StringVar(&f.mrzFile, "mrz-file", "", "file that holds the machine-readable zone")
	flags.StringVar(&f.number, "document-number", "", "document number as printed, with --birth and --expiry")
	flags.StringVar(&f.birth, "birth", "", "birth date, YYMMDD")
	flags.StringVar(&f.expiry, "expiry", "", "expiry date, YYMMDD")
	flags.StringVar(&f.can, "can", "", "card access number printed on the document, in place of the machine-readable zone; - reads standard input")
	flags.StringVar(&f.protocol, "access", "auto", "how to open the chip: auto (PACE where it is offered, else BAC), pace or bac")
	cmd.MarkFlagsRequiredTogether("document-number", "birth", "expiry")
	cmd.MarkFlagsMutuallyExclusive("mrz", "mrz-file", "document-number", "can")
}

const envMRZ = config.EnvPrefix + "MRZ"

// longestInput bounds what is read as a machine-readable zone, in bytes.
const longestInput = 4096

// access returns what opens the document, the zone where all of it is known, and
// warnings about it. Wrong check digits are found here, before the chip is tried.
func (a *app) access(ctx context.Context, f *accessFlags) (access icao.Access, zone *mrz.MRZ, warnings []tap.Warning, err error) {
	protocol, err := icao.ParseProtocol(f.protocol)
	if err != nil {
		return icao.Access{}, nil, nil, err
	}
	var text string
	switch {
	case f.can == "-":
		if text, err = a.readInput(ctx); err == nil {
			access, err = tap.AccessByCAN(text)
		}
	case f.can != "":
		access, err = tap.AccessByCAN(f.can)
	case f.number != "":
		access.Key, err = mrz.KeyFromFields(f.number, f.birth, f.expiry)
	default:
		if text, err = a.zone(ctx, f); err == nil {
			access, zone, warnings, err = tap.AccessByZone(text)
		}
	}
	access.Protocol = protocol
	return access, zone, warnings, err
}

// zone finds the text of the machine-readable zone: flag, file, standard input,
// environment, or a question to the person at the terminal.
func (a *app) zone(ctx context.Context, f *accessFlags) (string, error) {
	switch {
	case f.mrz == "-":
		return a.readInput(ctx)
	case f.mrz != "":
		return f.mrz, nil
	case f.mrzFile != "":
		file, err := os.Open(f.mrzFile)
		if err != nil {
			return "", fault.New(fault.InputFileMissing, "", err)
		}
		defer func() { _ = file.Close() }() // it was only read from
		return readAll(file)
	}
	if text, ok := a.lookup(envMRZ); ok && text != "" {
		return text, nil
	}
	if a.inIsTerminal {
		return interruptible(ctx, a.ask)
	}
	return "", fault.New(fault.AccessDataMissing, "", nil)
}

func readAll(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, longestInput))
	if err != nil {
		return "", fault.New(fault.InputFileMissing, "machine-readable zone", err)
	}
	return string(b), nil
}

// readInput reads standard input to its end.
func (a *app) readInput(ctx context.Context) (string, error) {
	return interruptible(ctx, func() (string, error) { return readAll(a.in) })
}

// interruptible gives up a reading of standard input, which nothing can end, when
// the context does.
func interruptible(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// ask reads lines until they make a zone or an empty line comes.
func (a *app) ask() (string, error) {
	a.note("Machine-readable zone of the document, line by line (2 or 3 lines):")
	scanner := bufio.NewScanner(a.in)
	var text string
	for scanner.Scan() {
		line := strings.TrimSpace(scanner.Text())
		if line == "" {
			break
		}
		text += line + "\n"
		if _, err := mrz.Parse(text); err == nil {
			break
		}
	}
	if err := scanner.Err(); err != nil {
		return "", fault.New(fault.MRZInvalid, "", fmt.Errorf("standard input: %w", err))
	}
	return text, nil
}
