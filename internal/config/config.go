// Package config gathers the settings of the program: a file, then the
// environment, then flags, each overruling the one before.
package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"passport-agent/internal/secret"
)

// EnvPrefix begins the name of every environment variable: the key api_url is
// PASSPORT_AGENT_API_URL.
const EnvPrefix = "PASSPORT_AGENT_"

// defaults are the values of keys that are never empty.
var defaults = map[string]string{"wait": "30s", "compression": "true", "profile": "field", "on_failed": "upload", "require_trust": "false", "pdf": "false", "face_nfc": "false",
	"listen": "127.0.0.1:24770", "kiosk": "false", "keep_personal_data": "2m",
	"queue_settle": "1m", "queue_keep_refused": "720h", "queue_parallel": "4",
	"log_file_mib": "10", "log_files_kept": "5"}

// Config is the settings. The zero value has no defaults; Load fills them in.
type Config struct {
	APIURL           string
	APIKey           string
	APISecretKeyring bool
	APISecret        secret.Text
	VerifySecrets    []secret.Text
	IntegrationID    string
	ExtraCA          []byte // certificates in PEM
	Proxy            secret.Text
	Reader           string
	Wait             time.Duration
	MaxNFCBytes      int
	WarnBodyBytes    int
	UploadTimeout    time.Duration
	Compression      bool
	PDF              bool
	ExtraContexts    []string
	FaceNFC          bool
	Profile          string
	OnFailed         string
	RequireTrust     bool
	TrustFolder      string
	Listen           string
	AllowOrigins     []string
	Kiosk            bool
	KeepPersonal     time.Duration
	MetricsToken     secret.Text

	QueueKeys        string
	QueueRecipient   string
	QueueSettle      time.Duration
	QueueKeepRefused time.Duration
	QueueParallel    int

	LogLevel     string // empty is the command's own
	LogFile      string
	LogFileMiB   int
	LogFilesKept int
}

// Key is one setting.
type Key struct {
	Name    string
	Meaning string
	set     func(*Config, string) error
}

// Env returns the name of the environment variable.
func (k Key) Env() string { return EnvPrefix + strings.ToUpper(k.Name) }

