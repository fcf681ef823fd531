package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/pcscdtest"
	"passport-agent/internal/portrait"
	"passport-agent/tap"
	"passport-agent/virtual"
)

func TestMain(m *testing.M) {
	noteChild()
	portrait.RunIfChild()
	pcscdtest.Main(m)
}

// patience is how long anything in these tests may take.
const patience = 30 * time.Second

// outcome is what a command left behind.
type outcome struct {
	exit     int
	out, err string
}

// document decodes standard output, which must be one JSON document and nothing else.
func (o outcome) document(t *testing.T, into any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(o.out))
	require.NoError(t, decoder.Decode(into), "standard output: %s\nstandard error: %s", o.out, o.err)
	_, err := decoder.Token()
	require.ErrorIs(t, err, io.EOF, "more than one document: %s", o.out)
}

// command runs the program's own main function with this environment.
func command(t *testing.T, env map[string]string, stdin string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return commandContext(ctx, t, env, stdin, args...)
}

func commandContext(ctx context.Context, t *testing.T, env map[string]string, stdin string, args ...string) outcome {
	t.Helper()
	var out, err bytes.Buffer
	home := t.TempDir() // nothing of the machine's user is read or written
	exit := run(ctx, terminal{in: strings.NewReader(stdin), out: &out, err: &err, lookup: func(name string) (string, bool) {
		value, ok := env[name]
		if !ok && (name == "XDG_CONFIG_HOME" || name == "XDG_DATA_HOME") {
			return home, true
		}
		return value, ok || name == "PASSPORT_AGENT_SYSTEM_DROP_INS" // nor of its administrator
	}}, args)
	return outcome{exit, out.String(), err.String()}
}

func TestDemo(t *testing.T) {
	o := command(t, nil, "", "demo")
	require.Zero(t, o.exit, o.err)
	for _, line := range []string{"by PACE-ECDH-GM (AES-128) on virtual reader", "✓ successful    chip authentication", "✓ successful    active authentication", "Upload    ✓ accepted", "byte for byte as on the chip", "Verdict   ✓ successful"} {
		require.Contains(t, o.out, line)
	}
	require.NotContains(t, o.out+o.err, "\x1b", "no colours and no bars without a terminal")

	o = command(t, nil, "", "demo", "--json")
	var report tap.Report
	o.document(t, &report)
	require.Zero(t, o.exit)
	require.Equal(t, tap.UploadAccepted, report.Upload.State)
	require.Len(t, report.Files, 7, "the four that are uploaded, EF.CardAccess, DG14 and DG15")
	require.Contains(t, o.err, "DG2 read, 18432 bytes", "a plain line per step on standard error")
	require.Empty(t, command(t, nil, "", "demo", "--json", "--quiet").err)
}

func TestVersion(t *testing.T) {
	var v versionReport
	command(t, nil, "", "version", "--json").document(t, &v)
	require.Equal(t, version, v.Version)
	require.Contains(t, command(t, nil, "", "version").out, version)
}

