package icao_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao"
)

func TestMemoryKeepsWhatWasLearnedForAWhile(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	memory := icao.NewMemory(func() time.Time { return now })
	atr := []byte{0x3B, 0x80, 0x80, 0x01, 0x01}
	learned := icao.Model{NoSFI: true, Block: 160, HeaderFirst: true, NoExtended: true, MaxResponse: 2048}
	memory.Learn(atr, learned)
	got, ok := memory.Recall(atr)
	require.True(t, ok)
	require.Equal(t, learned, got)
	_, ok = memory.Recall([]byte{0x3B, 0x81})
	require.False(t, ok)

	saved, err := json.Marshal(memory)
	require.NoError(t, err)
	again := icao.NewMemory(func() time.Time { return now })
	require.NoError(t, json.Unmarshal(saved, again))
	got, ok = again.Recall(atr)
	require.True(t, ok)
	require.Equal(t, learned, got)

	now = now.Add(31 * 24 * time.Hour)
	_, ok = memory.Recall(atr)
	require.False(t, ok, "a month later it is learned anew")
	saved, err = json.Marshal(memory)
	require.NoError(t, err)
	require.NotContains(t, string(saved), "3b80")
	now = now.Add(-60 * 24 * time.Hour)
	_, ok = memory.Recall(atr)
	require.False(t, ok, "the clock was set back")
}

// A hostile chip, or a damaged file, teaches nothing that no honest chip does.
func TestMemoryIsNotPoisoned(t *testing.T) {
	memory := &icao.Memory{}
	atr := []byte{0x3B, 0x80}
	for _, model := range []icao.Model{{Block: 1}, {Block: 32}, {Block: 161}, {Block: -5}, {MaxResponse: 3}, {MaxResponse: 1 << 20}} {
		memory.Learn(atr, model)
		got, ok := memory.Recall(atr)
		require.True(t, ok)
		require.Zero(t, got)
	}
	memory.Learn(nil, icao.Model{NoSFI: true})
	memory.Learn(make([]byte, 34), icao.Model{NoSFI: true})
	_, ok := memory.Recall(nil)
	require.False(t, ok)

	for i := range 1000 {
		memory.Learn(fmt.Appendf(nil, "atr %04d", i), icao.Model{NoSFI: true})
	}
	known := 0
	for i := range 1000 {
		if _, ok := memory.Recall(fmt.Appendf(nil, "atr %04d", i)); ok {
			known++
		}
	}
	require.LessOrEqual(t, known, 256)
	_, ok = memory.Recall([]byte("atr 0999"))
	require.True(t, ok, "the newest stay")

	damaged := &icao.Memory{}
	future := time.Now().Add(100 * time.Hour).Format(time.RFC3339)
	require.NoError(t, json.Unmarshal([]byte(`{"version":1,"models":{"zz":{},"":{},"3b":{"learned":"`+future+`"},"3b90":{"model":{"block":5},"learned":"`+time.Now().Format(time.RFC3339)+`"}}}`), damaged))
	_, ok = damaged.Recall([]byte{0x3B})
	require.False(t, ok)
	got, ok := damaged.Recall([]byte{0x3B, 0x90})
	require.True(t, ok)
	require.Zero(t, got.Block)
	require.Error(t, json.Unmarshal([]byte(`[]`), damaged))
}
