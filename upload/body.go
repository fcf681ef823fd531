package upload

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"slices"
)

// body is the JSON text of a request, in parts: files stand in memory once and
// become base64 while the text is signed and while it is sent.
type body []part

// part is one of the two.
type part struct {
	text   string // goes as it is
	octets []byte // go as base64 (RFC 4648, 4, with padding)
}

// size returns the number of bytes of the text.
func (b body) size() int {
	n := 0
	for _, p := range b {
		n += len(p.text) + base64.StdEncoding.EncodedLen(len(p.octets))
	}
	return n
}

// reader returns the text from its beginning.
func (b body) reader() io.Reader { return &bodyReader{parts: slices.Clone(b)} }

type bodyReader struct {
	parts   body
	block   []byte // of base64, used again and again
	pending []byte // what the next Read gives
}

// blockOctets is how much is made base64 at a time; a multiple of three, so that
// no padding stands within the text.
const blockOctets = 24 << 10

func (r *bodyReader) Read(p []byte) (int, error) {
	for len(r.pending) == 0 {
		if len(r.parts) == 0 {
			return 0, io.EOF
		}
		r.next()
	}
	n := copy(p, r.pending)
	r.pending = r.pending[n:]
	return n, nil
}

func (r *bodyReader) next() {
	first := &r.parts[0]
	if first.text != "" {
		r.pending, first.text = []byte(first.text), ""
		return
	}
	n := min(len(first.octets), blockOctets)
	r.block = base64.StdEncoding.AppendEncode(r.block[:0], first.octets[:n])
	r.pending, first.octets = r.block, first.octets[n:]
	if len(first.octets) == 0 {
		r.parts = r.parts[1:]
	}
}

// packedReader returns the text as gzip. Base64 of pictures has no repetitions to
// find, only unused bits: Huffman coding alone is as small and a tenth of the work.
func (b body) packedReader() io.Reader {
	r := &packedReader{text: b.reader()}
	// The level is valid, which is all that this can fail for.
	r.packer, _ = gzip.NewWriterLevel(&r.packed, gzip.HuffmanOnly)
	return r
}

type packedReader struct {
	text   io.Reader
	block  [blockOctets]byte
	packer *gzip.Writer
	packed bytes.Buffer
	ended  bool
}

func (r *packedReader) Read(p []byte) (int, error) {
	for r.packed.Len() == 0 {
		if r.ended {
			return 0, io.EOF
		}
		n, err := r.text.Read(r.block[:])
		// Writing to a bytes.Buffer does not fail, and the text can only end.
		_, _ = r.packer.Write(r.block[:n])
		if err != nil {
			_ = r.packer.Close()
			r.ended = true
		}
	}
	return r.packed.Read(p)
}
