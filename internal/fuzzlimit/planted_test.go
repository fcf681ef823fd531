package fuzzlimit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
)

// planted is a line of testdata/fuzz-planted.tsv.
type planted struct{ target, file, before, after string }

func loadPlanted(t *testing.T) (all []planted) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(icaotest.Root(), "testdata", "fuzz-planted.tsv"))
	require.NoError(t, err)
	unescape := strings.NewReplacer(`\n`, "\n", `\t`, "\t")
	for _, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		require.Len(t, fields, 5, line)
		all = append(all, planted{fields[0] + " " + fields[1], fields[2], unescape.Replace(fields[3]), unescape.Replace(fields[4])})
	}
	return all
}

// targets are those that the project has, by package.
func targets(t *testing.T) (all []string) {
	t.Helper()
	root := icaotest.Root()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		folder, err := filepath.Rel(root, filepath.Dir(path))
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f `).FindAllStringSubmatch(string(b), -1) {
			all = append(all, filepath.ToSlash(folder)+" "+name[1])
		}
		return nil
	}))
	return all
}

// Every target has a bug that scripts/fuzz-planted shows it to find, and each of them
// still fits its parser.
func TestEveryTargetHasItsPlantedBug(t *testing.T) {
	var named []string
	for _, p := range loadPlanted(t) {
		named = append(named, p.target)
		b, err := os.ReadFile(filepath.Join(icaotest.Root(), p.file))
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(b), p.before), "%s: what is to be replaced stands once in %s", p.target, p.file)
		require.NotEqual(t, p.before, p.after)
	}
	require.ElementsMatch(t, targets(t), named)
}

// Every target has a corpus in the repository, which `go test` replays, and a row in
// docs/fuzzing.md.
func TestEveryTargetHasItsCorpusAndItsRow(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(icaotest.Root(), "docs", "fuzzing.md"))
	require.NoError(t, err)
	for _, target := range targets(t) {
		folder, name, _ := strings.Cut(target, " ")
		files, err := filepath.Glob(filepath.Join(icaotest.Root(), folder, "testdata", "fuzz", name, "*"))
		require.NoError(t, err)
		require.NotEmpty(t, files, target)
		require.Contains(t, string(page), "\n| "+folder+" "+name+" |")
	}
}

// scripts/fuzz finds them all by itself.
func TestTheScriptRunsEveryTarget(t *testing.T) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed, and scripts/lib/fuzz is written for it")
	}
	command := exec.Command(shell, "-c", ". scripts/lib/fuzz; targets")
	command.Dir = icaotest.Root()
	out, err := command.Output()
	if err != nil {
		t.Skip("this is no checkout of the repository, from which scripts/lib/fuzz lists its files")
	}
	require.ElementsMatch(t, targets(t), strings.Split(strings.TrimSpace(strings.ReplaceAll(string(out), "./", "")), "\n"))
}
