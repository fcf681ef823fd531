package portrait

import (
	"context"
	"image"
	"time"
)

// LimitSelf is what a child does first.
func LimitSelf() error { return limitSelf() }

// DecodeBy decodes with another child.
func DecodeBy(ctx context.Context, picture []byte, limit time.Duration, arguments ...string) ([]byte, error) {
	return decoder{limit, arguments}.decode(ctx, picture)
}

// Recovered decodes in this process, as the child does in its own.
func Recovered(picture []byte) (image.Image, error) { return recovered(picture, decodeImage) }

// CheckHeader holds the header of a picture against the limits.
func CheckHeader(picture []byte) error { return checkHeader(picture) }
