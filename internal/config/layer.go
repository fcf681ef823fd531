package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"passport-agent/internal/fault"
)

// Setting is the value of a key and where it comes from. The value of a secret is
// replaced by a word that says whether there is one.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Place string `json:"place"` // "default", FILE:LINE, or the name of a variable
}

// Problem is a mistake in the configuration, where it stands and how to mend it.
type Problem struct {
	Place string `json:"place"`
	Text  string `json:"text"`
	Mend  string `json:"mend"`
}

func (p Problem) Error() string { return p.Place + ": " + p.Text }

// Inspection is everything that can be said of a configuration.
type Inspection struct {
	Config   Config
	Files    []string  // that were read, in the order in which they overrule one another
	Settings []Setting // one for each key that has a value, in the order of Keys
	Problems []Problem
}

// Load reads the configuration, each layer overruling the one before: the file at path
// (where path is empty: the one at DefaultPath, if there is one), the drop-ins in the
// folder conf.d beside it, those of the system's administrator in SystemDropIns, and
// the environment through lookup. It fails with fault.ConfigInvalid, naming key and
// place; the values of secrets are never in an error.
func Load(path string, lookup func(string) (string, bool)) (Config, error) {
	i := Inspect(path, lookup)
	if len(i.Problems) > 0 {
		p := i.Problems[0]
		return Config{}, fault.New(fault.ConfigInvalid, p.Place, errors.New(p.Text+". "+p.Mend))
	}
	return i.Config, nil
}

// Inspect reads what Load reads and goes on where Load fails.
func Inspect(path string, lookup func(string) (string, bool)) Inspection {
	r := reading{settings: map[string]Setting{}}
	for _, key := range Keys() {
		if value, ok := defaults[key.Name]; ok {
			r.set(key, value, "default")
		}
	}
	r.files(path, lookup)
	for _, key := range Keys() {
		if value, ok := lookup(key.Env()); ok && value != "" {
			r.set(key, value, key.Env())
		}
	}
	for _, key := range Keys() {
		if s, ok := r.settings[key.Name]; ok {
			r.Settings = append(r.Settings, s)
		}
	}
	return r.Inspection
}

type reading struct {
	Inspection
	settings map[string]Setting
}

func (r *reading) files(path string, lookup func(string) (string, bool)) {
	named := path != ""
	if !named {
		path = DefaultPath(lookup)
	}
	if path != "" {
		r.file(path, named)
		r.folder(filepath.Join(filepath.Dir(path), dropIns))
	}
	r.folder(SystemDropIns(lookup))
}

// folder reads the drop-ins of a folder in the order of their names.
func (r *reading) folder(dir string) {
	if dir == "" {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.problem(dir, "the folder cannot be read", "Check its permissions.")
	}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) == ".toml" {
			r.file(filepath.Join(dir, entry.Name()), true)
		}
	}
}

// maxFile is the longest configuration file that is read, in bytes.
const maxFile = 1 << 20

func (r *reading) file(path string, required bool) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && !required {
		return
	}
	if err == nil && info.Size() > maxFile {
		r.problem(path, "the file is too long to be a configuration", "Name the right file with --config.")
		return
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(path)
	}
	if err != nil {
		r.problem(path, "the file cannot be read", "Check the path and the permissions, or make one with `passport-agent config init`.")
		return
	}
	r.Files = append(r.Files, path)
	values := map[string]any{}
	if err := toml.Unmarshal(b, &values); err != nil {
		r.syntax(path, err)
		return
	}
	lines := keyLines(string(b))
	place := func(name string) string { return fmt.Sprintf("%s:%d", path, lines[name]) }
	for _, key := range Keys() {
		value, ok := values[key.Name]
		if !ok {
			continue
		}
		delete(values, key.Name)
		if key.Name == "api_secret" && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			r.problem(place(key.Name), fmt.Sprintf("api_secret: the file holds a secret and others may read it (mode is %v)", info.Mode().Perm()), "Run chmod 600 on "+path+", or use api_secret_file.")
			continue
		}
		r.set(key, fmt.Sprint(value), place(key.Name))
	}
	unknown := make([]string, 0, len(values))
	for name := range values {
		unknown = append(unknown, name)
	}
	slices.SortFunc(unknown, func(a, b string) int { return lines[a] - lines[b] })
	for _, name := range unknown {
		mend := "Remove the line; `passport-agent config init --stdout` shows every key."
		if near := nearest(name); near != "" {
			mend = "Did you mean " + near + "?"
		}
		r.problem(place(name), "unknown key "+name, mend)
	}
}

// set takes a value; one that is not valid leaves the former in force.
func (r *reading) set(key Key, value, place string) {
	if err := key.set(&r.Config, value); err != nil {
		r.problem(place, key.Name+": "+err.Error(), "Correct the value: "+key.Meaning+".")
		return
	}
	if key.secret() {
		value = "(set)"
	}
	r.settings[key.Name] = Setting{Key: key.Name, Value: value, Place: place}
}

// secret tells the keys whose value is not shown.
func (k Key) secret() bool {
	return strings.HasSuffix(k.Name, "_secret") || strings.HasSuffix(k.Name, "_secrets")
}

// syntax keeps the line and drops the text of a syntax error, which may quote a secret.
func (r *reading) syntax(path string, err error) {
	text := "not TOML"
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		path, text = fmt.Sprintf("%s:%d", path, syntax.Position.Line), fmt.Sprintf("line %d is not TOML", syntax.Position.Line)
	}
	r.problem(path, text, "Write KEY = VALUE, text in double quotes, one to a line.")
}

func (r *reading) problem(place, text, mend string) {
	r.Problems = append(r.Problems, Problem{place, text, mend})
}

var keyLine = regexp.MustCompile(`^\s*"?([A-Za-z0-9_-]+)"?\s*(=|\.)|^\s*\[+\s*"?([A-Za-z0-9_-]+)`)

// keyLines tells in which line each key stands, counted from 1; the library keeps
// that to itself. A key of a table is known by the table's name.
func keyLines(text string) map[string]int {
	lines := map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		if m := keyLine.FindStringSubmatch(line); m != nil {
			name := m[1] + m[3]
			if lines[name] == 0 {
				lines[name] = i + 1
			}
		}
	}
	return lines
}

// nearest returns the key that a mistyped name probably means, empty for none.
func nearest(name string) string {
	best, found := 3, ""
	for _, key := range Keys() {
		if d := distance(name, key.Name); d < best {
			best, found = d, key.Name
		}
	}
	return found
}

// distance is the number of letters to put in, take out or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
