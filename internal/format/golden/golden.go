// Package golden is for tests of the files that the program keeps between runs: each
// version that a format has had stands in the folder testdata of its room, as the program
// of that time wrote it, and is never changed.
package golden

import (
	"encoding"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// RequireFields requires that a golden file of the newest version has every field that
// the type of its format has, and no other. Where it fails, the format has changed: give
// it a new version, have the older one read, and write a golden file of the new one.
func RequireFields(t *testing.T, file []byte, of reflect.Type) {
	t.Helper()
	var content any
	require.NoError(t, json.Unmarshal(file, &content))
	there, known := map[string]bool{}, map[string]bool{}
	inFile(content, of, "", there)
	inType(of, "", known)
	require.Equal(t, known, there, "%v is not what the golden file of its version holds: a change of a format is a new version", of)
}

// inFile collects the paths of all fields. Members of lists and of maps stand for one
// another.
func inFile(v any, of reflect.Type, path string, paths map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, member := range v {
			if holds(of) {
				inFile(member, of.Elem(), path, paths)
			}
		}
	case map[string]any:
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		known := map[string]reflect.Type{}
		if of.Kind() == reflect.Struct {
			fields(of, known)
		}
		for name, member := range v {
			if of.Kind() == reflect.Map {
				inFile(member, of.Elem(), path+".*", paths)
				continue
			}
			paths[path+"."+name] = true
			if of, ok := known[name]; ok {
				inFile(member, of, path+"."+name, paths)
			}
		}
	}
}

func inType(of reflect.Type, path string, paths map[string]bool) {
	switch {
	case writesItself(of):
	case of.Kind() == reflect.Map:
		inType(of.Elem(), path+".*", paths)
	case holds(of):
		inType(of.Elem(), path, paths)
	case of.Kind() == reflect.Struct:
		known := map[string]reflect.Type{}
		fields(of, known)
		for name, of := range known {
			paths[path+"."+name] = true
			inType(of, path+"."+name, paths)
		}
	}
}

func holds(of reflect.Type) bool {
	return slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Array}, of.Kind())
}

// fields collects the fields of a structure by their names in JSON.
func fields(of reflect.Type, known map[string]reflect.Type) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fields(f.Type, known)
		case f.IsExported() && name != "-":
			known[name] = f.Type
		}
	}
}

// writesItself reports whether a type is one value to JSON, such as a time.
func writesItself(of reflect.Type) bool {
	return reflect.PointerTo(of).Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// Versions returns the folders of the golden files of every version that there has been,
// the present one among them.
func Versions(t *testing.T, now string) []string {
	t.Helper()
	folders, err := filepath.Glob("testdata/format-*")
	require.NoError(t, err)
	require.Contains(t, folders, now)
	return folders
}

// Copy copies a folder of golden files to where a program may write.
func Copy(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	require.NoError(t, filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		mode := os.FileMode(0o600)
		if err == nil && d.IsDir() {
			mode = 0o700
		}
		require.NoError(t, err)
		return os.Chmod(path, mode)
	}))
}