// Mistakes at the desk and in the settings end before any chip or network is
// touched, with a code, a cause and a next step, in text and in JSON.
func TestMistakesAreNamedBeforeTheChipIsTried(t *testing.T) {
	const zone = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
	wrongDigit := strings.Replace(zone, "7408122F", "7409122F", 1)
	api := map[string]string{"PASSPORT_AGENT_API_URL": "http://127.0.0.1:1", "PASSPORT_AGENT_API_KEY": "5a7db0c4-0000-4000-8000-000000000001", "PASSPORT_AGENT_API_SECRET": "x"}
	without := func(key string) map[string]string {
		rest := map[string]string{}
		for k, v := range api {
			if k != key {
				rest[k] = v
			}
		}
		return rest
	}
	for name, c := range map[string]struct {
		env   map[string]string
		stdin string
		args  []string
		code  string
		exit  int
		names string
	}{
		"no access data":       {args: []string{"read"}, code: "access_data_missing", exit: 2},
		"wrong check digit":    {args: []string{"read", "--mrz", wrongDigit}, code: "mrz_check_digit", exit: 2, names: "birth date"},
		"on standard input":    {args: []string{"read", "--mrz", "-"}, stdin: wrongDigit, code: "mrz_check_digit", exit: 2, names: "birth date"},
		"from the environment": {args: []string{"read"}, env: map[string]string{"PASSPORT_AGENT_MRZ": wrongDigit}, code: "mrz_check_digit", exit: 2},
		"zone too short":       {args: []string{"read", "--mrz", "P<UTO"}, code: "mrz_invalid", exit: 2},
		"no date":              {args: []string{"read", "--document-number", "L898902C3", "--birth", "741312", "--expiry", "120415"}, code: "mrz_invalid", exit: 2, names: "birth date"},
		"half of the fields":   {args: []string{"read", "--document-number", "L898902C3"}, code: "usage", exit: 2},
		"two sources":          {args: []string{"read", "--mrz", zone, "--mrz-file", "x"}, code: "usage", exit: 2},
		"zone file missing":    {args: []string{"read", "--mrz-file", "/nonexistent"}, code: "input_file_missing", exit: 2},
		"CAN with letters":     {args: []string{"read", "--can", "12345A"}, code: "mrz_invalid", exit: 2},
		"CAN too short":        {args: []string{"read", "--can", "-"}, stdin: "123\n", code: "mrz_invalid", exit: 2},
		"unknown access":       {args: []string{"read", "--mrz", zone, "--access", "eac"}, code: "usage", exit: 2},
		"unknown on-failed":    {args: []string{"read", "--mrz", zone, "--on-failed", "cry"}, code: "usage", exit: 2},
		"unknown flag":         {args: []string{"read", "--zone", zone}, code: "usage", exit: 2},
		"unknown command":      {args: []string{"reed"}, code: "usage", exit: 2},
		"unknown log level":    {args: []string{"version", "--log-level", "loud"}, code: "usage", exit: 2},
		"no address":           {args: []string{"read", "--mrz", zone, "--session", "s"}, env: without("PASSPORT_AGENT_API_URL"), code: "config_invalid", exit: 2, names: "api_url"},
		"no key":               {args: []string{"read", "--mrz", zone, "--session", "s"}, env: without("PASSPORT_AGENT_API_KEY"), code: "config_invalid", exit: 2, names: "api_key"},
		"no secret":            {args: []string{"read", "--mrz", zone, "--session", "s"}, env: without("PASSPORT_AGENT_API_SECRET"), code: "config_invalid", exit: 2, names: "api_secret"},
		"plain http":           {args: []string{"read", "--mrz", zone, "--session", "s", "--api-url", "http://api.example"}, env: api, code: "config_invalid", exit: 2, names: "api_url"},
		"empty session":        {args: []string{"read", "--mrz", zone, "--session", ""}, env: api, code: "session_id_invalid", exit: 2},
		"configuration absent": {args: []string{"read", "--mrz", zone, "--config", "/nonexistent"}, code: "config_invalid", exit: 2},
		"upload without id":    {args: []string{"upload", "nfc", "."}, env: api, code: "session_id_invalid", exit: 2},
		"upload from nowhere":  {args: []string{"upload", "nfc", "--session", "s", "/nonexistent"}, env: api, code: "input_file_missing", exit: 2},
		"upload of nothing":    {args: []string{"upload", "nfc", "--session", "s", "."}, env: api, code: "file_missing", exit: 8, names: "EF.COM"},
		"picture without id":   {args: []string{"upload", "image", "--context", "face", "main.go"}, env: api, code: "session_id_invalid", exit: 2},
		"picture of what":      {args: []string{"upload", "image", "--session", "s", "main.go"}, env: api, code: "context_unknown", exit: 2},
		"unknown context":      {args: []string{"upload", "image", "--session", "s", "--context", "selfie", "main.go"}, env: api, code: "context_unknown", exit: 2, names: "selfie"},
		"no picture":           {args: []string{"upload", "image", "--session", "s", "--context", "face"}, env: api, code: "usage", exit: 2},
		"picture from nowhere": {args: []string{"upload", "image", "--session", "s", "--context", "face", "/nonexistent"}, env: api, code: "input_file_missing", exit: 2, names: "/nonexistent"},
		"no kind of picture":   {args: []string{"upload", "image", "--session", "s", "--context", "face", "main.go"}, env: api, code: "media_format_unknown", exit: 8, names: "main.go"},
		"taken at no time":     {args: []string{"upload", "image", "--session", "s", "--context", "face", "--timestamp", "noon", "main.go"}, env: api, code: "usage", exit: 2},
		"submit what":          {args: []string{"upload", "submit"}, env: api, code: "session_id_invalid", exit: 2},
		"status of what":       {args: []string{"upload", "status"}, env: api, code: "session_id_invalid", exit: 2},
		"status unreachable":   {args: []string{"upload", "status", "--session", "s"}, env: api, code: "upload_unreachable", exit: 10},
		"submit unreachable":   {args: []string{"upload", "submit", "--session", "s"}, env: api, code: "upload_unreachable", exit: 10},
		"fault of what":        {args: []string{"sandbox", "--fault", "delete:500"}, code: "usage", exit: 2},
		"unknown decision":     {args: []string{"sandbox", "--decide", "perhaps"}, code: "usage", exit: 2},
		"negative time":        {args: []string{"sandbox", "--drip", "-1s"}, code: "usage", exit: 2},
		"verify no date":       {args: []string{"verify", ".", "--at", "yesterday"}, code: "usage", exit: 2},
		"verify of nothing":    {args: []string{"verify", "."}, code: "file_not_on_chip", exit: 6, names: "DG1"},
		"trust in no file":     {args: []string{"trust", "import", "/nonexistent"}, code: "input_file_missing", exit: 2},
		"trust in nothing":     {args: []string{"trust", "import", os.DevNull}, code: "trust_file_unknown", exit: 2},
		"root is no root":      {args: []string{"trust", "import", "main.go", "--root", "main.go"}, code: "trust_file_unknown", exit: 2},
		"unknown fault":        {args: []string{"sandbox", "--fault", "fire"}, code: "usage", exit: 2},
		"unknown reading":      {args: []string{"sandbox", "--limit-reading", "bits"}, code: "usage", exit: 2},
		"profile not JSON":     {args: []string{"virtual", "--profile", os.DevNull}, code: "usage", exit: 2},
		"PACE without number":  {args: []string{"virtual", "--pace", "ECDH-GM-AES-128"}, code: "usage", exit: 2},
		"unknown PACE":         {args: []string{"virtual", "--pace", "XDH-GM-AES-128/13"}, code: "usage", exit: 2},
		"document too small":   {args: []string{"virtual", "--dg2-size", "10"}, code: "usage", exit: 2},
	} {
		t.Run(name, func(t *testing.T) {
			o := command(t, c.env, c.stdin, c.args...)
			require.Equal(t, c.exit, o.exit, o.err)
			require.Contains(t, o.err, c.code+": ")
			require.Contains(t, o.err, "What to do: ")
			require.Contains(t, o.err, c.names)

			o = command(t, c.env, c.stdin, append(c.args, "--json")...)
			require.Equal(t, c.exit, o.exit)
			var document struct{ Error *tap.Error }
			o.document(t, &document)
			require.EqualValues(t, c.code, document.Error.Code)
			require.NotEmpty(t, document.Error.Advice)
		})
	}
}

