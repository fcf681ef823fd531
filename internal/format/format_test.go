package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/format"
)

func TestTheVersionIsReadWhateverElseIsThere(t *testing.T) {
	for text, newest := range map[string]int{`{"version": 1}`: 1, `{"version": 2, "id": 5}`: 2, `{"id": [], "version": 2}`: 3} {
		version, err := format.Version([]byte(text), newest)
		require.NoError(t, err, text)
		require.LessOrEqual(t, version, newest)
	}
	for _, text := range []string{`{"version": 2}`, `{"version": 99, "id": {"shape": "of another year"}}`} {
		_, err := format.Version([]byte(text), 1)
		require.ErrorIs(t, err, format.ErrNewer, text)
	}
	for _, text := range []string{`{}`, `{"version": 0}`, `{"version": -1}`, `{"version": null}`, `null`} {
		_, err := format.Version([]byte(text), 1)
		require.ErrorIs(t, err, format.ErrNoVersion, text)
	}
	for _, text := range []string{``, `{`, `[]`, `{"version": "2"}`, `{"version": 1.5}`, `{"version": 99999999999999999999}`} {
		_, err := format.Version([]byte(text), 1)
		require.Error(t, err, text)
		require.NotErrorIs(t, err, format.ErrNewer, text)
	}
}
