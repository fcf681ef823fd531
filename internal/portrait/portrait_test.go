package portrait_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/internal/icaotest"
	"passport-agent/internal/portrait"
	"passport-agent/virtual"
)

// Children that do what no decoder should.
const (
	childHangs    = "hangs"
	childEats     = "eats"
	childChatters = "chatters"
	childLies     = "lies"
)

// TestMain lets the test binary be the child.
func TestMain(m *testing.M) {
	portrait.RunIfChild()
	if len(os.Args) == 2 {
		misbehave(os.Args[1])
	}
	os.Exit(m.Run())
}

func misbehave(how string) {
	if !slices.Contains([]string{childHangs, childEats, childChatters, childLies}, how) {
		return
	}
	if portrait.LimitSelf() != nil || len(os.Environ()) > 0 {
		os.Exit(1)
	}
	switch how {
	case childHangs:
		<-time.After(time.Hour)
	case childEats:
		var eaten [][]byte
		for {
			eaten = append(eaten, make([]byte, 64<<20))
			runtime.KeepAlive(eaten)
		}
	case childChatters:
		for {
			if _, err := os.Stdout.Write(make([]byte, 1<<20)); err != nil {
				os.Exit(1)
			}
		}
	case childLies:
		wide := image.NewGray(image.Rect(0, 0, 5<<20, 1))
		_ = png.Encode(os.Stdout, wide) // a pipe that breaks is the test's to see
		os.Exit(0)
	}
}

func picture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(icaotest.Root(), "testdata", "conformance", "pictures", name))
	require.NoError(t, err)
	return b
}

func decode(t *testing.T, b []byte) image.Image {
	t.Helper()
	encoded, err := portrait.Decode(t.Context(), b)
	require.NoError(t, err)
	decoded, err := png.Decode(bytes.NewReader(encoded))
	require.NoError(t, err)
	return decoded
}

// The same face, packed in each way that documents have: its ground is light, its hair
// is dark, and in colour its skin is warm.
func TestPicturesOfEveryKind(t *testing.T) {
	for name, inColour := range map[string]bool{"colour.jp2": true, "colour.j2k": true, "grey.jp2": false, "grey.j2k": false} {
		face := decode(t, picture(t, name))
		require.Equal(t, image.Pt(24, 32), face.Bounds().Size(), name)
		at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(face.At(x, y)).(color.RGBA) }
		ground, hair, skin := at(1, 1), at(11, 6), at(11, 18)
		require.InDelta(t, 228, int(ground.G), 25, name)
		require.InDelta(t, 65, int(hair.G), 45, name)
		if inColour {
			require.Greater(t, int(skin.R), int(skin.B)+40, name)
		} else {
			require.InDelta(t, int(skin.R), int(skin.B), 1, name)
		}
	}
}

func TestPicturesOfDocuments(t *testing.T) {
	made, err := virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	face, err := lds.ParseDG2(made.Files[virtual.DataGroup(2)])
	require.NoError(t, err)
	require.Equal(t, image.Pt(face.Portraits[0].Width, face.Portraits[0].Height), decode(t, face.Portraits[0].Image).Bounds().Size())

	folder := icaotest.SharedData(t, "bsi-reference-passport")
	dg2, err := os.ReadFile(filepath.Join(folder, "DG2.bin"))
	require.NoError(t, err)
	face, err = lds.ParseDG2(dg2)
	require.NoError(t, err)
	require.Equal(t, image.Pt(413, 531), decode(t, face.Portraits[0].Image).Bounds().Size())
}

// siz changes the SIZ marker segment of a picture; at is an offset in it behind its
// length.
func siz(b []byte, change func(segment []byte)) []byte {
	b = bytes.Clone(b)
	change(b[bytes.Index(b, []byte{0xFF, 0x4F, 0xFF, 0x51})+6:])
	return b
}

func put(b []byte, numbers map[int]uint32) {
	for at, n := range numbers {
		binary.BigEndian.PutUint32(b[at:], n)
	}
}

