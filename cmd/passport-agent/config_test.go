package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zalando/go-keyring"

	"passport-agent/internal/config"
	"passport-agent/internal/fault"
)

// A configuration is made once and kept; a mistake in it is told with its line and a
// mend, by people's text and by JSON, with the exit status of a configuration.
func TestConfigInitShowCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "config.toml")
	require.Zero(t, command(t, nil, "", "config", "init", "--config", path).exit)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	o := command(t, nil, "", "config", "init", "--config", path)
	require.Equal(t, fault.ExitUsage, o.exit)
	require.Contains(t, o.err, "left as it is")

	o = command(t, nil, "", "config", "check", "--config", path)
	require.Zero(t, o.exit)
	require.Contains(t, o.out, "No mistakes")

	require.NoError(t, os.WriteFile(path, []byte("\nwiat = \"5s\"\n"), 0o600))
	o = command(t, nil, "", "config", "check", "--config", path)
	require.Equal(t, fault.ExitUsage, o.exit)
	require.Contains(t, o.out, path+":2: unknown key wiat\n  → Did you mean wait?")
	o = command(t, nil, "", "config", "show", "--config", path, "--json")
	require.Zero(t, o.exit)
	var report configReport
	o.document(t, &report)
	require.Equal(t, []string{path}, report.Files)
	require.Len(t, report.Problems, 1)
	require.Equal(t, "wait", report.Settings[0].Key)
	require.Equal(t, "default", report.Settings[0].Place)
}

// What the machine's administrator sets holds for a reading.
func TestPolicyFromADropInHolds(t *testing.T) {
	system := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(system, "policy.toml"), []byte("profile = \"lax\"\n"), 0o600))
	o := command(t, map[string]string{"PASSPORT_AGENT_SYSTEM_DROP_INS": system}, "", "verify", t.TempDir())
	require.Equal(t, fault.ExitUsage, o.exit)
	require.Contains(t, o.err, "policy.toml:1")
}

// The secret goes into the keyring by standard input and comes out of it by the
// configuration; it is shown nowhere.
func TestTheSecretInTheKeyring(t *testing.T) {
	keyring.MockInit()
	const canary = "canary-of-a-secret-77"
	env := map[string]string{"PASSPORT_AGENT_API_SECRET_KEYRING": "true"}
	require.Equal(t, fault.ExitUsage, command(t, env, "", "config", "check").exit, "there is none yet")
	o := command(t, nil, canary+"\n", "config", "secret")
	require.Zero(t, o.exit, o.err)
	require.NotContains(t, o.out+o.err, canary)
	require.Zero(t, command(t, env, "", "config", "check").exit)
	require.NotContains(t, command(t, env, "", "config", "show", "--json").out, canary)
	c, err := config.Load("", func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok || name == "PASSPORT_AGENT_SYSTEM_DROP_INS"
	})
	require.NoError(t, err)
	require.Equal(t, canary, c.APISecret.Reveal())

	require.Zero(t, command(t, nil, "", "config", "secret", "--remove").exit)
	require.Equal(t, fault.ExitUsage, command(t, env, "", "config", "check").exit)
	require.Equal(t, fault.ExitUsage, command(t, nil, " \n", "config", "secret").exit, "nothing was entered")

	keyring.MockInitWithError(keyring.ErrUnsupportedPlatform)
	require.Equal(t, fault.ExitUnexpected, command(t, nil, canary, "config", "secret").exit)
}
