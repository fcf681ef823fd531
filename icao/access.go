package icao

import (
	"fmt"

	"passport-agent/icao/mrz"
	"passport-agent/internal/fault"
)

// Protocol is a way of opening a chip.
type Protocol int

// Auto takes the strongest that chip and reader know.
const (
	Auto Protocol = iota
	BAC
)

// ParseProtocol reads the name of a protocol as the command line has it.
func ParseProtocol(name string) (Protocol, error) {
	switch name {
	case "", "auto":
		return Auto, nil
	case "bac":
		return BAC, nil
	default:
		return 0, fault.New(fault.Usage, fmt.Sprintf("--access takes auto or bac, not %q", name), nil)
	}
}

// Access is what opens a document. The zero value opens documents without access
// control.
type Access struct {
	Key      mrz.Key
	Protocol Protocol
}

// Names of what opened a document, as reports have them.
const (
	accessNone = "none"
	accessBAC  = "BAC"
)
