package icao_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao"
	"passport-agent/internal/fault"
	"passport-agent/internal/format/golden"
)

const goldenNow = "testdata/format-1" // of the present format

// What any version has learned about a kind of chip counts.
func TestMemoriesOfEveryVersionAreRead(t *testing.T) {
	for _, folder := range golden.Versions(t, goldenNow) {
		b, err := os.ReadFile(filepath.Join(folder, "chips.json"))
		require.NoError(t, err)
		memory := icao.NewMemory(func() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) })
		require.NoError(t, json.Unmarshal(b, memory), folder)
		model, ok := memory.Recall([]byte{0x3B, 0x80, 0x01})
		require.True(t, ok, folder)
		require.Equal(t, icao.Model{NoSFI: true, Block: 223, HeaderFirst: true, NoExtended: true, MaxResponse: 1024}, model, folder)
		if folder == goldenNow {
			again, err := json.Marshal(memory)
			require.NoError(t, err)
			require.JSONEq(t, string(b), string(again))
			golden.RequireFields(t, b, icao.MemoryFormat)
		}
	}
}

// What a newer version has learned is not mixed up with what this one knows, and not
// taken for damaged.
func TestAMemoryOfANewerVersionIsTold(t *testing.T) {
	memory := icao.NewMemory(nil)
	require.ErrorIs(t, json.Unmarshal([]byte(`{"version": 99, "models": 5}`), memory), fault.FileNewer)
	err := json.Unmarshal([]byte(`{"models": {}}`), memory)
	require.Error(t, err)
	require.NotErrorIs(t, err, fault.FileNewer)
}
