package pcsc_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fuzzlimit"
	"passport-agent/iso7816"
	"passport-agent/pcsc"
)

// Whatever a driver says, the limits are ones that a reader can have.
func FuzzAnnouncements(f *testing.F) {
	f.Add(bytesOf(f, ccidFeatures), bytesOf(f, ccidBefore+"0A 04 00000100"))
	f.Add(bytesOf(f, ccidFeatures), bytesOf(f, "0A 04 00080000"))
	f.Add([]byte{0x12, 0xFF}, []byte{0x0A})
	f.Fuzz(func(t *testing.T, features, properties []byte) {
		fuzzlimit.Check(t, func() { requireLimits(t, features, properties) })
	})
}

func requireLimits(t *testing.T, features, properties []byte) {
	library := driver(features, properties)
	library.Control = func(code uint32) ([]byte, error) {
		if code == pcsc.GetFeatures {
			return slices.Clone(features), nil
		}
		return slices.Clone(properties), nil
	}
	card := connected(t, library)
	limits := card.Limits()
	if limits.MaxAPDU != 0 {
		require.Equal(t, iso7816.Yes, limits.Extended)
		require.Greater(t, limits.MaxAPDU, 256)
		require.Less(t, limits.MaxAPDU, 0x10000)
	}
}
