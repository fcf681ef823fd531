package config

import (
	"os"
	"path/filepath"
	"runtime"
)

// DefaultPath is where the configuration file is looked for where none is named:
// under XDG_CONFIG_HOME, elsewhere in the platform's own place.
func DefaultPath(lookup func(string) (string, bool)) string {
	dir, ok := absolute(lookup, "XDG_CONFIG_HOME")
	if !ok {
		var err error
		if dir, err = os.UserConfigDir(); err != nil {
			return ""
		}
	}
	return filepath.Join(dir, program, "config.toml")
}

// DataDir is where the program keeps what it has to keep: under XDG_DATA_HOME,
// elsewhere in the platform's own place. It is empty where there is no such place.
func DataDir(lookup func(string) (string, bool)) string {
	if dir, ok := absolute(lookup, "XDG_DATA_HOME"); ok {
		return filepath.Join(dir, program)
	}
	switch runtime.GOOS {
	case "windows", "darwin":
		if dir, err := os.UserConfigDir(); err == nil {
			return filepath.Join(dir, program)
		}
	default:
		if home, ok := absolute(lookup, "HOME"); ok {
			return filepath.Join(home, ".local", "share", program)
		}
	}
	return ""
}

const program = "passport-agent"

// absolute ignores a relative path, as the XDG base directory specification asks.
func absolute(lookup func(string) (string, bool), name string) (string, bool) {
	dir, ok := lookup(name)
	return dir, ok && filepath.IsAbs(dir)
}
