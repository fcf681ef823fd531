package main

import (
	"context"
	"crypto"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"passport-agent/internal/fault"
	"passport-agent/virtual"
)

type virtualFlags struct {
	address      string
	folder       string
	profile      string
	save         string
	random       bool
	pace         string
	can          string
	chip         string
	active       string
	csca         string
	showPersonal bool
	sodSize      int
	dg2Size      int
}

func (a *app) virtualCommand() *cobra.Command {
	f := &virtualFlags{}
	cmd := &cobra.Command{
		Use:   "virtual",
		Short: "Put a virtual passport behind pcscd (vpcd), for demonstrations, training and tests",
		Long: `Connects a software passport to a vpcd reader of pcscd, so that every PC/SC
program sees a document on it. On Debian and Ubuntu: apt-get install pcscd
vsmartcard-vpcd. vpcd listens on all interfaces: keep its port behind a firewall
or in a network namespace.

A folder has no private keys: where the document has some to prove its chip with, the
chip is found to be a copy, as it is.

Without --folder a specimen is made with keys and a portrait of its own.`,
		Example: `  passport-agent virtual
  passport-agent virtual --folder ./saved --show-personal-data`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.virtual(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.address, "address", virtual.VPCDAddress, "address of the vpcd reader; the second reader has port 35964")
	flags.StringVar(&f.folder, "folder", "", "take the files of a real document from this folder, as read --out saves them")
	flags.StringVar(&f.profile, "profile", "", "JSON file that says how the chip behaves")
	flags.StringVar(&f.save, "save", "", "save the files of the document in this folder, in the clear")
	flags.BoolVar(&f.random, "random-holder", false, "invent a holder in place of the usual specimen")
	flags.BoolVar(&f.showPersonal, "show-personal-data", false, "with --folder: show the machine-readable zone")
	flags.StringVar(&f.pace, "pace", "", "what the specimen offers for PACE, such as ECDH-GM-AES-128/13 (domain parameters behind the slash), several with commas")
	flags.StringVar(&f.can, "can", "", "card access number of the specimen, for PACE")
	flags.StringVar(&f.chip, "chip-authentication", "", "what the specimen offers for Chip Authentication, such as ECDH-AES-128/13, several with commas")
	flags.StringVar(&f.active, "active-authentication", "", "key of the specimen for Active Authentication: rsa, or ecdsa")
	flags.StringVar(&f.csca, "csca", "", "save the certificate of the specimen's country signer in this file, for passport-agent trust import")
	flags.IntVar(&f.sodSize, "sod-size", 0, "exact size of EF.SOD in bytes")
	flags.IntVar(&f.dg2Size, "dg2-size", demoDG2Size, "exact size of DG2 in bytes")
	for _, made := range []string{"random-holder", "pace", "can", "chip-authentication", "active-authentication", "csca"} {
		cmd.MarkFlagsMutuallyExclusive("folder", made)
	}
	return cmd
}

func (a *app) virtual(ctx context.Context, f *virtualFlags) error {
	document, err := f.document()
	if err != nil {
		return err
	}
	if f.save != "" {
		if err := document.Save(f.save); err != nil {
			return fault.New(fault.OutputFailed, "", err)
		}
	}
	if f.csca != "" {
		if err := os.WriteFile(f.csca, document.CSCA, 0o644); err != nil {
			return fault.New(fault.OutputFailed, "--csca", err)
		}
	}
	profile, err := f.chipProfile()
	if err != nil {
		return err
	}
	events := &eventPrinter{app: a}
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: profile, Observe: events.exchange})
	if err != nil {
		return fault.New(fault.Usage, "the document or the profile makes no chip", err)
	}
	if err := a.announce(events, document, f); err != nil {
		return err
	}
	return virtual.Serve(ctx, virtual.VPCDOptions{Address: f.address}, chip, events.door)
}

