package virtual

import (
	"bytes"
	"fmt"
	"slices"

	"passport-agent/iso7816"
)

// PACEFault spoils or refuses a step of PACE.
type PACEFault struct {
	// Step is 0 for MSE:Set AT and 1 to 4 for the commands GENERAL AUTHENTICATE.
	Step int `json:"step"`
	// Kind spoils the answer to the step, which the chip takes for done.
	Kind PACEFaultKind `json:"kind,omitempty"`
	// Status, instead of Kind, answers the step.
	Status Status `json:"status,omitempty"`
	// Only confines the fault to one of the ways offered; nil is all of them.
	Only *PACEInfo `json:"only,omitempty"`
	// Runs confines it to so many first runs over the chip's life; 0 is all.
	Runs int `json:"runs,omitempty"`
}

// PACEFaultKind is what is wrong in the answer to a step of PACE.
type PACEFaultKind string

// Faults of the answers to GENERAL AUTHENTICATE; where no step is named, all.
const (
	PACENonceSize  PACEFaultKind = "nonceSize"  // step 1: a nonce that is one byte short of whole blocks
	PACENonceValue PACEFaultKind = "nonceValue" // step 1: another nonce than the chip goes on with
	PACEOwnKey     PACEFaultKind = "ownKey"     // steps 2, 3: what the terminal sent
	PACEOffCurve   PACEFaultKind = "offCurve"   // steps 2, 3: no element of the group, for its last byte
	PACEOffCurveX  PACEFaultKind = "offCurveX"  // steps 2, 3: for its middle byte, the last of an x-coordinate
	PACEPointForm  PACEFaultKind = "pointForm"  // steps 2, 3: for its first byte, which says how a point is written
	PACEZero       PACEFaultKind = "zero"       // steps 2, 3: zeros alone
	PACEInfinity   PACEFaultKind = "infinity"   // steps 2, 3: the neutral element
	PACEWrongToken PACEFaultKind = "wrongToken" // step 4

	PACENoObject   PACEFaultKind = "noObject"   // an empty template
	PACEOtherTag   PACEFaultKind = "otherTag"   // the tag of the command's object
	PACEWrongTag   PACEFaultKind = "wrongTag"   // a tag that there is not: 90, 92, 94 or 96
	PACELongValue  PACEFaultKind = "longValue"  // a zero byte behind the value
	PACELongLength PACEFaultKind = "longLength" // lengths in more bytes than needed
	PACENoTemplate PACEFaultKind = "noTemplate" // objects outside of template 7C

	// Step 4 with Chip Authentication Mapping.
	PACEMisordered       PACEFaultKind = "misordered"                 // 8A before 86
	PACENoChipData       PACEFaultKind = "noChipAuthentication"       // 8A is missing
	PACEUntaggedChipData PACEFaultKind = "untaggedChipAuthentication" // its value without tag and length
	PACEEmptyChipData    PACEFaultKind = "emptyChipAuthentication"    // 8A is empty
	PACECutChipData      PACEFaultKind = "cutChipAuthentication"      // 8A is not whole blocks
	PACEUnpaddedChipData PACEFaultKind = "unpaddedChipAuthentication" // enciphered without padding
	PACEWrongChipData    PACEFaultKind = "wrongChipAuthentication"
	PACEChipDataIn8B     PACEFaultKind = "chipAuthenticationIn8B"

	// Step 4 with another mapping.
	PACEAddedChipData PACEFaultKind = "addedChipAuthentication" // 8A, which is not expected
)

// paceFaultSteps are the steps in which a kind of fault has an effect.
var paceFaultSteps = map[PACEFaultKind][]int{
	PACENonceSize: {1}, PACENonceValue: {1}, PACEOwnKey: {2, 3}, PACEOffCurve: {2, 3}, PACEOffCurveX: {2, 3}, PACEPointForm: {2, 3},
	PACEZero: {2, 3}, PACEInfinity: {2, 3}, PACEWrongToken: {4},
	PACENoObject: {1, 2, 3, 4}, PACEOtherTag: {1, 2, 3, 4}, PACEWrongTag: {1, 2, 3, 4}, PACELongValue: {1, 2, 3, 4},
	PACELongLength: {1, 2, 3, 4}, PACENoTemplate: {1, 2, 3, 4},
	PACEMisordered: {4}, PACENoChipData: {4}, PACEUntaggedChipData: {4}, PACEEmptyChipData: {4}, PACECutChipData: {4},
	PACEUnpaddedChipData: {4}, PACEWrongChipData: {4}, PACEChipDataIn8B: {4}, PACEAddedChipData: {4},
}

