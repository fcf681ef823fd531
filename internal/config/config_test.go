package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/config"
	"passport-agent/internal/fault"
)

const canary = "s3cret-canary-5f1b"

func env(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

func write(t *testing.T, name, content string, mode os.FileMode) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), mode))
	require.NoError(t, os.Chmod(path, mode))
	return path
}

func TestEnvironmentOverrulesTheFile(t *testing.T) {
	secretFile := write(t, "secret", canary+"\n", 0o600)
	path := write(t, "config.toml", `
api_url = "https://file.example"
api_key = "from-file"
api_secret_file = "`+secretFile+`"
wait = "5s"
max_nfc_bytes = 1000
compression = false
`, 0o644)
	c, err := config.Load(path, env(map[string]string{"PASSPORT_AGENT_API_URL": "https://env.example", "PASSPORT_AGENT_WAIT": "7s", "PASSPORT_AGENT_READER": ""}))
	require.NoError(t, err)
	require.Equal(t, "https://env.example", c.APIURL)
	require.Equal(t, "from-file", c.APIKey)
	require.Equal(t, canary, c.APISecret.Reveal())
	require.Equal(t, 7*time.Second, c.Wait)
	require.Equal(t, 1000, c.MaxNFCBytes)
	require.False(t, c.Compression)
}

func TestEveryKeyIsAlsoAnEnvironmentVariable(t *testing.T) {
	values := map[string]string{"api_secret_file": write(t, "secret", canary, 0o600), "wait": "1s", "upload_timeout": "1s", "max_nfc_bytes": "1", "warn_body_bytes": "1", "compression": "true", "profile": "strict", "on_failed": "refuse", "require_trust": "true", "api_secret_keyring": "false",
		"api_verify_secrets_file": write(t, "secrets", canary, 0o600), "api_proxy_file": write(t, "proxy", canary, 0o600), "api_ca_file": write(t, "ca.pem", "x", 0o644), "pdf": "true", "face_nfc": "true",
		"kiosk": "true", "keep_personal_data": "1m", "metrics_token_file": write(t, "metrics", canary, 0o600),
		"queue_keys": "file", "queue_settle": "1s", "queue_keep_refused": "1h", "queue_parallel": "2",
		"log_level": "debug", "log_file_mib": "1", "log_files_kept": "1"}
	for _, key := range config.Keys() {
		value := values[key.Name]
		if value == "" {
			value = "text"
		}
		c, err := config.Load(write(t, "empty.toml", "", 0o600), env(map[string]string{key.Env(): value}))
		require.NoError(t, err, key.Name)
		require.NotEmpty(t, key.Meaning)
		require.NotNil(t, c)
	}
}

func TestTheDefaultFileIsOptionalANamedOneIsNot(t *testing.T) {
	home := t.TempDir()
	lookup := env(map[string]string{"XDG_CONFIG_HOME": home})
	c, err := config.Load("", lookup)
	require.NoError(t, err)
	require.Equal(t, 30*time.Second, c.Wait)
	require.True(t, c.Compression)

	require.NoError(t, os.MkdirAll(filepath.Join(home, "passport-agent"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, "passport-agent", "config.toml"), []byte(`reader = "ACS"`), 0o600))
	c, err = config.Load("", lookup)
	require.NoError(t, err)
	require.Equal(t, "ACS", c.Reader)

	_, err = config.Load(filepath.Join(home, "missing.toml"), lookup)
	require.ErrorIs(t, err, fault.ConfigInvalid)
}