func (f *virtualFlags) document() (*virtual.Document, error) {
	if f.folder != "" {
		document, err := virtual.LoadFolder(f.folder)
		if err != nil {
			return nil, fault.New(fault.InputFileMissing, "--folder", err)
		}
		return document, nil
	}
	options := virtual.Options{SODSize: f.sodSize, DG2Size: f.dg2Size, CAN: f.can}
	err := eachOffer("pace", f.pace, func(name string, id int) {
		options.PACE = append(options.PACE, virtual.PACEInfo{Protocol: virtual.PACEProtocol(name), ParameterID: id})
	})
	if err != nil {
		return nil, err
	}
	err = eachOffer("chip-authentication", f.chip, func(name string, id int) {
		options.ChipAuthentication = append(options.ChipAuthentication, virtual.ChipAuthenticationInfo{Protocol: name, ParameterID: id, KeyID: id})
	})
	if err != nil {
		return nil, err
	}
	options.DG14 = len(options.PACE) > 0 && len(options.ChipAuthentication) > 0
	if options.ActiveAuthentication, err = parseActive(f.active); err != nil {
		return nil, err
	}
	if f.random {
		options.Holder = virtual.RandomHolder(mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64())), time.Now())
	}
	document, err := virtual.Personalise(options)
	if err != nil {
		return nil, fault.New(fault.Usage, "the document cannot be made", err)
	}
	return document, nil
}

// eachOffer reads "ECDH-GM-AES-128/13,DH-IM-AES-128/0".
func eachOffer(flag, text string, take func(name string, parameterID int)) error {
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, number, _ := strings.Cut(one, "/")
		id, err := strconv.Atoi(number)
		if err != nil {
			return fault.New(fault.Usage, "--"+flag+" takes a protocol, a slash and the number of the domain parameters, several with commas", nil)
		}
		take(name, id)
	}
	return nil
}

func parseActive(key string) (*virtual.ActiveAuthentication, error) {
	switch key {
	case "":
		return nil, nil
	case "rsa":
		return &virtual.ActiveAuthentication{Bits: 2048, Hash: crypto.SHA256}, nil
	case "ecdsa":
		return &virtual.ActiveAuthentication{ParameterID: specimenCurve}, nil
	default:
		return nil, fault.New(fault.Usage, fmt.Sprintf("--active-authentication takes rsa or ecdsa, not %q", key), nil)
	}
}

// specimenCurve is brainpoolP256r1 (Doc 9303-11, table 12).
const specimenCurve = 13

func (f *virtualFlags) chipProfile() (virtual.Profile, error) {
	if f.profile == "" {
		return virtual.Profile{}, nil
	}
	b, err := os.ReadFile(f.profile)
	if err != nil {
		return virtual.Profile{}, fault.New(fault.InputFileMissing, "--profile", err)
	}
	profile, err := virtual.ParseProfile(b)
	if err != nil {
		return virtual.Profile{}, fault.New(fault.Usage, "--profile", err)
	}
	return profile, nil
}

// announce says what to enter at the reader. A specimen is nobody's; a real
// document is shown only where that is asked for.
func (a *app) announce(events *eventPrinter, document *virtual.Document, f *virtualFlags) error {
	zone, err := document.MRZ()
	if err != nil {
		return fault.New(fault.InputFileMissing, "DG1", err)
	}
	ready := map[string]any{"event": "ready", "address": f.address}
	text := "Virtual passport on " + f.address + ". Ctrl-C takes it away."
	if f.folder == "" || f.showPersonal {
		ready["mrz"] = zone
		text += "\nIts machine-readable zone, for PASSPORT_AGENT_MRZ or --mrz:\n\n  " + zone + "\n"
	}
	events.print(ready, text)
	return nil
}

// exchange prints a command and its answer, without their data.
func (p *eventPrinter) exchange(e virtual.Exchange) {
	if p.app.quiet {
		return
	}
	p.print(map[string]any{
		"event": "exchange", "index": e.Index, "ins": fmt.Sprintf("%02X", e.INS), "commandBytes": e.CommandBytes,
		"responseBytes": e.ResponseBytes, "statusWord": fmt.Sprintf("%04X", uint16(e.SW)), "lost": e.Lost,
	}, fmt.Sprintf("%6d  INS %02X  %5d bytes  →  %5d bytes  %04X", e.Index, e.INS, e.CommandBytes, e.ResponseBytes, uint16(e.SW)))
}

// door prints what the reader does with the document.
func (p *eventPrinter) door(e virtual.VPCDEvent) {
	p.print(map[string]any{"event": e}, "        "+strings.ReplaceAll(string(e), "_", " "))
}
