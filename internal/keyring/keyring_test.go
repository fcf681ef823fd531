package keyring_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	backend "github.com/zalando/go-keyring"

	"passport-agent/internal/keyring"
)

func TestASecretIsKeptAndForgotten(t *testing.T) {
	backend.MockInit()
	ctx := t.Context()
	_, err := keyring.Get(ctx, "service", "name")
	require.ErrorIs(t, err, keyring.ErrNotFound)
	require.NoError(t, keyring.Set(ctx, "service", "name", "secret"))
	secret, err := keyring.Get(ctx, "service", "name")
	require.NoError(t, err)
	require.Equal(t, "secret", secret)
	require.NoError(t, keyring.Delete(ctx, "service", "name"))
	require.NoError(t, keyring.Delete(ctx, "service", "name"))
	_, err = keyring.Get(ctx, "service", "name")
	require.ErrorIs(t, err, keyring.ErrNotFound)
}

// A keyring that is not there, and a caller who does not want to wait any longer.
func TestNoKeyring(t *testing.T) {
	backend.MockInitWithError(backend.ErrUnsupportedPlatform)
	_, err := keyring.Get(t.Context(), "service", "name")
	require.ErrorIs(t, err, keyring.ErrUnavailable)
	require.ErrorIs(t, err, backend.ErrUnsupportedPlatform)
	require.ErrorIs(t, keyring.Delete(t.Context(), "service", "name"), keyring.ErrUnavailable)
}

func TestACallerThatDoesNotWait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	backend.MockInitWithError(context.Canceled)
	require.ErrorIs(t, keyring.Set(ctx, "service", "name", "secret"), keyring.ErrUnavailable)
}
