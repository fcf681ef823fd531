package web

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
)

// Codes that the page itself knows: nobody was there to give one.
var ownCodes = []string{"agent_unreachable"}

func words(t *testing.T, language string) map[string]string {
	t.Helper()
	raw, err := embedded.ReadFile("static/lang/" + language + ".json")
	require.NoError(t, err)
	var all map[string]string
	require.NoError(t, json.Unmarshal(raw, &all))
	return all
}

func TestEveryLanguageSaysTheSame(t *testing.T) {
	english := words(t, "en")
	files, err := fs.Glob(embedded, "static/lang/*.json")
	require.NoError(t, err)
	require.Len(t, files, 5)
	place := regexp.MustCompile(`\{\w+\}`)
	for _, file := range files {
		language := strings.TrimSuffix(path.Base(file), ".json")
		other := words(t, language)
		require.Equal(t, slices.Sorted(maps.Keys(english)), slices.Sorted(maps.Keys(other)), language)
		require.Contains(t, english, "language."+language)
		for key, text := range other {
			require.NotEmpty(t, text, "%s %s", language, key)
			require.Equal(t, text, strings.TrimSpace(text), "%s %s", language, key)
			require.ElementsMatch(t, place.FindAllString(english[key], -1), place.FindAllString(text, -1), "%s %s", language, key)
		}
	}
}

// An error is told with its cause and its next step, in every language, under a code
// that the agent really has.
func TestEveryErrorOfThePageIsOneOfTheAgent(t *testing.T) {
	english := words(t, "en")
	known := slices.Clone(ownCodes)
	for _, entry := range fault.All() {
		known = append(known, string(entry.Code))
	}
	for key := range english {
		if code, ok := strings.CutPrefix(key, "error."); ok {
			code = strings.TrimSuffix(strings.TrimSuffix(code, ".cause"), ".step")
			require.Contains(t, known, code)
			require.Contains(t, english, "error."+code+".cause")
			require.Contains(t, english, "error."+code+".step")
		}
	}
}

// A word that a script asks for by its whole name is there. Names that are put together
// are asked for by the tests in a browser, where a missing one is an error.
func TestScriptsAskForWordsThatAreThere(t *testing.T) {
	english := words(t, "en")
	asked := regexp.MustCompile(`\bt\('([a-z][\w.-]*)'`)
	count := 0
	require.NoError(t, fs.WalkDir(embedded, "static/js", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".js" {
			return err
		}
		script, err := embedded.ReadFile(name)
		require.NoError(t, err)
		for _, found := range asked.FindAllStringSubmatch(string(script), -1) {
			require.Contains(t, english, found[1], name)
			count++
		}
		return nil
	}))
	require.Greater(t, count, 80)
}

func TestPagesHoldNoWords(t *testing.T) {
	tag := regexp.MustCompile(`<[^>]*>`)
	for _, name := range []string{"static/desk.html", "static/kiosk.html"} {
		page, err := embedded.ReadFile(name)
		require.NoError(t, err)
		// The name of the program is the same in every language.
		text := strings.ReplaceAll(tag.ReplaceAllString(string(page), ""), "passport-agent", "")
		require.Empty(t, strings.TrimSpace(text), name)
		require.NotRegexp(t, `(title|alt|placeholder|aria-label)="`, string(page), name)
	}
}

// Texts and pictures follow the direction of the language.
func TestStylesKnowNoLeftAndRight(t *testing.T) {
	physical := regexp.MustCompile(`(?m)(?:^|[\s;{])(?:margin|padding|border)-(?:left|right)|(?:^|[\s;{])(?:left|right):|text-align: (?:left|right)|float:`)
	files, err := fs.Glob(embedded, "static/css/*.css")
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, name := range files {
		sheet, err := embedded.ReadFile(name)
		require.NoError(t, err)
		require.NotRegexp(t, physical, string(sheet), name)
	}
}

func TestEveryFileOfThePageHasAKnownType(t *testing.T) {
	require.NoError(t, fs.WalkDir(embedded, "static", func(name string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if !entry.IsDir() {
			require.Contains(t, contentTypes, path.Ext(name), name)
		}
		return nil
	}))
}
