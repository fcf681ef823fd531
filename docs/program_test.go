package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
	"passport-agent/internal/pcscdtest"
)

func TestMain(m *testing.M) { pcscdtest.Main(m) }

// build makes the program once, by the command of the README.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "passport-agent-docs")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "passport-agent")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/passport-agent")
	cmd.Dir = icaotest.Root()
	output, err := cmd.CombinedOutput()
	if err != nil {
		_, _ = os.Stderr.Write(output) // what the compiler says
	}
	return path, err
})

func program(t *testing.T) string {
	t.Helper()
	path, err := build()
	require.NoError(t, err)
	return path
}

// helpOf returns what a command says with --help; an unknown flag is an error.
func helpOf(t *testing.T, args ...string) (string, error) {
	t.Helper()
	output, err := exec.Command(program(t), append(args, "--help")...).CombinedOutput()
	return string(output), err
}

// flagHelp is a flag as --help shows it.
type flagHelp struct{ name, meaning string }

// commandHelp is a command as --help shows it.
type commandHelp struct {
	path  string // without the name of the program
	short string
	flags []flagHelp
}

var (
	helpCommand = regexp.MustCompile(`^  ([a-z]+) +(.*)$`)
	helpFlag    = regexp.MustCompile(`^ +(?:-[a-z], |    )--([a-z0-9-]+)(?: \S+)? {2,}(.*)$`)
)

// section returns the lines of a help text between a headline and the next empty line.
func section(help, headline string) []string {
	_, after, found := strings.Cut(help, "\n"+headline+"\n")
	if !found {
		return nil
	}
	body, _, _ := strings.Cut(after, "\n\n")
	return strings.Split(strings.TrimSuffix(body, "\n"), "\n")
}

var known []commandHelp

// commands returns every command of the program that does something, from its help.
// The first is the program itself, with the flags that all commands take.
func commands(t *testing.T) []commandHelp {
	t.Helper()
	if known != nil {
		return known
	}
	var all []commandHelp
	var walk func(path, short string)
	walk = func(path, short string) {
		help, err := helpOf(t, strings.Fields(path)...)
		require.NoError(t, err, path)
		c := commandHelp{path: path, short: short}
		for _, line := range section(help, "Flags:") {
			m := helpFlag.FindStringSubmatch(line)
			require.NotNil(t, m, "a flag of %q that is not understood: %s", path, line)
			if m[1] != "help" {
				c.flags = append(c.flags, flagHelp{m[1], m[2]})
			}
		}
		sub := section(help, "Available Commands:")
		if path == "" || len(sub) == 0 || path == "completion" {
			all = append(all, c)
		}
		if path == "completion" { // its shells are arguments to a person
			return
		}
		for _, line := range sub {
			m := helpCommand.FindStringSubmatch(line)
			require.NotNil(t, m, "a command of %q that is not understood: %s", path, line)
			if m[1] != "help" {
				walk(strings.TrimSpace(path+" "+m[1]), m[2])
			}
		}
	}
	walk("", "")
	require.Greater(t, len(all), 15, "the help is not understood")
	known = all
	return known
}
