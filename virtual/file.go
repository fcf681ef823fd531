package virtual

import "fmt"

// File names an elementary file. The name is also that of the saved file,
// without its ".bin".
type File string

// Elementary files besides the data groups (Doc 9303-10, 3.11 and 4).
const (
	COM          File = "EF.COM"
	SOD          File = "EF.SOD"
	CardAccess   File = "EF.CardAccess"
	CardSecurity File = "EF.CardSecurity"
	ATRInfo      File = "EF.ATR-INFO"
)

// DataGroup names data group n, 1 to 16.
func DataGroup(n int) File { return File(fmt.Sprintf("DG%d", n)) }

// place is where a file stands: under the master file or under the eMRTD
// application, with its identifier and its short identifier.
type place struct {
	file   File
	master bool
	id     uint16
	short  byte
}

var places = makePlaces()

func makePlaces() []place {
	list := []place{
		{CardAccess, true, 0x011C, 0x1C},
		{CardSecurity, true, 0x011D, 0x1D},
		{ATRInfo, true, 0x2F01, 0x01},
		{COM, false, 0x011E, 0x1E},
		{SOD, false, 0x011D, 0x1D},
	}
	for n := 1; n <= 16; n++ {
		list = append(list, place{DataGroup(n), false, 0x0100 | uint16(n), byte(n)})
	}
	return list
}

// known reports whether there is a place for the file.
func (f File) known() bool {
	for _, p := range places {
		if p.file == f {
			return true
		}
	}
	return false
}
