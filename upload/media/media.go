// Package media makes pictures and PDF files fit what the Veriff API takes
// (POST /v1/sessions/{id}/media, "Image upload"). What fits is left untouched,
// whatever its format; what is too large is made smaller, or refused where this
// program cannot encode its format.
package media

import (
	"errors"
	"fmt"
	"io"
	"os"

	"passport-agent/internal/fault"
)

// Limits of the page, in the narrowest reading of its units.
const (
	// MaxImageBytes is the largest picture that is sent. The page says 24 MB of
	// base64 text, approximately a 17 MB file; 17,000,000 bytes satisfy both.
	MaxImageBytes = 17_000_000
	// MaxPDFBytes is the largest PDF file that is sent.
	MaxPDFBytes = 20_000_000
	// MaxSide is the longer side in pixels of the largest picture that is sent.
	MaxSide = 1920
)

const (
	// maxFileBytes is the largest file that is looked at: the picture of a large
	// camera, to be made smaller.
	maxFileBytes = 64 << 20
	// maxDecodedBytes bounds the memory that decoding one picture may take, as its
	// header tells it in advance.
	maxDecodedBytes = 512 << 20
)

// Options says what may be done to a file. The zero value allows no PDF and
// makes smaller what is too large.
type Options struct {
	// PDF allows PDF files, which the service takes only where Veriff has enabled them.
	PDF bool
	// NoResize refuses a picture that is too large instead of making it smaller.
	NoResize bool
}

// File is a file as it is sent.
type File struct {
	MIMEType string
	Content  []byte
	// Width and Height are in pixels; 0 for a PDF file.
	Width, Height int
	// Scaled tells that Content is not the file that was given, but made from it:
	// upright, and without the metadata of the original.
	Scaled bool
}

// Load reads a file of at most 64 MiB into memory once. It fails with
// fault.InputFileMissing and fault.MediaTooLarge.
func Load(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	defer func() { _ = f.Close() }() // it was only read from
	info, err := f.Stat()
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	if info.Size() > maxFileBytes {
		return nil, tooLarge(fmt.Sprintf("%d bytes, at most %d", info.Size(), maxFileBytes))
	}
	// One more than announced, so that the end shows without another allocation.
	content := make([]byte, info.Size()+1)
	n, err := io.ReadFull(f, content)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return content[:n], nil
	case err != nil:
		return nil, fault.New(fault.InputFileMissing, "", err)
	default:
		return nil, fault.New(fault.InputFileMissing, path+" is no ordinary file, or was written to while it was read", nil)
	}
}

// Check tells what Prepare would fail with, as far as the header of the file
// shows it; nothing is decoded.
func Check(content []byte, o Options) error {
	_, err := examine(content, o)
	return err
}

// Prepare returns the file as it is to be sent: content itself where it fits, or
// a smaller picture made from it. JPEG stays JPEG, PNG stays PNG, WebP becomes
// JPEG; EXIF orientation is applied and all metadata, the place of the picture
// among it, is left behind. Prepare of what Prepare returned changes nothing.
//
// It fails with fault.MediaFormatUnknown, PDFDisabled, MediaTooLarge,
// ResizeForbidden and MediaDamaged.
func Prepare(content []byte, o Options) (File, error) {
	h, err := examine(content, o)
	if err != nil {
		return File{}, err
	}
	if h.fits(len(content)) {
		return File{MIMEType: h.format.mimeType(), Content: content, Width: h.width, Height: h.height}, nil
	}
	return shrink(content, h)
}

// header is what a file says about itself before anything is decoded.
type header struct {
	format        format
	width, height int // pixels, as stored; 0 for PDF
	orientation   orientation
	// bytesPerPixel is what decoding takes at most.
	bytesPerPixel int64
}

func (h header) fits(size int) bool {
	if h.format == pdf {
		return size <= MaxPDFBytes
	}
	return size <= MaxImageBytes && max(h.width, h.height) <= MaxSide
}

// examine reads the header and refuses what Prepare cannot make fit.
func examine(content []byte, o Options) (header, error) {
	h, err := parseHeader(content)
	if err != nil {
		return header{}, err
	}
	switch {
	case h.format == pdf && !o.PDF:
		return header{}, fault.New(fault.PDFDisabled, "", nil)
	case h.fits(len(content)):
		return h, nil
	case h.format == pdf:
		return header{}, tooLarge(fmt.Sprintf("a PDF file of %d bytes, at most %d", len(content), MaxPDFBytes))
	case !h.format.decodable():
		return header{}, tooLarge(h.describe(len(content)) + ", and it can only be sent as it is")
	case o.NoResize:
		return header{}, fault.New(fault.ResizeForbidden, h.describe(len(content)), nil)
	case int64(h.width)*int64(h.height) > maxDecodedBytes/h.bytesPerPixel:
		return header{}, tooLarge(h.describe(len(content)) + ", more than is decoded here")
	}
	return h, nil
}

func (h header) describe(size int) string {
	return fmt.Sprintf("a %s picture of %d x %d pixels and %d bytes (at most %d pixels a side and %d bytes)",
		h.format, h.width, h.height, size, MaxSide, MaxImageBytes)
}

// parseHeader finds the format in the bytes, not in a name, and reads the header.
func parseHeader(content []byte) (header, error) {
	var h header
	var err error
	switch f := formatOf(content); f {
	case jpegFormat:
		h, err = jpegHeader(content)
	case pngFormat:
		h, err = pngHeader(content)
	case webpFormat:
		h, err = webpHeader(content)
	case heic, heif:
		h, err = heifHeader(content)
		h.format = f
	case pdf:
		h = header{format: pdf}
	default:
		return header{}, fault.New(fault.MediaFormatUnknown, "", nil)
	}
	if err != nil {
		return header{}, err
	}
	if h.format != pdf && (h.width <= 0 || h.height <= 0) {
		return header{}, damaged("the picture has no size", nil)
	}
	return h, nil
}

func tooLarge(detail string) error { return fault.New(fault.MediaTooLarge, detail, nil) }

// damaged takes err only from decoders, whose texts name no content.
func damaged(detail string, err error) error { return fault.New(fault.MediaDamaged, detail, err) }
