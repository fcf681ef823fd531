package icao_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/internal/icaotest"
	"passport-agent/internal/secret"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// chipFile is a file of testdata/chips: what a chip does, and what the reader
// must do. testdata/chips/README.md describes the format.
type chipFile struct {
	Name      string           `json:"name"`
	Quirks    []int            `json:"quirks"` // rows of the table of quirks in the file's README
	About     string           `json:"about"`
	Source    string           `json:"source"`
	Document  chipDocument     `json:"document"`
	Chip      virtual.Profile  `json:"chip"`
	Reader    chipReader       `json:"reader"`
	Expect    chipExpectation  `json:"expect"`
	Tolerance []icao.Tolerance `json:"tolerance"`
	Without   fault.Code       `json:"without"`
}

// chipDocument says which document is on the chip. The zero value has the sizes
// that peers were measured with.
type chipDocument struct {
	SODSize int            `json:"sodSize"`
	DG2Size int            `json:"dg2Size"`
	Format  virtual.Format `json:"format"`
	Number  string         `json:"documentNumber"`
	// Face replaces the portrait: jpeg2000, codestream, or lengthOff for a record
	// whose length is wrong by one.
	Face string `json:"face"`
	// PACE is what the chip offers, as "ECDH-GM-AES-128/13" with commas between.
	PACE string `json:"pace"`
	CAN  string `json:"can"`
	// ChipAuthentication is a way to run it, as "ECDH-3DES/11", with a fault of DG14
	// behind a space; ActiveAuthentication is "RSA-2048-SHA-256" or "ECDSA-12-SHA-256",
	// with the number of the curve.
	ChipAuthentication   string `json:"chipAuthentication"`
	ActiveAuthentication string `json:"activeAuthentication"`
	// BER writes the outer layers of EF.SOD in indefinite length.
	BER bool `json:"ber"`
}

type chipReader struct {
	Access          string `json:"access"`
	CAN             string `json:"can"` // in place of the machine-readable zone
	ProbeExtended   bool   `json:"probeExtended"`
	Extended        string `json:"extended"` // what the reader announces: yes, no or nothing
	RefusesExtended bool   `json:"refusesExtended"`
	ResetAt         int    `json:"resetAt"` // command at which another program resets the card
}

type chipExpectation struct {
	Outcome  string `json:"outcome"` // read, or the code of the error
	Protocol string `json:"protocol"`
	Commands int    `json:"commands"` // the most that it may cost; 0 is any number
	// What becomes of the proofs that the chip is no copy; empty is not looked at.
	ChipAuthentication   verdict.Outcome `json:"chipAuthentication"`
	ActiveAuthentication verdict.Outcome `json:"activeAuthentication"`
}

func loadChips(t *testing.T) []chipFile {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(icaotest.Root(), "testdata", "chips", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	var all []chipFile
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		decoder := json.NewDecoder(bytes.NewReader(b))
		decoder.DisallowUnknownFields()
		var c chipFile
		require.NoError(t, decoder.Decode(&c), name)
		require.Equal(t, strings.TrimSuffix(filepath.Base(name), ".json"), c.Name)
		require.NotEmpty(t, c.About, name)
		require.NotEmpty(t, c.Source, name)
		require.NotEmpty(t, c.Expect.Outcome, name)
		require.Equal(t, len(c.Tolerance) > 0, c.Without != "", "%s: a tolerance and what happens without it", name)
		all = append(all, c)
	}
	return all
}

// Every row of the table of quirks has a file, or a reason why not.
func TestEveryQuirkHasAChipOrAReason(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(icaotest.Root(), "testdata", "chips", "README.md"))
	require.NoError(t, err)
	byRow := map[int][]string{}
	for _, c := range loadChips(t) {
		for _, row := range c.Quirks {
			byRow[row] = append(byRow[row], c.Name)
		}
	}
	for row := 1; row <= 34; row++ {
		_, rest, found := strings.Cut(string(b), fmt.Sprintf("\n| %d | ", row))
		require.True(t, found, "row %d is not in the table", row)
		line, _, _ := strings.Cut(rest, "\n")
		if strings.Contains(line, "no file") {
			require.Empty(t, byRow[row], "row %d has a file", row)
			continue
		}
		require.NotEmpty(t, byRow[row], "row %d has neither file nor reason", row)
		require.True(t, slices.ContainsFunc(byRow[row], func(name string) bool { return strings.Contains(line, name) }), "row %d names none of %v", row, byRow[row])
	}
}

