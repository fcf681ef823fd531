// Package format reads the version of the program's own JSON files before anything
// else of them: what a newer version of the program has written may have any other
// shape, and is to be told from what is damaged, because it must stay where it is.
package format

import (
	"encoding/json"
	"errors"
)

// Errors of Version.
var (
	ErrNewer     = errors.New("it was written by a newer version of this program")
	ErrNoVersion = errors.New("it carries no version")
)

// Version returns the version of a file, from 1 to newest. It fails with ErrNewer, with
// ErrNoVersion, or with the error of what is no JSON object.
func Version(b []byte, newest int) (int, error) {
	var head struct {
		Version int `json:"version"`
	}
	err := json.Unmarshal(b, &head)
	switch {
	case err != nil:
		return 0, err
	case head.Version > newest:
		return head.Version, ErrNewer
	case head.Version < 1:
		return head.Version, ErrNoVersion
	}
	return head.Version, nil
}
