package golden

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type Inner struct {
	Deep []byte `json:"deep"`
}

type outer struct {
	Inner
	Version int              `json:"version"`
	When    time.Time        `json:"when,omitzero"`
	List    []*Inner         `json:"list"`
	Map     map[string]Inner `json:"map,omitempty"`
}

// Fields are found wherever they are: on both sides, or the comparison means nothing.
func TestFieldsOfFilesAndTypes(t *testing.T) {
	all := map[string]bool{".deep": true, ".version": true, ".when": true, ".list": true, ".list.deep": true, ".map": true, ".map.*.deep": true}
	known, there := map[string]bool{}, map[string]bool{}
	inType(reflect.TypeFor[outer](), "", known)
	require.Equal(t, all, known)
	inFile(map[string]any{
		"deep": "", "version": 1.0, "when": "", "list": []any{map[string]any{}, map[string]any{"deep": ""}}, "map": map[string]any{"a": map[string]any{"deep": "", "gone": 1.0}},
	}, reflect.TypeFor[outer](), "", there)
	all[".map.*.gone"] = true
	require.Equal(t, all, there)
}