// A header that claims too much is refused before any decoder runs, in a bare
// codestream and in a JP2 file.
func TestBombsAreRefused(t *testing.T) {
	for _, name := range []string{"colour.j2k", "colour.jp2"} {
		good := picture(t, name)
		for what, bomb := range map[string][]byte{
			"20000 by 20000":   siz(good, func(s []byte) { put(s, map[int]uint32{2: 20000, 6: 20000, 18: 20000, 22: 20000}) }),
			"one long line":    siz(good, func(s []byte) { put(s, map[int]uint32{2: 0xFFFFFFFF, 6: 1}) }),
			"65 tiles":         siz(good, func(s []byte) { put(s, map[int]uint32{2: 65, 18: 1, 22: 32}) }),
			"2^64 tiles":       siz(good, func(s []byte) { put(s, map[int]uint32{2: 2048, 6: 2048, 18: 1, 22: 1}) }),
			"38 bits":          siz(good, func(s []byte) { s[36] = 37 }),
			"no pixels":        siz(good, func(s []byte) { put(s, map[int]uint32{10: 24}) }),
			"negative by half": siz(good, func(s []byte) { put(s, map[int]uint32{10: 0xFFFFFFFF}) }),
		} {
			_, err := portrait.DecodeBy(t.Context(), bomb, time.Minute, childChatters)
			require.ErrorIs(t, err, fault.PortraitRefused, "%s, %s", name, what)
		}
	}
	// Five components: the segment grows by what the fourth and the fifth take.
	stream := picture(t, "colour.j2k")
	length := binary.BigEndian.Uint16(stream[4:])
	five := slices.Concat(stream[:4+length], []byte{7, 1, 1, 7, 1, 1}, stream[4+length:])
	binary.BigEndian.PutUint16(five[4:], length+6)
	binary.BigEndian.PutUint16(five[6+34:], 5)
	_, err := portrait.DecodeBy(t.Context(), five, time.Minute, childChatters)
	require.ErrorIs(t, err, fault.PortraitRefused)

	twice := slices.Concat(stream[:4+length], stream[2:4+length], stream[4+length:])
	_, err = portrait.DecodeBy(t.Context(), twice, time.Minute, childChatters)
	require.ErrorIs(t, err, fault.PortraitRefused, "two sizes")
	file := picture(t, "colour.jp2")
	box := binary.BigEndian.AppendUint32(nil, uint32(8+len(stream)))
	_, err = portrait.DecodeBy(t.Context(), slices.Concat(file, box, []byte("jp2c"), stream), time.Minute, childChatters)
	require.ErrorIs(t, err, fault.PortraitRefused, "two codestreams")

	// A JPEG of 20000 by 20000 pixels, as far as its header goes.
	_, err = portrait.DecodeBy(t.Context(), []byte("\xFF\xD8\xFF\xE0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xFF\xC0\x00\x0B\x08\x4E\x20\x4E\x20\x01\x01\x11\x00"), time.Minute, childChatters)
	require.ErrorIs(t, err, fault.PortraitRefused)
}

func TestWhatIsNoPicture(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing": nil, "GIF": []byte("GIF89a"), "JPEG alone": {0xFF, 0xD8, 0xFF}, "codestream alone": {0xFF, 0x4F, 0xFF, 0x51},
		"JP2 without codestream": picture(t, "colour.jp2")[:12], "damaged": append(bytes.Clone(picture(t, "colour.j2k")[:120]), make([]byte, 300)...),
	} {
		_, err := portrait.Decode(t.Context(), b)
		require.ErrorIs(t, err, fault.PortraitUnreadable, name)
	}
}

