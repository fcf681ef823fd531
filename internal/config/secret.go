package config

import (
	"context"
	"errors"
	"strconv"

	"passport-agent/internal/keyring"
	"passport-agent/internal/secret"
)

// The place of the shared secret in the keyring.
const (
	keyringService = "passport-agent"
	keyringName    = "api_secret"
)

func setSecretFromKeyring(c *Config, v string) error {
	wanted, err := strconv.ParseBool(v)
	if err != nil {
		return errors.New("neither true nor false")
	}
	c.APISecretKeyring = wanted
	if !wanted {
		return nil
	}
	value, err := keyring.Get(context.Background(), keyringService, keyringName)
	if err != nil {
		return err
	}
	c.APISecret = secret.NewText(value)
	return nil
}

// KeepSecret puts the shared secret into the keyring of this user; an empty one takes it
// out. It fails with keyring.ErrUnavailable.
func KeepSecret(ctx context.Context, s secret.Text) error {
	if s.Empty() {
		return keyring.Delete(ctx, keyringService, keyringName)
	}
	return keyring.Set(ctx, keyringService, keyringName, s.Reveal())
}
