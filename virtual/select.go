package virtual

import (
	"bytes"
	"encoding/binary"

	"passport-agent/iso7816"
)

// applicationID names the eMRTD application (Doc 9303-10, 3.10.1).
var applicationID = []byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}

// masterFileID is the identifier that ISO/IEC 7816-4 reserves for the master file.
const masterFileID = 0x3F00

// P2 of SELECT: whether file control information is wanted.
const (
	withFCI    = 0x00
	withoutFCI = 0x0C
)

// selectFile is SELECT (Doc 9303-10, 3.6.1 and 3.6.2).
func (c *Chip) selectFile(r request) ([]byte, iso7816.StatusWord) {
	if status, ok := c.profile.SelectStatus[selectKey(r.P1, r.P2)]; ok {
		return nil, iso7816.StatusWord(status)
	}
	if r.Ne > 0 && c.profile.SelectWithLe != 0 {
		return nil, iso7816.StatusWord(c.profile.SelectWithLe)
	}
	if r.P2 != withFCI && r.P2 != withoutFCI {
		return nil, iso7816.SWIncorrectP1P2
	}
	switch r.P1 {
	case 0x00:
		return c.selectMasterFile(r)
	case 0x02:
		return c.selectElementaryFile(r)
	case 0x04:
		return c.selectApplication(r)
	default:
		return nil, iso7816.SWIncorrectP1P2
	}
}

func (c *Chip) selectMasterFile(r request) ([]byte, iso7816.StatusWord) {
	if len(r.Data) != 0 && (len(r.Data) != 2 || binary.BigEndian.Uint16(r.Data) != masterFileID) {
		return nil, iso7816.SWFileNotFound
	}
	c.application, c.current = false, ""
	return controlInformation(r, 0x83, []byte{masterFileID >> 8, masterFileID & 0xFF}), iso7816.SWSuccess
}

func (c *Chip) selectApplication(r request) ([]byte, iso7816.StatusWord) {
	if !bytes.Equal(r.Data, applicationID) {
		return nil, iso7816.SWFileNotFound
	}
	if !r.protected && c.profile.SelectApplicationWithoutAccess != 0 {
		return nil, iso7816.StatusWord(c.profile.SelectApplicationWithoutAccess)
	}
	c.application, c.current = true, ""
	if r.protected && c.profile.SelectApplicationInSession != 0 {
		return nil, iso7816.StatusWord(c.profile.SelectApplicationInSession)
	}
	return controlInformation(r, 0x84, applicationID), iso7816.SWSuccess
}

func (c *Chip) selectElementaryFile(r request) ([]byte, iso7816.StatusWord) {
	if len(r.Data) != 2 {
		return nil, iso7816.SWWrongLength
	}
	id := binary.BigEndian.Uint16(r.Data)
	file, status := c.find(r, func(p place) bool { return p.id == id })
	if status == iso7816.SWSecurityStatus && iso7816.StatusWord(c.profile.SelectEFWithoutAccess) == iso7816.SWSuccess {
		status = iso7816.SWSuccess
	}
	if status != iso7816.SWSuccess {
		return nil, status
	}
	c.current = file
	return controlInformation(r, 0x83, r.Data), iso7816.SWSuccess
}

// controlInformation is the FCI template where it was asked for.
func controlInformation(r request, tag iso7816.Tag, value []byte) []byte {
	if r.P2 != withFCI || r.Ne == 0 {
		return nil
	}
	return iso7816.AppendTLV(nil, 0x6F, iso7816.AppendTLV(nil, tag, value))
}

// find looks for an elementary file under the selected directory and checks that
// it may be used.
func (c *Chip) find(r request, matches func(place) bool) (File, iso7816.StatusWord) {
	for _, p := range places {
		if p.master == c.application || !matches(p) {
			continue
		}
		if status, ok := c.profile.FileStatus[p.file]; ok {
			return p.file, iso7816.StatusWord(status)
		}
		if !c.mayUse(p, r) {
			return p.file, iso7816.SWSecurityStatus
		}
		if _, ok := c.files[p.file]; !ok {
			return "", iso7816.SWFileNotFound
		}
		return p.file, iso7816.SWSuccess
	}
	if status, ok := c.outOfReach(matches); ok {
		return "", status
	}
	if c.application && !c.hasAccess(r) {
		return "", iso7816.SWSecurityStatus
	}
	return "", iso7816.SWFileNotFound
}

// outOfReach returns the status word that the profile has for a file under the
// other directory.
func (c *Chip) outOfReach(matches func(place) bool) (iso7816.StatusWord, bool) {
	for _, p := range places {
		if status, ok := c.profile.FileStatus[p.file]; ok && p.master == c.application && matches(p) {
			return iso7816.StatusWord(status), true
		}
	}
	return 0, false
}

// mayUse tells files that anybody may read from those behind access control;
// DG3 and DG4 ask for terminal authentication, which is not offered.
func (c *Chip) mayUse(p place, r request) bool {
	switch p.file {
	case CardAccess, ATRInfo:
		return true
	case DataGroup(3), DataGroup(4):
		return false
	case CardSecurity:
		return c.profile.Access == AccessNone || r.protected && c.session.pace
	default:
		return c.hasAccess(r)
	}
}

// hasAccess reports whether the application's files are open to this command.
func (c *Chip) hasAccess(r request) bool {
	return c.profile.Access == AccessNone || r.protected
}
