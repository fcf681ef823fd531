package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/internal/pcscdtest"
	"passport-agent/tap"
	"passport-agent/virtual"
)

// A specimen made on the command line proves its chip in every way that was asked for,
// and its country signer can be imported.
func TestASpecimenThatProvesItself(t *testing.T) {
	pcscdtest.Require(t)
	waitForEmptyReader(t, 0)
	csca, data := filepath.Join(t.TempDir(), "csca.cer"), t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	held := make(chan outcome, 1)
	go func() {
		held <- commandContext(ctx, t, nil, "", "virtual", "--quiet", "--pace", "ECDH-GM-AES-128/13", "--can", "123456",
			"--chip-authentication", "ECDH-AES-128/13", "--active-authentication", "ecdsa", "--csca", csca)
	}()
	t.Cleanup(func() {
		cancel()
		require.Contains(t, (<-held).out, "Virtual passport on")
	})
	specimen, err := virtual.Personalise(virtual.Options{}) // the same zone, keys of its own
	require.NoError(t, err)
	env := map[string]string{"XDG_DATA_HOME": data, "PASSPORT_AGENT_MRZ": zoneOf(t, specimen)}
	o := command(t, env, "", "read", "--json")
	var report tap.Report
	o.document(t, &report)
	require.Zero(t, o.exit, o.err)
	require.Equal(t, "PACE-ECDH-GM", report.Access.Protocol)
	require.Equal(t, string(verdict.Undetermined), report.Status, "nobody has imported its country signer")

	require.Zero(t, command(t, env, "", "trust", "import", csca).exit)
	o = command(t, env, "", "read", "--json", "--require-trust")
	report = tap.Report{}
	o.document(t, &report)
	require.Zero(t, o.exit, o.err)
	results := map[string]verdict.Result{}
	for _, c := range report.Checks {
		results[c.Name] = c.Result
	}
	require.Equal(t, verdict.Successful, results["chip_authentication"])
	require.Equal(t, verdict.Successful, results["active_authentication"])
	require.Equal(t, string(verdict.Successful), report.Status)
}

func TestMistakesInASpecimen(t *testing.T) {
	for name, args := range map[string][]string{
		"no number":      {"--pace", "ECDH-GM-AES-128"},
		"no protocol":    {"--chip-authentication", "ECDH-AES-128/x"},
		"no such key":    {"--active-authentication", "dsa"},
		"no such curve":  {"--chip-authentication", "ECDH-AES-128/99"},
		"of a real one":  {"--folder", ".", "--active-authentication", "rsa"},
		"no such suite":  {"--pace", "ECDH-XX-AES-128/13"},
		"CAN of nothing": {"--folder", ".", "--can", "123456"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, fault.ExitUsage, command(t, nil, "", append([]string{"virtual"}, args...)...).exit)
		})
	}
}