// A composite digit that does not fit is told, and keeps nobody from reading.
func TestCompositeDigitIsAWarning(t *testing.T) {
	const zone = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<L898902C<3UTO6908061F9406236<<<<<<<8"
	o := command(t, nil, "", "read", "--mrz", zone, "--wait", "1ms", "--json")
	require.Contains(t, o.err, "the check digit of composite does not fit")
	var report tap.Report
	o.document(t, &report)
	require.Equal(t, "mrz_check_digit", report.Warnings[0].Name)
}

// Ctrl-C ends the question for the machine-readable zone, too.
func TestCtrlCAtTheQuestion(t *testing.T) {
	ctx, interrupt := context.WithTimeout(context.Background(), patience)
	defer interrupt()
	in, hold := io.Pipe()
	defer func() { require.NoError(t, hold.Close()) }()
	exit := run(ctx, terminal{
		in: in, out: io.Discard, err: trigger{"line by line", interrupt}, inIsTerminal: true,
		lookup: func(string) (string, bool) { return "", false },
	}, []string{"read"})
	require.Equal(t, fault.ExitInterrupted, exit)
}

// A person types the lines as printed.
func TestTheZoneIsAskedForOnATerminal(t *testing.T) {
	var said bytes.Buffer
	exit := run(t.Context(), terminal{
		in:  strings.NewReader("p<utoeriksson<<anna<maria<<<<<<<<<<<<<<<<<<<\nl898902c36uto7409122f1204159ze184226b<<<<<10\n"),
		out: io.Discard, err: &said, inIsTerminal: true, lookup: func(string) (string, bool) { return "", false },
	}, []string{"read"})
	require.Equal(t, fault.ExitUsage, exit)
	require.Contains(t, said.String(), "mrz_check_digit")
	require.Contains(t, said.String(), "birth date")
}

func TestHelpAndCompletion(t *testing.T) {
	o := command(t, nil, "", "read", "--help")
	require.Zero(t, o.exit)
	for _, flag := range []string{"--mrz", "--session", "--out", "--reader", "--wait", "--on-failed", "--require-trust", "--show-personal-data", "--access", "--can", "--no-resume", "--probe-extended", "--json", "--config"} {
		require.Contains(t, o.out, flag)
	}
	require.NotContains(t, o.out, "--api-secret ", "a secret has no flag: other users see arguments")
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, command(t, nil, "", "completion", shell).out, "passport-agent")
	}
}

// specimen makes a document.
func specimen(t *testing.T) *virtual.Document {
	t.Helper()
	document, err := virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	return document
}
