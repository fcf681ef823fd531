// Package config gathers the settings of the program: a file, then the
// environment, then flags, each overruling the one before.
package config

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
)

// EnvPrefix begins the name of every environment variable: the key api_url is
// PASSPORT_AGENT_API_URL.
const EnvPrefix = "PASSPORT_AGENT_"

// Config is the settings. The zero value has no defaults; Load fills them in.
type Config struct {
	APIURL        string
	APIKey        string
	APISecret     secret.Text
	Reader        string
	Wait          time.Duration
	MaxNFCBytes   int
	WarnBodyBytes int
	UploadTimeout time.Duration
	Compression   bool
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
		{"api_secret_file", "file that holds the shared secret", setSecretFile},
		{"reader", "name of the reader, or a part of it; empty takes the first with a document", text(func(c *Config) *string { return &c.Reader })},
		{"wait", "how long to wait for a document, such as 30s", duration(func(c *Config) *time.Duration { return &c.Wait })},
		{"max_nfc_bytes", "size of all chip files above which nothing is sent, in bytes", number(func(c *Config) *int { return &c.MaxNFCBytes })},
		{"warn_body_bytes", "size of a request body above which a warning is given, in bytes", number(func(c *Config) *int { return &c.WarnBodyBytes })},
		{"upload_timeout", "how long an upload may stand still, such as 60s", duration(func(c *Config) *time.Duration { return &c.UploadTimeout })},
		{"compression", "whether uploads are compressed with gzip, true or false", func(c *Config, v string) (err error) {
			c.Compression, err = strconv.ParseBool(v)
			return err
		}},
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

// maxSecretFile is the longest secret file that is read, in bytes.
const maxSecretFile = 4096

func setSecretFile(c *Config, path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	value := strings.TrimSpace(string(b))
	if value == "" || len(b) > maxSecretFile {
		return fmt.Errorf("%s holds no secret", path)
	}
	c.APISecret = secret.NewText(value)
	return nil
}

// Load reads the file at path (where path is empty: the one at DefaultPath, if
// there is one) and then the environment through lookup. It fails with
// fault.ConfigInvalid, naming key and place; the values of secrets are never in
// an error.
func Load(path string, lookup func(string) (string, bool)) (Config, error) {
	c := Config{Wait: 30 * time.Second, Compression: true}
	named := path != ""
	if !named {
		path = DefaultPath(lookup)
	}
	if path != "" {
		if err := c.loadFile(path, named); err != nil {
			return Config{}, err
		}
	}
	for _, key := range Keys() {
		value, ok := lookup(key.Env())
		if !ok || value == "" {
			continue
		}
		if err := key.set(&c, value); err != nil {
			return Config{}, invalid("environment variable "+key.Env(), err)
		}
	}
	return c, nil
}

func (c *Config) loadFile(path string, named bool) error {
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) && !named {
		return nil
	}
	if err != nil {
		return invalid("configuration file", err)
	}
	values := map[string]any{}
	if err := toml.Unmarshal(b, &values); err != nil {
		return invalid(path, withoutValue(err))
	}
	for _, key := range Keys() {
		value, ok := values[key.Name]
		if !ok {
			continue
		}
		delete(values, key.Name)
		if key.Name == "api_secret" {
			if err := onlyOwnerReads(path); err != nil {
				return err
			}
		}
		if err := key.set(c, fmt.Sprint(value)); err != nil {
			return invalid(path+", "+key.Name, err)
		}
	}
	if len(values) > 0 {
		var unknown []string
		for name := range values {
			unknown = append(unknown, name)
		}
		slices.Sort(unknown)
		return invalid(path, fmt.Errorf("unknown key %s", strings.Join(unknown, ", ")))
	}
	return nil
}

// withoutValue keeps the line and drops the text of a syntax error, which may
// quote a secret.
func withoutValue(err error) error {
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return fmt.Errorf("line %d is not TOML", syntax.Position.Line)
	}
	return errors.New("not TOML")
}

// onlyOwnerReads refuses a secret in a file that others may read.
func onlyOwnerReads(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return invalid("configuration file", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return invalid(path+", api_secret", fmt.Errorf("the file holds a secret and others may read it: run chmod 600 on it (mode is %v)", info.Mode().Perm()))
	}
	return nil
}

func invalid(place string, err error) error { return fault.New(fault.ConfigInvalid, place, err) }