// Keys returns every setting, in the order in which documentation lists them.
func Keys() []Key {
	return []Key{
		{"api_url", "address of the API, from the integration's page in the customer portal", text(func(c *Config) *string { return &c.APIURL })},
		{"api_key", "API key of the integration, a UUID", text(func(c *Config) *string { return &c.APIKey })},
		{"api_secret", "shared secret of the integration; better in api_secret_file", func(c *Config, v string) error {
			c.APISecret = secret.NewText(v)
			return nil
		}},
		{"api_secret_file", "file that holds the shared secret", func(c *Config, path string) (err error) {
			c.APISecret, err = secretFile(path)
			return err
		}},
		{"api_secret_keyring", "whether the shared secret is in this user's keyring, where `passport-agent config secret` puts it, true or false", setSecretFromKeyring},
		{"api_verify_secrets_file", "file of further secrets, one a line, that answers may be signed with while secrets are changed", setVerifySecrets},
		{"integration_id", "id of the integration, which only flexible API keys need", text(func(c *Config) *string { return &c.IntegrationID })},
		{"api_ca_file", "file of certificates in PEM that are trusted for the API beside the system's", setExtraCA},
		{"api_proxy", "address of a proxy to the API, such as http://proxy:3128; with a password in api_proxy_file", setProxy},
		{"api_proxy_file", "file that holds the address of the proxy", func(c *Config, path string) (err error) {
			c.Proxy, err = secretFile(path)
			return err
		}},
		{"reader", "name of the reader, or a part of it; empty takes the first with a document", text(func(c *Config) *string { return &c.Reader })},
		{"wait", "how long to wait for a document, such as 30s", duration(func(c *Config) *time.Duration { return &c.Wait })},
		{"max_nfc_bytes", "size of all chip files above which nothing is sent, in bytes", number(func(c *Config) *int { return &c.MaxNFCBytes })},
		{"warn_body_bytes", "size of a request body above which a warning is given, in bytes", number(func(c *Config) *int { return &c.WarnBodyBytes })},
		{"upload_timeout", "how long an upload may stand still, such as 60s", duration(func(c *Config) *time.Duration { return &c.UploadTimeout })},
		{"compression", "whether uploads are compressed with gzip, true or false", truth(func(c *Config) *bool { return &c.Compression })},
		{"pdf", "whether PDF files may be sent, which Veriff has to enable first, true or false", truth(func(c *Config) *bool { return &c.PDF })},
		{"extra_contexts", "contexts of pictures beside the documented ones, with commas between", setExtraContexts},
		{"face_nfc", "whether the chip's portrait is sent too, as a picture with the context face-nfc, true or false", truth(func(c *Config) *bool { return &c.FaceNFC })},
		{"profile", "which deviations from the standard are minded, field or strict", choice(func(c *Config) *string { return &c.Profile }, "field", "strict")},
		{"on_failed", "what to do with a document that failed a check, " + strings.Join(onFailed, ", "), choice(func(c *Config) *string { return &c.OnFailed }, onFailed...)},
		{"require_trust", "whether a document that could not be proved genuine is an error, true or false", truth(func(c *Config) *bool { return &c.RequireTrust })},
		{"trust_folder", "folder of the trust store, where several users share one; empty takes the one in the data folder", text(func(c *Config) *string { return &c.TrustFolder })},
		{"listen", "where the agent listens: a port of this machine, on both loopback addresses", text(func(c *Config) *string { return &c.Listen })},
		{"allow_origin", "origins of web pages that may ask to be paired with the agent, such as https://desk.example, with commas between", func(c *Config, v string) error {
			c.AllowOrigins = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
			return nil
		}},
		{"kiosk", "whether the agent's page is a kiosk's, true or false", truth(func(c *Config) *bool { return &c.Kiosk })},
		{"keep_personal_data", "how long the agent keeps personal data after the end of a reading, such as 2m", duration(func(c *Config) *time.Duration { return &c.KeepPersonal })},
		{"metrics_token_file", "file that holds the token for the agent's metrics; without one there are none", func(c *Config, path string) (err error) {
			c.MetricsToken, err = secretFile(path)
			return err
		}},
		{"queue_keys", "where the keys of deferred uploads are kept, keyring or file; empty decides at first use and says so", choice(func(c *Config) *string { return &c.QueueKeys }, "keyring", "file")},
		{"queue_recipient", "age recipient (age1…) that everything deferred is sealed to; this machine can then queue and export, not send", text(func(c *Config) *string { return &c.QueueRecipient })},
		{"queue_settle", "how long after a lost answer the session's media list decides whether the upload has arrived", duration(func(c *Config) *time.Duration { return &c.QueueSettle })},
		{"queue_keep_refused", "how long refused and expired uploads are kept before they are erased", duration(func(c *Config) *time.Duration { return &c.QueueKeepRefused })},
		{"queue_parallel", "how many sessions deferred uploads are sent to at the same time", number(func(c *Config) *int { return &c.QueueParallel })},
		{"log_level", "what is logged, debug, info, warn or error; empty logs info under serve, else warn", choice(func(c *Config) *string { return &c.LogLevel }, "debug", "info", "warn", "error")},
		{"log_file", "file that serve logs to, beside standard error, such as log/agent.log, which is in the data folder; empty is none", text(func(c *Config) *string { return &c.LogFile })},
		{"log_file_mib", "size of the log file at which a new one is begun, in MiB", between(1, 1024, func(c *Config) *int { return &c.LogFileMiB })},
		{"log_files_kept", "how many old log files are kept", between(1, 100, func(c *Config) *int { return &c.LogFilesKept })},
	}
}

var onFailed = []string{"upload", "hold", "refuse"}

func truth(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return errors.New("neither true nor false")
		}
		*field(c) = b
		return nil
	}
}

func choice(field func(*Config) *string, allowed ...string) func(*Config, string) error {
	return func(c *Config, v string) error {
		if !slices.Contains(allowed, v) {
			return fmt.Errorf("not one of %s", strings.Join(allowed, ", "))
		}
		*field(c) = v
		return nil
	}
}

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = v
		return nil
	}
}

func number(field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return errors.New("not a whole number")
		}
		*field(c) = n
		return nil
	}
}

// between takes a number within bounds: without them a log is not bounded.
func between(least, most int, field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return fmt.Errorf("not a whole number from %d to %d", least, most)
		}
		*field(c) = n
		return nil
	}
}

func duration(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return errors.New("not a time such as 30s")
		}
		*field(c) = d
		return nil
	}
}