// The largest picture that the header may claim is decoded within the limits of memory.
func TestLargestPicture(t *testing.T) {
	if build, ok := debug.ReadBuildInfo(); ok && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("under the race detector four megapixels take more processor time than a child may have")
	}
	compress, err := exec.LookPath("opj_compress")
	if err != nil {
		t.Skip("no opj_compress (package libopenjp2-tools) to make a picture of four megapixels with")
	}
	dir := t.TempDir()
	raw := filepath.Join(dir, "p.ppm")
	pixels := make([]byte, 3*2048*2048)
	for i := range pixels {
		pixels[i] = byte(i/7) ^ byte(i/6144)
	}
	require.NoError(t, os.WriteFile(raw, append([]byte("P6\n2048 2048\n255\n"), pixels...), 0o600))
	out := filepath.Join(dir, "p.jp2")
	require.NoError(t, exec.Command(compress, "-i", raw, "-o", out, "-r", "200").Run())
	b, err := os.ReadFile(out)
	require.NoError(t, err)
	encoded, err := portrait.DecodeBy(t.Context(), b, time.Minute, "decode-portrait")
	require.NoError(t, err)
	decoded, err := png.Decode(bytes.NewReader(encoded))
	require.NoError(t, err)
	require.Equal(t, image.Pt(2048, 2048), decoded.Bounds().Size())
}

// A decoder that takes too much is ended, and what is told is that there is no picture.
func TestChildThatMisbehaves(t *testing.T) {
	good := picture(t, "grey.j2k")
	for _, c := range []struct {
		how   string
		limit time.Duration
	}{{childHangs, 300 * time.Millisecond}, {childEats, time.Minute}, {childChatters, time.Minute}} {
		started := time.Now()
		_, err := portrait.DecodeBy(t.Context(), good, c.limit, c.how)
		require.ErrorIs(t, err, fault.PortraitUnreadable, c.how)
		require.Less(t, time.Since(started), 50*time.Second, "%s was ended by what it took", c.how)
	}
	_, err := portrait.DecodeBy(t.Context(), good, time.Minute, childLies)
	require.ErrorIs(t, err, fault.PortraitRefused, "a PNG that is larger than the picture may be")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = portrait.Decode(ctx, good)
	require.ErrorIs(t, err, context.Canceled)
}

// A segment of the header that is shorter than its own length: the decoder panics.
func TestPanicOfTheDecoderIsAnError(t *testing.T) {
	damaged := picture(t, "colour.j2k")
	at := bytes.Index(damaged, []byte{0xFF, 0x5C}) // QCD
	binary.BigEndian.PutUint16(damaged[at+2:], 1)
	decoded, err := portrait.Recovered(damaged)
	require.ErrorContains(t, err, "panicked")
	require.Nil(t, decoded)
	_, err = portrait.Decode(t.Context(), damaged)
	require.ErrorIs(t, err, fault.PortraitUnreadable)
}

// A small picture whose code blocks claim 2^32 samples: the header that is looked at
// first does not show it, and the decoder asks for 64 GB. It costs the child alone.
func TestMemoryThatTheDecoderAsksFor(t *testing.T) {
	hungry := picture(t, "colour.j2k")
	at := bytes.Index(hungry, []byte{0xFF, 0x52}) // COD
	hungry[at+10], hungry[at+11] = 14, 14
	require.NoError(t, portrait.CheckHeader(hungry))
	_, err := portrait.Decode(t.Context(), hungry)
	require.ErrorIs(t, err, fault.PortraitUnreadable)
	require.Contains(t, err.Error(), "exit status")
}

// Whatever the header claims, the answer is a picture to try or a typed error.
func TestAnyHeader(t *testing.T) {
	pictures := [][]byte{picture(t, "colour.j2k"), picture(t, "colour.jp2"), picture(t, "grey.jp2"), {0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0}}
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(rapid.SampledFrom(pictures).Draw(t, "picture"))
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			b[rapid.IntRange(0, min(len(b), 220)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		b = b[:rapid.IntRange(0, len(b)).Draw(t, "length")]
		if err := portrait.CheckHeader(b); err != nil {
			f := fault.From(err)
			require.Contains(t, []fault.Code{fault.PortraitRefused, fault.PortraitUnreadable}, f.Code)
		}
	})
}