func (f PACEFault) check() error {
	switch {
	case f.Step < 0 || f.Step > 4 || f.Runs < 0:
		return fmt.Errorf("%w: paceFaults: step %d, runs %d", ErrProfile, f.Step, f.Runs)
	case (f.Kind == "") == (f.Status == 0):
		return fmt.Errorf("%w: paceFaults: either kind or status", ErrProfile)
	case f.Kind != "" && !slices.Contains(paceFaultSteps[f.Kind], f.Step):
		return fmt.Errorf("%w: paceFaults: %q at step %d", ErrProfile, f.Kind, f.Step)
	case f.Only != nil:
		if _, err := f.Only.securityInfo(); err != nil {
			return fmt.Errorf("%w: paceFaults: %w", ErrProfile, err)
		}
	}
	return nil
}

// plannedPACEFault returns the first fault that the profile has for a step.
func (c *Chip) plannedPACEFault(chosen offer, step int) PACEFault {
	for _, f := range c.profile.PACEFaults {
		if f.Step != step || f.Runs != 0 && c.paceRuns > f.Runs {
			continue
		}
		if f.Only == nil || *f.Only == (PACEInfo{chosen.protocol.name, chosen.domain.ID()}) {
			return f
		}
	}
	return PACEFault{}
}

// spoil changes the objects of an answer.
func (k PACEFaultKind) spoil(run *paceRun, received []byte, objects []paceObject) []paceObject {
	first := &objects[0]
	switch k {
	case PACENonceSize:
		first.value = first.value[:len(first.value)-1]
	case PACENonceValue, PACEPointForm:
		first.value = changed(first.value, 0)
	case PACEOwnKey:
		first.value = received
	case PACEOffCurve:
		first.value = changed(first.value, len(first.value)-1)
	case PACEOffCurveX:
		first.value = changed(first.value, len(first.value)/2)
	case PACEZero:
		first.value = make([]byte, len(first.value))
	case PACEInfinity:
		first.value = []byte{0x01}
		if run.protocol.curve {
			first.value = []byte{0x00}
		}
	case PACEWrongToken:
		first.value[0] ^= 0x01
	case PACENoObject:
		return nil
	case PACEOtherTag:
		first.tag--
	case PACEWrongTag:
		first.tag += 0x10
	case PACELongValue:
		first.value = append(first.value, 0)
	default:
		return k.spoilChipAuthentication(objects)
	}
	return objects
}

// changed returns a copy with another byte at an index; an empty value, as that of
// Integrated Mapping, gets one byte.
func changed(value []byte, index int) []byte {
	if len(value) == 0 {
		return []byte{0x01}
	}
	value = bytes.Clone(value)
	value[index] ^= 0x01
	return value
}

func (k PACEFaultKind) spoilChipAuthentication(objects []paceObject) []paceObject {
	last := &objects[len(objects)-1]
	if last.tag != tagChipAuthentication {
		if k == PACEAddedChipData {
			objects = append(objects, paceObject{tagChipAuthentication, make([]byte, addedChipData)})
		}
		return objects
	}
	switch k {
	case PACEMisordered:
		slices.Reverse(objects)
	case PACENoChipData:
		return objects[:len(objects)-1]
	case PACEEmptyChipData:
		last.value = nil
	case PACECutChipData:
		last.value = last.value[:len(last.value)-1]
	case PACEWrongChipData:
		last.value[0] ^= 0x01
	case PACEChipDataIn8B:
		last.tag = 0x8B
	}
	return objects
}

// addedChipData is how many bytes PACEAddedChipData adds: what a curve of 256 bits has.
const addedChipData = 48

// encodeDynamicData puts the objects of an answer into template 7C.
func (k PACEFaultKind) encodeDynamicData(objects []paceObject) []byte {
	appendObject := iso7816.AppendTLV
	if k == PACELongLength {
		appendObject = appendLong
	}
	var content []byte
	for _, object := range objects {
		if k == PACEUntaggedChipData && object.tag == tagChipAuthentication {
			content = append(content, object.value...)
			continue
		}
		content = appendObject(content, object.tag, object.value)
	}
	if k == PACENoTemplate {
		return content
	}
	return appendObject(nil, tagDynamicData, content)
}

// appendLong appends an object with a length of three bytes.
func appendLong(dst []byte, tag iso7816.Tag, value []byte) []byte {
	return append(append(dst, byte(tag), 0x83, 0, byte(len(value)>>8), byte(len(value))), value...)
}