// An error names key and place and never shows a secret.
func TestMistakesAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		mode os.FileMode
		env  map[string]string
		want string
	}{
		"unknown key":           {file: `api_ur = "x"`, mode: 0o600, want: "api_ur"},
		"not TOML":              {file: "reader = \"a\"\napi_secret = " + canary, mode: 0o600, want: "line 2"},
		"secret others read":    {file: `api_secret = "` + canary + `"`, mode: 0o644, want: "chmod 600"},
		"wait is no time":       {file: `wait = "soon"`, mode: 0o600, want: "wait"},
		"negative wait":         {env: map[string]string{"PASSPORT_AGENT_WAIT": "-1s"}, mode: 0o600, want: "PASSPORT_AGENT_WAIT"},
		"size is no number":     {env: map[string]string{"PASSPORT_AGENT_MAX_NFC_BYTES": "many"}, mode: 0o600, want: "PASSPORT_AGENT_MAX_NFC_BYTES"},
		"compression":           {file: `compression = "maybe"`, mode: 0o600, want: "compression"},
		"secret file missing":   {env: map[string]string{"PASSPORT_AGENT_API_SECRET_FILE": "/nonexistent/secret"}, mode: 0o600, want: "API_SECRET_FILE"},
		"a log that says all":   {env: map[string]string{"PASSPORT_AGENT_LOG_LEVEL": "loud"}, mode: 0o600, want: "LOG_LEVEL"},
		"a log without bounds":  {env: map[string]string{"PASSPORT_AGENT_LOG_FILES_KEPT": "0"}, mode: 0o600, want: "LOG_FILES_KEPT"},
		"log files of no size":  {env: map[string]string{"PASSPORT_AGENT_LOG_FILE_MIB": "0"}, mode: 0o600, want: "LOG_FILE_MIB"},
		"password in api_proxy": {file: `api_proxy = "http://u:` + canary + `@proxy:1"`, mode: 0o600, want: "api_proxy_file"},
		"strange context":       {file: `extra_contexts = ["a", "b"]`, mode: 0o600, want: "extra_contexts"},
		"secrets missing":       {env: map[string]string{"PASSPORT_AGENT_API_VERIFY_SECRETS_FILE": "/nonexistent/secrets"}, mode: 0o600, want: "VERIFY_SECRETS_FILE"},
		"certificates missing":  {env: map[string]string{"PASSPORT_AGENT_API_CA_FILE": "/nonexistent/ca.pem"}, mode: 0o600, want: "API_CA_FILE"},
		"empty secret in file":  {env: map[string]string{"PASSPORT_AGENT_API_SECRET_FILE": os.DevNull}, mode: 0o600, want: "API_SECRET_FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(write(t, "config.toml", c.file, c.mode), env(c.env))
			require.ErrorIs(t, err, fault.ConfigInvalid)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), canary)
		})
	}
}

func TestASecretInAFileOfItsOwnerIsTaken(t *testing.T) {
	c, err := config.Load(write(t, "config.toml", `api_secret = "`+canary+`"`, 0o600), env(nil))
	require.NoError(t, err)
	require.Equal(t, canary, c.APISecret.Reveal())
}

// A drop-in beside the file overrules it, one of the system overrules both, and the
// environment overrules all; each value says where it comes from.
func TestDropInsOverruleTheFile(t *testing.T) {
	dir, system := t.TempDir(), t.TempDir()
	put := func(path, content string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	file := filepath.Join(dir, "config.toml")
	put(file, "reader = \"file\"\nwait = \"1s\"\nprofile = \"field\"\napi_key = \"file\"\n")
	put(filepath.Join(dir, "conf.d", "10-a.toml"), "wait = \"2s\"\nprofile = \"field\"")
	put(filepath.Join(dir, "conf.d", "20-b.toml"), "\nwait = \"3s\"")
	put(filepath.Join(dir, "conf.d", "notes.txt"), "no TOML")
	put(filepath.Join(system, "policy.toml"), "profile = \"strict\"\nrequire_trust = true")
	values := map[string]string{"PASSPORT_AGENT_SYSTEM_DROP_INS": system, "PASSPORT_AGENT_API_KEY": "environment"}

	i := config.Inspect(file, env(values))
	require.Empty(t, i.Problems)
	require.Equal(t, "file", i.Config.Reader)
	require.Equal(t, 3*time.Second, i.Config.Wait)
	require.Equal(t, "strict", i.Config.Profile)
	require.True(t, i.Config.RequireTrust)
	require.Equal(t, "environment", i.Config.APIKey)
	places := map[string]string{}
	for _, s := range i.Settings {
		places[s.Key] = s.Place
	}
	require.Equal(t, file+":1", places["reader"])
	require.Equal(t, filepath.Join(dir, "conf.d", "20-b.toml")+":2", places["wait"])
	require.Equal(t, filepath.Join(system, "policy.toml")+":1", places["profile"])
	require.Equal(t, "PASSPORT_AGENT_API_KEY", places["api_key"])
	require.Equal(t, "default", places["compression"])
}

// Every mistake is found at once, each with its line and a mend.
func TestInspectionFindsEveryMistake(t *testing.T) {
	path := write(t, "config.toml", "api_ulr = \"x\"\nwait = \"soon\"\n\n[table]\nx = 1\n", 0o600)
	i := config.Inspect(path, env(map[string]string{"PASSPORT_AGENT_SYSTEM_DROP_INS": "", "PASSPORT_AGENT_PROFILE": "lax"}))
	require.Len(t, i.Problems, 4)
	want := []struct{ place, text, mend string }{
		{path + ":2", "wait", "30s"}, {path + ":1", "api_ulr", "api_url"}, {path + ":4", "table", "config init"}, {"PASSPORT_AGENT_PROFILE", "profile", "strict"},
	}
	for n, p := range i.Problems {
		require.Equal(t, want[n].place, p.Place)
		require.Contains(t, p.Text, want[n].text)
		require.Contains(t, p.Mend, want[n].mend)
	}
	require.Equal(t, 30*time.Second, i.Config.Wait, "the former value holds")
}

// A file in which every key stands is itself without mistakes, also with the comments
// taken away from the keys that have a default.
func TestTheTemplateIsAConfiguration(t *testing.T) {
	template := config.Template()
	for _, key := range config.Keys() {
		require.Contains(t, template, "\n#"+key.Name+" = ")
	}
	for _, text := range []string{template, regexp.MustCompile(`(?m)^#([a-z_]+ = ("[^"]+"|true|false))$`).ReplaceAllString(template, "$1")} {
		i := config.Inspect(write(t, "config.toml", text, 0o600), env(map[string]string{"PASSPORT_AGENT_SYSTEM_DROP_INS": ""}))
		require.Empty(t, i.Problems)
		require.True(t, i.Config.Compression)
	}
}

// What is shown of a configuration holds no secret.
func TestSecretsAreNotShown(t *testing.T) {
	i := config.Inspect(write(t, "config.toml", `api_secret = "`+canary+`"`, 0o600), env(nil))
	require.Equal(t, canary, i.Config.APISecret.Reveal())
	require.NotContains(t, fmt.Sprint(i.Settings, i.Problems, i.Config), canary)
}

// A secret in a file that everybody may read is none.
func TestASecretFileForEverybodyIsRefused(t *testing.T) {
	for mode, refused := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true} {
		_, err := config.Load(write(t, "empty.toml", "", 0o600), env(map[string]string{"PASSPORT_AGENT_API_SECRET_FILE": write(t, "secret", canary, mode)}))
		require.Equal(t, refused, err != nil, "%v", mode)
		if refused {
			require.ErrorContains(t, err, "chmod o=")
		}
	}
}

