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

// dropIns is the name of a folder whose files *.toml add to a configuration.
const dropIns = "conf.d"

// SystemDropIns is the folder in which whoever looks after the machine sets what holds
// for all its users: /etc/passport-agent/conf.d, elsewhere the platform's own place, or
// the folder that PASSPORT_AGENT_SYSTEM_DROP_INS names.
func SystemDropIns(lookup func(string) (string, bool)) string {
	if dir, ok := lookup(EnvPrefix + "SYSTEM_DROP_INS"); ok {
		return dir
	}
	switch runtime.GOOS {
	case "windows":
		dir, _ := lookup("ProgramData")
		if dir == "" {
			return ""
		}
		return filepath.Join(dir, program, dropIns)
	case "darwin":
		return filepath.Join("/Library/Application Support", program, dropIns)
	default:
		return filepath.Join("/etc", program, dropIns)
	}
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
