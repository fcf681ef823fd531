package secret_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/secret"
)

const canary = "L898902C36UTO7408122F1204159"

// Every ordinary way of turning a value into text must hide a secret, also when
// it sits in a struct, a map or behind a pointer.
func TestNothingPrintsASecret(t *testing.T) {
	text := secret.NewText(canary)
	octets := secret.NewBytes([]byte(canary))
	type holder struct {
		Text   secret.Text
		Octets *secret.Bytes
		List   map[string]any
		text   secret.Text
		octets secret.Bytes
	}
	value := holder{text, &octets, map[string]any{"t": text, "b": octets}, text, octets}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, text, octets, &octets, value)
	}
	encoded, err := json.Marshal(value)
	require.NoError(t, err)
	out.Write(encoded)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "t", text, "b", octets, "h", value)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "t", text, "b", octets, "h", value)

	require.NotContains(t, out.String(), canary)
	require.NotContains(t, out.String(), hex.EncodeToString([]byte(canary)))
	require.NotContains(t, out.String(), fmt.Sprintf("%d", []byte(canary)))
	require.Contains(t, out.String(), "[redacted]")
}

func TestRevealIsTheWayOut(t *testing.T) {
	require.Equal(t, canary, secret.NewText(canary).Reveal())
	require.Equal(t, []byte(canary), secret.NewBytes([]byte(canary)).Reveal())
	require.True(t, secret.Text{}.Empty())
	require.Zero(t, secret.Bytes{}.Len())
	octets := secret.NewBytes([]byte(canary))
	octets.Wipe()
	require.Equal(t, make([]byte, len(canary)), octets.Reveal())
}
