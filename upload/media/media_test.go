package media_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"passport-agent/internal/fault"
	"passport-agent/upload/media"
)

// What fits is sent as it is, in its own format, whatever the name of its file.
func TestWhatFitsIsUntouched(t *testing.T) {
	mif1 := bytes.Replace(sample(t, "small.heic"), []byte("ftypheic"), []byte("ftypmif1"), 1)
	for name, test := range map[string]struct {
		content       []byte
		mimeType      string
		width, height int
	}{
		"JPEG":               {withAPP1(jpegOf(t, quarters(1920, 100)), jpegEXIF(exif(binary.BigEndian, 6))), "image/jpeg", 1920, 100},
		"JPEG, high":         {jpegOf(t, quarters(10, 1920)), "image/jpeg", 10, 1920},
		"PNG":                {pngOf(t, quarters(40, 30)), "image/png", 40, 30},
		"WebP":               {sample(t, "small.webp"), "image/webp", 64, 48},
		"HEIC":               {sample(t, "small.heic"), "image/heic", 64, 48},
		"HEIC, with smaller": {sample(t, "thumbnail.heic"), "image/heic", 64, 48},
		"HEIF":               {mif1, "image/heif", 64, 48},
		"PDF":                {[]byte("%PDF-1.7\n…"), "application/pdf", 0, 0},
		"JPEG at the limit":  {append(jpegOf(t, quarters(8, 8)), make([]byte, 17_000_000)...)[:17_000_000], "image/jpeg", 8, 8},
		"PDF at the limit":   {append([]byte("%PDF-"), make([]byte, 20_000_000-5)...), "application/pdf", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, media.Check(test.content, media.Options{PDF: true, NoResize: true}))
			f, err := media.Prepare(test.content, media.Options{PDF: true})
			require.NoError(t, err)
			require.Equal(t, test.mimeType, f.MIMEType)
			require.Equal(t, [2]int{test.width, test.height}, [2]int{f.Width, f.Height})
			require.False(t, f.Scaled)
			require.Same(t, &test.content[0], &f.Content[0], "not even a copy")
			require.Len(t, f.Content, len(test.content))
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	large := jpegOf(t, quarters(1921, 10))
	bombPNG := withChunk(pngOf(t, quarters(4, 4)), "tEXt", nil)
	binary.BigEndian.PutUint32(bombPNG[16:], 60_000)
	binary.BigEndian.PutUint32(bombPNG[20:], 60_000)
	bombJPEG := jpegOf(t, quarters(8, 8))
	frame := bytes.Index(bombJPEG, []byte{0xFF, 0xC0})
	binary.BigEndian.PutUint16(bombJPEG[frame+5:], 65_535)
	binary.BigEndian.PutUint16(bombJPEG[frame+7:], 65_535)
	progressive := bytes.Clone(bombJPEG)
	progressive[frame+1] = 0xC2
	binary.BigEndian.PutUint16(progressive[frame+5:], 9_000)
	binary.BigEndian.PutUint16(progressive[frame+7:], 9_000)
	bombWebP := bytes.Clone(sample(t, "small.webp"))
	size := bytes.Index(bombWebP, []byte{0x9D, 0x01, 0x2A}) // RFC 6386, 9.1: the frame's start code, width, height
	binary.LittleEndian.PutUint16(bombWebP[size+3:], 16_383)
	binary.LittleEndian.PutUint16(bombWebP[size+5:], 16_383)
	heicWithout := bytes.ReplaceAll(sample(t, "small.heic"), []byte("ispe"), []byte("free"))
	png := pngOf(t, quarters(4, 4))
	sixteenBit := pngOf(t, image.NewNRGBA64(image.Rect(0, 0, 4, 4)))
	binary.BigEndian.PutUint32(sixteenBit[16:], 9_000)
	binary.BigEndian.PutUint32(sixteenBit[20:], 9_000)

	for name, test := range map[string]struct {
		content []byte
		options media.Options
		code    fault.Code
		says    string
	}{
		"nothing":              {nil, media.Options{}, fault.MediaFormatUnknown, ""},
		"text":                 {[]byte("a letter"), media.Options{}, fault.MediaFormatUnknown, ""},
		"GIF":                  {[]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00"), media.Options{}, fault.MediaFormatUnknown, ""},
		"AVIF":                 {sample(t, "small.avif"), media.Options{}, fault.MediaFormatUnknown, ""},
		"AVIF as HEIF":         {bytes.Replace(sample(t, "small.avif"), []byte("ftypavif"), []byte("ftypmif1"), 1), media.Options{}, fault.MediaFormatUnknown, ""},
		"a film":               {[]byte("\x00\x00\x00\x10ftypisom\x00\x00\x02\x00"), media.Options{}, fault.MediaFormatUnknown, ""},
		"brands cut off":       {[]byte("\x00\x00\xFF\x10ftypheic\x00\x00\x02\x00"), media.Options{}, fault.MediaFormatUnknown, ""},
		"PDF, not enabled":     {[]byte("%PDF-1.7\n"), media.Options{}, fault.PDFDisabled, ""},
		"PDF over the limit":   {append([]byte("%PDF-"), make([]byte, 20_000_000-4)...), media.Options{PDF: true}, fault.MediaTooLarge, "20000001 bytes, at most 20000000"},
		"HEIC, long side":      {sample(t, "large.heic"), media.Options{}, fault.MediaTooLarge, "a HEIC picture of 2000 x 64 pixels"},
		"HEIC, many bytes":     {append(sample(t, "small.heic"), make([]byte, 17_000_000)...), media.Options{}, fault.MediaTooLarge, "64 x 48"},
		"not to be resized":    {large, media.Options{NoResize: true}, fault.ResizeForbidden, "1921 x 10"},
		"JPEG bomb":            {bombJPEG, media.Options{}, fault.MediaTooLarge, "more than is decoded here"},
		"progressive bomb":     {progressive, media.Options{}, fault.MediaTooLarge, "more than is decoded here"},
		"PNG bomb":             {bombPNG, media.Options{}, fault.MediaTooLarge, "more than is decoded here"},
		"PNG bomb of 16 bits":  {sixteenBit, media.Options{}, fault.MediaTooLarge, "more than is decoded here"},
		"WebP bomb":            {bombWebP, media.Options{}, fault.MediaTooLarge, "more than is decoded here"},
		"JPEG cut off":         {large[:40], media.Options{}, fault.MediaDamaged, "ends within its header"},
		"JPEG, only a begin":   {[]byte{0xFF, 0xD8, 0xFF}, media.Options{}, fault.MediaDamaged, "ends within its header"},
		"JPEG, a length of 0":  {[]byte{0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0}, media.Options{}, fault.MediaDamaged, "ends within its header"},
		"JPEG without frame":   {[]byte{0xFF, 0xD8, 0xFF, 0xDA}, media.Options{}, fault.MediaDamaged, "no frame"},
		"JPEG, data cut off":   {large[:len(large)-100], media.Options{}, fault.MediaDamaged, "cannot be decoded"},
		"PNG cut off":          {png[:20], media.Options{}, fault.MediaDamaged, "ends within its header"},
		"PNG without header":   {append([]byte("\x89PNG\r\n\x1a\n"), chunk("IDAT", make([]byte, 13))...), media.Options{}, fault.MediaDamaged, "does not begin with its header"},
		"PNG of no size":       {append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", []byte{0, 0, 0, 0, 0, 0, 0, 9, 8, 2, 0, 0, 0})...), media.Options{}, fault.MediaDamaged, "no size"},
		"PNG of negative size": {append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", []byte{0xFF, 0, 0, 0, 0, 0, 0, 9, 8, 2, 0, 0, 0})...), media.Options{}, fault.MediaDamaged, "impossible"},
		"WebP cut off":         {sample(t, "small.webp")[:24], media.Options{}, fault.MediaDamaged, "WebP"},
		"WebP of two sizes":    {withEXIF(sample(t, "large.webp"), nil, 2401, 40), media.Options{}, fault.MediaDamaged, "cannot be decoded"},
		"HEIC without size":    {heicWithout, media.Options{}, fault.MediaDamaged, "no size"},
		"HEIC without boxes":   {sample(t, "small.heic")[:28], media.Options{}, fault.MediaDamaged, "no meta box"},
	} {
		t.Run(name, func(t *testing.T) {
			before := allocated()
			f, err := media.Prepare(test.content, test.options)
			requireFault(t, err, test.code, test.says)
			require.Zero(t, f)
			require.Equal(t, fault.ExitRefused, fault.Lookup(test.code).Exit)
			if strings.Contains(name, "bomb") {
				require.Less(t, allocated()-before, uint64(1<<20), "refused by its header")
			}
			if !strings.Contains(test.says, "cannot be decoded") {
				require.Equal(t, err, media.Check(test.content, test.options))
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// The page's list, in full; what else there is comes from the configuration.
func TestContexts(t *testing.T) {
	const page = `"address-front", "document-and-face", "document-and-face-pre", "document-back", "document-back-barcode", "document-back-barcode-pre", "document-back-pre", "document-back-qrcode", "document-back-qrcode-pre", "document-front", "document-front-face-cropped", "document-front-pre", "document-front-qrcode", "document-front-qrcode-pre", "face", "face-cropped", "face-nfc", "face-pre", "face-reference", "registry-face"`
	require.ElementsMatch(t, strings.Split(strings.ReplaceAll(page, `"`, ""), ", "), media.Contexts())
	for _, context := range media.Contexts() {
		require.NoError(t, media.CheckContext(context, nil))
	}
	require.NoError(t, media.CheckContext("document-front-with-signature", []string{"x", "document-front-with-signature"}))
	for _, context := range []string{"", "selfie", "document-nfc", "Face", "face "} {
		requireFault(t, media.CheckContext(context, []string{""}), fault.ContextUnknown, "")
	}
	require.Equal(t, fault.ExitUsage, fault.Lookup(fault.ContextUnknown).Exit)
}

func TestFilesAreReadOnceAndBounded(t *testing.T) {
	dir := t.TempDir()
	name := func(n string) string { return filepath.Join(dir, n) }
	require.NoError(t, os.WriteFile(name("some"), bytes.Repeat([]byte{7}, 17_000_000), 0o600))
	before := allocated()
	content, err := media.Load(name("some"))
	require.NoError(t, err)
	require.Less(t, allocated()-before, uint64(17_100_000))
	require.Equal(t, bytes.Repeat([]byte{7}, 17_000_000), content)

	require.NoError(t, os.WriteFile(name("none"), nil, 0o600))
	content, err = media.Load(name("none"))
	require.NoError(t, err)
	require.Empty(t, content)

	require.NoError(t, os.WriteFile(name("huge"), nil, 0o600))
	require.NoError(t, os.Truncate(name("huge"), 64<<20+1))
	_, err = media.Load(name("huge"))
	requireFault(t, err, fault.MediaTooLarge, "67108865 bytes")
	for _, missing := range []string{name("missing"), dir, "/dev/zero"} {
		_, err = media.Load(missing)
		requireFault(t, err, fault.InputFileMissing, missing)
	}
}

// Whatever the bytes are, there is an answer.
func TestNoInputPanics(t *testing.T) {
	seeds := [][]byte{
		withAPP1(jpegOf(t, quarters(16, 16)), jpegEXIF(exif(binary.LittleEndian, 8))),
		withChunk(pngOf(t, quarters(16, 16)), "eXIf", exif(binary.BigEndian, 3)),
		withEXIF(sample(t, "small.webp"), exif(binary.BigEndian, 3), 64, 48),
		sample(t, "small.heic"), sample(t, "small.avif"),
	}
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(rapid.SampledFrom(seeds).Draw(t, "seed"))
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			at := rapid.IntRange(0, min(len(b), 400)-1).Draw(t, "at")
			b[at] = rapid.Byte().Draw(t, "byte")
		}
		b = b[:rapid.IntRange(0, len(b)).Draw(t, "length")]
		err := media.Check(b, media.Options{NoResize: true})
		if err != nil && fault.Lookup(fault.From(err).Code).Exit != fault.ExitRefused {
			t.Fatalf("%v", err)
		}
	})
}
