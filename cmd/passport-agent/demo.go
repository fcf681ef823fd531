package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/trust"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/tap"
	"passport-agent/upload"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

// demoDG2Size is the size in bytes of the specimen's portrait file, that of an
// ordinary passport.
const demoDG2Size = 18432

func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Read a virtual passport and upload it to a sandbox, without hardware or account",
		Long: `Makes a specimen passport with keys and a portrait of its own, opens and reads it
like a real one, lets its chip prove that it is no copy, and uploads it over HTTP to a stand-in of the Veriff API on this
machine. Nothing leaves the machine and nothing is kept.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context()) },
	}
}

func (a *app) demo(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	document, err := virtual.Personalise(virtual.Options{
		DG2Size: demoDG2Size, DG14: true,
		PACE:                 []virtual.PACEInfo{{Protocol: "ECDH-GM-AES-128", ParameterID: specimenCurve}},
		ChipAuthentication:   []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-AES-128", ParameterID: specimenCurve, KeyID: specimenCurve}},
		ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: specimenCurve},
	})
	if err != nil {
		return err
	}
	chip, err := virtual.NewChip(document, virtual.ChipOptions{})
	if err != nil {
		return err
	}
	key, err := keyOf(document)
	if err != nil {
		return err
	}
	server := sandbox.New(sandbox.Options{})
	session, err := sessionID()
	if err != nil {
		return err
	}
	server.AddSession(session)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fault.New(fault.Unexpected, "sandbox", err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(ctx, listener) }()

	client, err := upload.New(upload.Config{
		BaseURL: "http://" + listener.Addr().String(), APIKey: sandbox.DemoAPIKey, Secret: secret.NewText(sandbox.DemoSecret), UserAgent: software(),
	})
	if err != nil {
		return err
	}
	// The specimen's issuer is trusted for this run, as a master list would have it.
	store := &trust.Store{}
	if _, err := store.Import(document.CSCA, trust.ImportOptions{}); err != nil {
		return err
	}
	progress := a.newProgress()
	result := tap.Run(ctx, tap.Options{
		Trust:  store,
		Wait:   func(context.Context, string, func(tap.Event)) (tap.Card, error) { return demoCard{chip}, nil },
		Access: icao.Access{Key: key}, Uploader: client, SessionID: session, Software: software(), Observe: progress.observe,
	})
	progress.end()
	received := compare(document, server.Media(session))
	cancel()
	if err := <-stopped; err != nil {
		return fault.New(fault.Unexpected, "sandbox", err)
	}
	if result.Document != nil && result.Document.MRZ != nil {
		result.Report.ShowHolder(result.Document.MRZ, time.Now())
	}
	if err := a.finish(result); err != nil {
		return err
	}
	if received != nil {
		return fault.New(fault.Unexpected, "demo", received)
	}
	if !a.json {
		a.print("Sandbox   holds the four files, byte for byte as on the chip (%d commands counted by the chip)", chip.Counters().Commands)
		a.print("\nWith a reader: passport-agent read --mrz - --session SESSION   (see README.md)")
	}
	return nil
}

// demoCard is the virtual passport on a reader that does not exist.
type demoCard struct{ *virtual.Chip }

func (demoCard) Reader() string { return "virtual reader" }
func (demoCard) Close() error   { return nil }

func keyOf(document *virtual.Document) (mrz.Key, error) {
	text, err := document.MRZ()
	if err != nil {
		return mrz.Key{}, err
	}
	zone, err := mrz.Parse(text)
	if err != nil {
		return mrz.Key{}, err
	}
	return zone.Key()
}

// sessionID makes a random UUID, version 4.
func sessionID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// compare tells whether the sandbox holds what the chip holds.
func compare(document *virtual.Document, media []sandbox.Media) error {
	if len(media) != 1 {
		return fmt.Errorf("the sandbox holds %d media", len(media))
	}
	for file, got := range map[virtual.File][]byte{
		virtual.COM: media[0].COM, virtual.SOD: media[0].SOD,
		virtual.DataGroup(int(lds.DG1)): media[0].DG1, virtual.DataGroup(int(lds.DG2)): media[0].DG2,
	} {
		if !bytes.Equal(got, document.Files[file]) {
			return errors.New(string(file) + " differs between chip and sandbox")
		}
	}
	return nil
}
