package portrait

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"

	"github.com/ajroetker/go-jpeg2000"
)

// RunIfChild does the work of the child and ends the program, where it was started as
// one; else it returns. It stands first in main.
func RunIfChild() {
	if len(os.Args) != 2 || os.Args[1] != childArgument {
		return
	}
	if err := child(os.Stdin, os.Stdout); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// maxInput is the longest picture in bytes: no file of a chip is longer.
const maxInput = 1 << 20

// child limits itself before it sees the picture.
func child(in io.Reader, out io.Writer) error {
	if err := limitSelf(); err != nil {
		return err
	}
	picture, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil || len(picture) > maxInput {
		return errors.Join(err, errors.New("picture too long"))
	}
	decoded, err := recovered(picture, decodeImage)
	if err != nil {
		return err
	}
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	return encoder.Encode(out, decoded)
}

func decodeImage(picture []byte) (image.Image, error) {
	if bytes.HasPrefix(picture, jpegBegin) {
		return jpeg.Decode(bytes.NewReader(picture))
	}
	return jpeg2000.Decode(bytes.NewReader(picture))
}

// recovered makes an error of a panic: the decoder of JPEG 2000 panics on some files
// that are damaged.
func recovered(picture []byte, decode func([]byte) (image.Image, error)) (decoded image.Image, err error) {
	defer func() {
		if p := recover(); p != nil {
			decoded, err = nil, fmt.Errorf("the decoder panicked: %v", p)
		}
	}()
	return decode(picture)
}
