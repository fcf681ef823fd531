// Package portrait decodes the picture of a face for display, and for nothing else: what
// is kept and uploaded are the bytes of the chip. A decoder is the one place where a
// forged document could do harm by what it holds, so the header is looked at first, and
// the decoder runs in a process of its own that is ended where it takes too much.
//
// The child is this program itself, started without environment and arguments but one,
// the picture on its standard input and a PNG on its standard output. Everywhere it has
// a limit of time. On Linux the system limits its memory, its processor time, the files
// it writes and core dumps (setrlimit); elsewhere, where Go cannot ask the system for
// that, it watches its own memory and ends itself. It is not cut off from the network
// or the disk.
package portrait

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"time"

	"passport-agent/internal/fault"
)

// Limits of the child.
const (
	timeLimit   = 10 * time.Second
	memoryLimit = 768 << 20 // bytes beyond those of a program that does nothing
	outputLimit = 40 << 20  // bytes of a PNG; the largest picture has 32 MiB of samples
)

// childArgument starts the program as a child.
const childArgument = "decode-portrait"

// Decode decodes a portrait, JPEG or JPEG 2000 (a JP2 file or a bare codestream), and
// returns it as PNG. Call it when the hash of DG2 is proved, not before. It fails with
// fault.PortraitRefused where the header claims more than a portrait has, and with
// fault.PortraitUnreadable where the picture cannot be decoded within the limits.
func Decode(ctx context.Context, picture []byte) ([]byte, error) {
	return decoder{timeLimit, []string{childArgument}}.decode(ctx, picture)
}

type decoder struct {
	timeLimit time.Duration
	arguments []string
}

func (d decoder) decode(ctx context.Context, picture []byte) ([]byte, error) {
	if err := checkHeader(picture); err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, unreadable("the program does not find itself", err)
	}
	limited, cancel := context.WithTimeout(ctx, d.timeLimit)
	defer cancel()
	child := exec.CommandContext(limited, program, d.arguments...)
	child.Env = []string{}
	child.Stdin = bytes.NewReader(picture)
	var out capped
	child.Stdout = &out
	child.WaitDelay = time.Second
	switch err := child.Run(); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, unreadable("no picture in time", nil)
	case err != nil:
		return nil, unreadable("the decoder ended without a picture", err)
	}
	return out.bytes, checkPNG(out.bytes)
}

// checkPNG looks at what the child sent: it has seen the forged picture.
func checkPNG(b []byte) error {
	config, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return unreadable("the decoder gave no picture", err)
	}
	return size{width: int64(config.Width), height: int64(config.Height), components: 1, bits: 8, tiles: 1}.check()
}

// capped keeps what is written to it, up to a limit.
type capped struct{ bytes []byte }

var errOutput = errors.New("the decoder sends more than any picture has")

// Write fails beyond the limit, and the child with it: nobody reads its pipe any more.
func (c *capped) Write(b []byte) (int, error) {
	if len(c.bytes)+len(b) > outputLimit {
		return 0, errOutput
	}
	c.bytes = append(c.bytes, b...)
	return len(b), nil
}

func unreadable(detail string, err error) error {
	return fault.New(fault.PortraitUnreadable, detail, err)
}

func refused(format string, args ...any) error {
	return fault.New(fault.PortraitRefused, fmt.Sprintf(format, args...), nil)
}
