package config

import (
	"fmt"
	"strings"
)

// Template returns a configuration file in which every key stands as a comment with
// its meaning, and its default where it has one.
func Template() string {
	var b strings.Builder
	b.WriteString(`# Configuration of passport-agent. Every key is also an environment variable:
# api_url is PASSPORT_AGENT_API_URL. Files in the folder conf.d beside this one, and
# in the system's, overrule it; ` + "`passport-agent config show`" + ` tells what holds and why.
`)
	for _, key := range Keys() {
		fmt.Fprintf(&b, "\n# %s%s.\n", strings.ToUpper(key.Meaning[:1]), key.Meaning[1:])
		switch value := defaults[key.Name]; value {
		case "true", "false":
			fmt.Fprintf(&b, "#%s = %s\n", key.Name, value)
		default:
			fmt.Fprintf(&b, "#%s = %q\n", key.Name, value)
		}
	}
	return b.String()
}