// Every chip does what its file says, and each tolerance that the file names is
// what makes the difference: without it the reading ends as the file says.
func TestChips(t *testing.T) {
	documents := map[chipDocument]*virtual.Document{}
	for _, c := range loadChips(t) {
		t.Run(c.Name, func(t *testing.T) {
			document := documents[c.Document]
			if document == nil {
				document = c.Document.personalise(t)
				documents[c.Document] = document
			}
			key := keyOf(t, document)
			got, session, commands, err := c.read(t, document, key, nil)
			if c.Expect.Outcome == "read" {
				require.NoError(t, err)
				c.requireFiles(t, document, got)
				if c.Expect.Protocol != "" {
					require.Equal(t, c.Expect.Protocol, session.Protocol())
				}
				if c.Expect.ChipAuthentication != "" {
					require.Equal(t, c.Expect.ChipAuthentication, session.Proof().ChipAuthentication.Outcome)
				}
				if c.Expect.ActiveAuthentication != "" {
					require.Equal(t, c.Expect.ActiveAuthentication, session.Proof().ActiveAuthentication.Outcome)
				}
			} else {
				require.ErrorIs(t, err, fault.Code(c.Expect.Outcome))
			}
			if c.Expect.Commands > 0 {
				require.LessOrEqual(t, commands, c.Expect.Commands)
			}
			if len(c.Tolerance) > 0 {
				_, _, _, err = c.read(t, document, key, c.Tolerance)
				require.ErrorIs(t, err, c.Without, "without %v", c.Tolerance)
			}
		})
	}
}

func (c chipFile) requireFiles(t *testing.T, want *virtual.Document, got *lds.Document) {
	t.Helper()
	for _, file := range lds.ReadOrder() {
		if slices.Contains(c.Chip.MissingFiles, virtualFile(file)) {
			require.NotContains(t, got.Files, file)
			continue
		}
		require.Equal(t, want.Files[virtualFile(file)], got.Files[file], file.String())
	}
}

// read reads the chip once, without some tolerances; no chip may hold the reader
// for ever.
func (c chipFile) read(t *testing.T, document *virtual.Document, key mrz.Key, without []icao.Tolerance) (*lds.Document, *icao.Session, int, error) {
	t.Helper()
	limits := map[string]iso7816.Support{"": iso7816.Unknown, "no": iso7816.No, "yes": iso7816.Yes}
	announced, known := limits[c.Reader.Extended]
	require.True(t, known, c.Reader.Extended)
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: c.Chip, Limits: iso7816.Limits{Extended: announced}})
	require.NoError(t, err)
	protocol, err := icao.ParseProtocol(c.Reader.Access)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	card := &oddReader{Chip: chip, reader: c.Reader}
	access := icao.Access{Key: key, Protocol: protocol}
	if c.Reader.CAN != "" {
		access.Key, access.CAN = mrz.Key{}, secret.NewText(c.Reader.CAN)
	}
	session, err := icao.Open(ctx, card, icao.Options{
		Access: access, ProbeExtended: c.Reader.ProbeExtended, Without: without,
	})
	if err != nil {
		return nil, nil, chip.Counters().Commands, err
	}
	got, err := session.ReadDocument(ctx)
	return got, session, chip.Counters().Commands, err
}

// oddReader is a reader with habits of its own.
type oddReader struct {
	*virtual.Chip
	reader chipReader
	sent   int
	reset  bool
}

func (o *oddReader) Transmit(ctx context.Context, command, response []byte) (int, error) {
	o.sent++
	if c, err := iso7816.ParseCommand(command); err == nil && c.Extended && o.reader.RefusesExtended {
		return 0, fault.New(fault.CommandNotTransacted, "", nil)
	}
	if o.reader.ResetAt > 0 && o.sent == o.reader.ResetAt {
		o.reset = true
	}
	if o.reset {
		return 0, iso7816.ErrReset
	}
	return o.Chip.Transmit(ctx, command, response)
}

func (o *oddReader) Reset(ctx context.Context) error {
	o.reset = false
	return o.Chip.Reset(ctx)
}
