package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
)

func (a *app) configSecretCommand() *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Put the API's shared secret into this user's keyring",
		Long: `Asks for the shared secret, or reads it from standard input, and keeps it in the
keyring of this user; with api_secret_keyring = true it is taken from there. Services
and remote sessions have no keyring: give them api_secret_file.`,
		Example: `  passport-agent config secret
  passport-agent config secret --remove`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.configSecret(cmd.Context(), remove) },
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "take it out of the keyring")
	return cmd
}

// secretKept is the document of `config secret --json`.
type secretKept struct {
	Schema string `json:"schema"`
	Kept   bool   `json:"kept"`
}

func (a *app) configSecret(ctx context.Context, remove bool) error {
	var text string
	if !remove {
		var err error
		if text, err = a.askSecret(ctx); err != nil {
			return err
		}
		if text = strings.TrimSpace(text); text == "" {
			return fault.New(fault.Usage, "no secret was entered", nil)
		}
	}
	if err := config.KeepSecret(ctx, secret.NewText(text)); err != nil {
		return fault.New(fault.KeyringUnavailable, "", err)
	}
	switch {
	case a.json:
		a.printJSON(secretKept{Schema: "passport-agent/config-secret/1", Kept: !remove})
	case remove:
		a.print("The secret is out of the keyring.")
	default:
		a.print("The secret is in the keyring of this user. Next: api_secret_keyring = true in the configuration.")
	}
	return nil
}

// askSecret does not show on a terminal what is typed.
func (a *app) askSecret(ctx context.Context) (string, error) {
	if !a.inIsTerminal {
		return a.readInput(ctx)
	}
	a.note("Shared secret of the integration (it is not shown):")
	return interruptible(ctx, func() (string, error) {
		b, err := term.ReadPassword(int(os.Stdin.Fd()))
		if err != nil {
			return "", fault.New(fault.Unexpected, "terminal", err)
		}
		return string(b), nil
	})
}