// What the upload needs besides address, key and secret.
func TestSettingsOfTheUpload(t *testing.T) {
	path := write(t, "config.toml", `
api_verify_secrets_file = "`+write(t, "secrets", canary+"-old\n\n  "+canary+"-new \n", 0o600)+`"
api_ca_file = "`+write(t, "ca.pem", "certificates", 0o644)+`"
api_proxy_file = "`+write(t, "proxy", "http://user:"+canary+"@proxy:3128\n", 0o600)+`"
integration_id = "7"
pdf = true
face_nfc = true
extra_contexts = "passport, document-front-with-signature,"
`, 0o644)
	i := config.Inspect(path, env(nil))
	require.Empty(t, i.Problems)
	require.NotContains(t, fmt.Sprintf("%+v", i), canary)
	c := i.Config
	require.Len(t, c.VerifySecrets, 2)
	require.Equal(t, canary+"-old", c.VerifySecrets[0].Reveal())
	require.Equal(t, canary+"-new", c.VerifySecrets[1].Reveal())
	require.Equal(t, "certificates", string(c.ExtraCA))
	require.Equal(t, "http://user:"+canary+"@proxy:3128", c.Proxy.Reveal())
	require.Equal(t, "7", c.IntegrationID)
	require.True(t, c.PDF)
	require.True(t, c.FaceNFC)
	require.Equal(t, []string{"passport", "document-front-with-signature"}, c.ExtraContexts)

	_, err := config.Load(path, env(map[string]string{"PASSPORT_AGENT_API_VERIFY_SECRETS_FILE": write(t, "many", strings.Repeat("x\n", 17), 0o600)}))
	require.ErrorContains(t, err, "more than 16 secrets")
}

// Without a word about it there is no log file, and where there is one it is bounded.
func TestSettingsOfTheLog(t *testing.T) {
	c, err := config.Load(write(t, "empty.toml", "", 0o600), env(nil))
	require.NoError(t, err)
	require.Equal(t, []any{"", "", 10, 5}, []any{c.LogLevel, c.LogFile, c.LogFileMiB, c.LogFilesKept})

	c, err = config.Load(write(t, "config.toml", "log_level = \"debug\"\nlog_file = \"log/agent.log\"\nlog_file_mib = 2\nlog_files_kept = 3", 0o600), env(nil))
	require.NoError(t, err)
	require.Equal(t, []any{"debug", "log/agent.log", 2, 3}, []any{c.LogLevel, c.LogFile, c.LogFileMiB, c.LogFilesKept})
}
