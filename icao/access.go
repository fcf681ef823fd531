package icao

import (
	"fmt"

	"passport-agent/icao/mrz"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
)

// Protocol is a way of opening a chip.
type Protocol int

// Auto is PACE where the chip offers it, else BAC.
const (
	Auto Protocol = iota
	PACE
	BAC
)

// ParseProtocol reads the name of a protocol as the command line has it.
func ParseProtocol(name string) (Protocol, error) {
	switch name {
	case "", "auto":
		return Auto, nil
	case "pace":
		return PACE, nil
	case "bac":
		return BAC, nil
	default:
		return 0, fault.New(fault.Usage, fmt.Sprintf("--access takes auto, pace or bac, not %q", name), nil)
	}
}

// Access is what opens a document. The zero value opens documents without access
// control.
type Access struct {
	// Key is from the machine-readable zone. It comes before CAN.
	Key mrz.Key
	// CAN is the Card Access Number, which opens by PACE only.
	CAN      secret.Text
	Protocol Protocol
}

func (a Access) empty() bool { return a.Key.Empty() && a.CAN.Empty() }

// Names of what opened a document, as reports have them; PACE has one for each
// mapping.
const (
	accessNone = "none"
	accessBAC  = "BAC"
)
