package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"

	"passport-agent/internal/secret"
)

const (
	// maxSecretFile is the longest secret file that is read, in bytes.
	maxSecretFile = 4096
	// maxSecrets is the most that a file of secrets may hold; an integration has six.
	maxSecrets = 16
	// maxCAFile is the longest file of certificates, in bytes.
	maxCAFile = 1 << 20
)

// secretFile reads a file that not everybody may read.
func secretFile(path string) (secret.Text, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return secret.Text{}, err
	}
	value := strings.TrimSpace(string(b))
	if value == "" || len(b) > maxSecretFile {
		return secret.Text{}, fmt.Errorf("%s holds no secret", path)
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
		return secret.Text{}, fmt.Errorf("everybody on this machine may read %s (mode is %v): run chmod o= on it", path, info.Mode().Perm())
	}
	return secret.NewText(value), nil
}

func setVerifySecrets(c *Config, path string) error {
	text, err := secretFile(path)
	if err != nil {
		return err
	}
	var secrets []secret.Text
	for line := range strings.Lines(text.Reveal()) {
		if line = strings.TrimSpace(line); line != "" {
			secrets = append(secrets, secret.NewText(line))
		}
	}
	if len(secrets) > maxSecrets {
		return fmt.Errorf("%s holds more than %d secrets", path, maxSecrets)
	}
	c.VerifySecrets = secrets
	return nil
}

func setExtraCA(c *Config, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() > maxCAFile {
		return fmt.Errorf("%s is too long to hold certificates", path)
	}
	c.ExtraCA, err = os.ReadFile(path)
	return err
}

func setProxy(c *Config, v string) error {
	if strings.Contains(v, "@") {
		return errors.New("an address with a password belongs in api_proxy_file")
	}
	c.Proxy = secret.NewText(v)
	return nil
}

var contextName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

func setExtraContexts(c *Config, v string) error {
	var contexts []string
	for _, name := range strings.Split(v, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !contextName.MatchString(name) {
			return errors.New("a context consists of a-z, 0-9 and -")
		}
		contexts = append(contexts, name)
	}
	c.ExtraContexts = contexts
	return nil
}
