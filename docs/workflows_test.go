package docs_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
)

// byHand are the scripts that neither .ci/run nor a workflow calls.
var byHand = map[string]string{
	"scripts/demo":            "scripts/test runs the demo of the program built that way",
	"scripts/fuzz-planted":    "proves the fuzz targets, not the program; takes an hour",
	"scripts/idle-agent":      "measures for as long as it is told",
	"scripts/soak-agent":      "takes as long as it is told; scripts/test runs it in a short form",
	"scripts/soak-pace":       "the same",
	"scripts/conformance":     "a test holds its page against what it would write",
	"scripts/troubleshooting": "the same",
}

var scriptCall = regexp.MustCompile(`(?m)(?:^|[\s"'])(\.ci/run|scripts/[a-z0-9-]+)((?: +[^\s>&|#]+)*)`)

// calls returns what a script or a workflow calls of the project's scripts, with
// arguments, and what those call.
func calls(t *testing.T, file string, found map[string][]string) {
	t.Helper()
	for _, line := range strings.Split(read(t, file), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, m := range scriptCall.FindAllStringSubmatch(line, -1) {
			if strings.HasPrefix(m[1], "scripts/lib") {
				continue
			}
			_, known := found[m[1]]
			found[m[1]] = append(found[m[1]], strings.TrimSpace(m[2]))
			if !known {
				calls(t, m[1], found)
			}
		}
	}
}

// The workflows run all that .ci/run runs, and no script is left that nobody runs.
func TestEveryScriptIsRunSomewhere(t *testing.T) {
	ci, release := map[string][]string{}, map[string][]string{}
	calls(t, ".github/workflows/ci.yml", ci)
	calls(t, ".github/workflows/release.yml", release)
	require.Contains(t, ci, ".ci/run", "the workflow runs it as it is: what it runs cannot drift")
	require.Contains(t, ci, "scripts/race")
	require.Contains(t, ci, "scripts/try-package")
	for where, called := range map[string]map[string][]string{"ci.yml": ci, "release.yml": release} {
		require.Contains(t, called["scripts/package"], "--twice", where)
		require.Contains(t, called, "scripts/licences", where)
	}
	require.Contains(t, release, "scripts/try-package")

	scripts, err := filepath.Glob(filepath.Join(icaotest.Root(), "scripts", "*"))
	require.NoError(t, err)
	for _, path := range scripts {
		info, err := os.Stat(path)
		require.NoError(t, err)
		name := "scripts/" + filepath.Base(path)
		if info.IsDir() {
			continue
		}
		require.NotZero(t, info.Mode().Perm()&0o100, "%s cannot be run", name)
		_, run := ci[name]
		_, excused := byHand[name]
		require.NotEqual(t, run, excused, "%s is run by .ci/run or a workflow, or stands in byHand with the reason", name)
	}
	for name := range byHand {
		require.FileExists(t, filepath.Join(icaotest.Root(), name))
	}
}

// What the workflows fetch has a version, and what is published is all of dist.
func TestWorkflowsFetchWhatIsPinned(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(icaotest.Root(), ".github", "workflows", "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text := read(t, filepath.Join(".github", "workflows", filepath.Base(file)))
		for _, m := range regexp.MustCompile(`uses: (\S+)`).FindAllStringSubmatch(text, -1) {
			require.Regexp(t, `@(v[0-9]+|[0-9a-f]{40})$`, m[1])
		}
		for _, m := range regexp.MustCompile(`go (?:run|install) (\S+\.\S+/\S+)`).FindAllStringSubmatch(text, -1) {
			require.Regexp(t, `@v[0-9]+\.[0-9]+\.[0-9]+$`, m[1])
		}
	}
	require.Regexp(t, `govulncheck@v[0-9]+\.[0-9]+\.[0-9]+ \./\.\.\.`, read(t, ".github/workflows/ci.yml"))
	require.Regexp(t, `gh release create .* dist/\* `, read(t, ".github/workflows/release.yml"))
	packages := read(t, "scripts/package")
	require.Contains(t, packages, "SHA256SUMS")
	require.Contains(t, packages, ".cdx.json")
}

// What starts the agent on macOS and Windows calls commands and flags that it has.
func TestWhatStartsTheAgentElsewhereCallsItRight(t *testing.T) {
	decoder := xml.NewDecoder(strings.NewReader(read(t, "packaging/macos/passport-agent.plist")))
	var arguments []string
	for in := false; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			in = in || token.Name.Local == "array"
		case xml.EndElement:
			in = in && token.Name.Local != "array"
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); in && text != "" {
				arguments = append(arguments, text)
			}
		}
	}
	require.Equal(t, "/usr/local/bin/passport-agent", arguments[0])
	requireParses(t, "packaging/macos", arguments[1:])

	found := 0
	for _, script := range []string{"desk", "kiosk"} {
		for _, m := range regexp.MustCompile("\\$program[`\"']+ (serve[^;>\"]*)").FindAllStringSubmatch(read(t, "packaging/windows/"+script+".ps1"), -1) {
			found++
			arguments := strings.Fields(strings.TrimRight(m[1], "`"))
			if arguments[len(arguments)-1] == "--data-dir" {
				arguments = append(arguments, "folder")
			}
			requireParses(t, script, arguments)
		}
	}
	require.Equal(t, 3, found)
}
