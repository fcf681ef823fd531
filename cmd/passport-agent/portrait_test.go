package main

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/internal/folder"
	"passport-agent/tap"
	"passport-agent/virtual"
)

// saved makes a document and saves it as read --out does.
func saved(t *testing.T, change func(files map[string][]byte)) string {
	t.Helper()
	made, err := virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	files := map[string][]byte{
		"COM": made.Files[virtual.COM], "SOD": made.Files[virtual.SOD],
		"DG1": made.Files[virtual.DataGroup(1)], "DG2": made.Files[virtual.DataGroup(2)],
	}
	change(files)
	dir := t.TempDir()
	require.NoError(t, folder.Save(dir, files, nil))
	return dir
}

// A portrait whose hash is right is written, whoever the signer is; one whose hash is
// wrong is not even decoded.
func TestPortraitIsWrittenOnlyWhenItsHashIsProved(t *testing.T) {
	dir := saved(t, func(map[string][]byte) {})
	file := filepath.Join(t.TempDir(), "face.png")
	o := command(t, nil, "", "verify", dir, "--portrait", file)
	require.Zero(t, o.exit, o.err)
	require.Contains(t, o.err, "in the clear")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	picture, err := png.Decode(bytes.NewReader(b))
	require.NoError(t, err)
	require.Equal(t, image.Pt(240, 320), picture.Bounds().Size())
	about, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), about.Mode().Perm())

	for name, change := range map[string]func(files map[string][]byte){
		"another picture":      func(f map[string][]byte) { f["DG2"][len(f["DG2"])-10] ^= 1 },
		"another list":         func(f map[string][]byte) { f["SOD"][len(f["SOD"])-1] ^= 1 },
		"a picture of nothing": func(f map[string][]byte) { copy(f["DG2"][len(f["DG2"])/2:], make([]byte, 100)) },
	} {
		file := filepath.Join(t.TempDir(), "face.png")
		o := command(t, nil, "", "verify", saved(t, change), "--portrait", file, "--json")
		var report tap.Report
		o.document(t, &report)
		require.Equal(t, 7, o.exit, name)
		require.Equal(t, "check_failed", string(report.Error.Code), "what failed comes first")
		require.Contains(t, o.err, "neither decoded nor written", name)
		require.NoFileExists(t, file)
	}
}

// childrenFile has a byte for each decoder that was started: it stands beside the test
// program, which starts itself as one.
func childrenFile() string {
	program, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return program + ".children"
}

// noteChild notes that this process is a decoder.
func noteChild() {
	if len(os.Args) != 2 || strings.HasPrefix(os.Args[1], "-") {
		return
	}
	file, err := os.OpenFile(childrenFile(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.Write([]byte{'.'})
	}
	if err != nil {
		panic(err)
	}
}

func children(t *testing.T) int {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(childrenFile())) })
	b, err := os.ReadFile(childrenFile())
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(t, err)
	}
	return len(b)
}

// A picture whose hash is wrong is not handed to the decoder at all, not even its
// header, in which a forger may have put what he likes (TR-03105-5.1, LDS_H_69).
func TestPortraitWithAWrongHashIsNotHandedOver(t *testing.T) {
	huge := []byte("\xFF\xD8\xFF\xC0\x00\x11\x08\xFF\xFF\xFF\xFF\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00\xFF\xD9")
	for name, options := range map[string]virtual.Options{
		"a picture":                     {},
		"a header that claims too much": {Portrait: &virtual.Portrait{Picture: huge, Width: 1, Height: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			document, err := virtual.Personalise(options)
			require.NoError(t, err)
			dg2 := document.Files[virtual.DataGroup(2)]
			dg2[len(dg2)-30] ^= 1
			chip := insert(t, document, virtual.Profile{})
			dir, file := t.TempDir(), filepath.Join(t.TempDir(), "face.png")
			before := children(t)
			o := command(t, map[string]string{"PASSPORT_AGENT_MRZ": zoneOf(t, document)}, "", "read", "--portrait", file, "--out", dir)
			require.Equal(t, 7, o.exit)
			require.Contains(t, o.err, "neither decoded nor written")
			require.NotZero(t, chip.Counters().Commands)
			o = command(t, nil, "", "verify", dir, "--portrait", file)
			require.Contains(t, o.err, "neither decoded nor written")
			require.NoFileExists(t, file)
			require.Equal(t, before, children(t))
		})
	}
	before := children(t)
	o := command(t, nil, "", "verify", saved(t, func(map[string][]byte) {}), "--portrait", filepath.Join(t.TempDir(), "face.png"))
	require.Zero(t, o.exit, o.err)
	require.Equal(t, before+1, children(t), "a decoder that is started is noticed")
}

// A portrait that cannot be shown is the error of a command that has no other.
func TestPortraitThatCannotBeShown(t *testing.T) {
	made, err := virtual.Personalise(virtual.Options{Portrait: &virtual.Portrait{Picture: []byte("\xFF\x4F\xFF\x51 nothing more"), Width: 1, Height: 1}})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, folder.Save(dir, map[string][]byte{
		lds.COM.String(): made.Files[virtual.COM], lds.SOD.String(): made.Files[virtual.SOD],
		lds.DG1.String(): made.Files[virtual.DataGroup(1)], lds.DG2.String(): made.Files[virtual.DataGroup(2)],
	}, nil))
	file := filepath.Join(dir, "face.png")
	o := command(t, nil, "", "verify", dir, "--portrait", file, "--json")
	var report tap.Report
	o.document(t, &report)
	require.Equal(t, "portrait_unreadable", string(report.Error.Code))
	require.Equal(t, 6, o.exit)
	require.NoFileExists(t, file)
	require.Zero(t, command(t, nil, "", "verify", dir).exit, "and without --portrait it is none")
}

// The same at the desk: what is read is shown.
func TestPortraitOfADocumentOnTheReader(t *testing.T) {
	document := specimen(t)
	insert(t, document, virtual.Profile{})
	file := filepath.Join(t.TempDir(), "face.png")
	o := command(t, map[string]string{"PASSPORT_AGENT_MRZ": zoneOf(t, document)}, "", "read", "--portrait", file)
	require.Zero(t, o.exit, o.err)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	_, err = png.DecodeConfig(bytes.NewReader(b))
	require.NoError(t, err)
}
