package sandbox

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
)

var (
	errEncodingUnknown = errors.New("unknown content encoding")
	errTooLarge        = errors.New("too large")
	errTrailing        = errors.New("bytes after the end of the compressed data")
)

// uncompress takes a request out of its Content-Encoding: none, or exactly gzip
// or exactly deflate. The page does not say which of the two formats called
// deflate it means, so that with the zlib header (RFC 9110, 8.4.1.2) and the bare
// one (RFC 1951) are both taken.
func uncompress(encodings []string, received []byte) ([]byte, error) {
	switch {
	case len(encodings) == 0:
		return received, nil
	case len(encodings) > 1:
		return nil, errEncodingUnknown
	}
	switch encodings[0] {
	case "gzip":
		return inflate(received, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) })
	case "deflate":
		body, err := inflate(received, func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) })
		if err == nil || errors.Is(err, errTooLarge) {
			return body, err
		}
		return inflate(received, func(r io.Reader) (io.Reader, error) { return flate.NewReader(r), nil })
	default:
		return nil, errEncodingUnknown
	}
}

// inflate reads compressed data to its end, up to maxBody bytes.
func inflate(received []byte, open func(io.Reader) (io.Reader, error)) ([]byte, error) {
	source := bytes.NewReader(received) // an io.ByteReader: nothing is read ahead of the end
	r, err := open(source)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxBody:
		return nil, errTooLarge
	case source.Len() > 0:
		return nil, errTrailing
	}
	return body, nil
}
