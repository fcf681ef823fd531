package virtual

import (
	"time"

	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// Timing is a model of how long a contactless chip and its reader take for a
// command, for comparing ways to read. It adds up what it is given; nobody waits.
// Waiting time extensions, transmission errors and activation are left out. With
// the zero value everything takes no time.
type Timing struct {
	// Fixed is spent in host, driver and reader for each command.
	Fixed time.Duration
	// Chip is spent in the chip by instruction byte, Other for those not listed.
	Chip  map[byte]time.Duration
	Other time.Duration
	// FirstSelect is spent in the chip, instead, for the first SELECT since it
	// got its power.
	FirstSelect time.Duration
	// PACEStep is spent, instead, in steps 2 and 3 of PACE, those with public keys.
	PACEStep time.Duration
	// ChipAuthentication is spent, instead, for GENERAL AUTHENTICATE and MSE:Set
	// KAT under secure messaging.
	ChipAuthentication time.Duration
	// SMByte is spent besides for each byte of a protected command APDU and of
	// its response.
	SMByte time.Duration

	// Rate is the bit rate in kbit/s, in both directions; 0 is infinite.
	Rate int
	// BlockSize is how many bytes of an APDU a block of ISO/IEC 14443-4 carries;
	// 0 is any number.
	BlockSize int
	// BlockOverhead are the bytes around them (PCB and CRC), which are also the
	// length of the acknowledgement between two blocks.
	BlockOverhead int
}

// bitsPerByte counts the parity bit of type A.
const bitsPerByte = 9

// DefaultTiming is a chip and a reader of average speed at 424 kbit/s with blocks
// of 256 bytes.
func DefaultTiming() Timing {
	const ms = time.Millisecond
	return Timing{
		Fixed: 8 * ms,
		Chip: map[byte]time.Duration{
			iso7816.InsReadBinary: 5 * ms, iso7816.InsReadBinaryOdd: 5 * ms,
			iso7816.InsExternalAuthenticate: 40 * ms, iso7816.InsInternalAuthenticate: 200 * ms,
		},
		Other: 8 * ms, FirstSelect: 120 * ms, PACEStep: 250 * ms, ChipAuthentication: 290 * ms,
		SMByte: 25 * time.Microsecond,
		Rate:   424, BlockSize: 253, BlockOverhead: 3,
	}
}

// Exchange returns how long a command and its response take.
func (t Timing) Exchange(e Exchange) time.Duration {
	spent := t.Fixed + t.inChip(e) + t.onAir(e.CommandBytes) + t.onAir(e.ResponseBytes)
	if e.CLA == sm.CLA {
		spent += time.Duration(e.CommandBytes+e.ResponseBytes) * t.SMByte
	}
	return spent
}

func (t Timing) inChip(e Exchange) time.Duration {
	setKAT := e.INS == iso7816.InsManageSecurityEnv && e.P1 == 0x41 && e.P2 == 0xA6
	switch {
	case e.FirstSelect:
		return t.FirstSelect
	case e.PACEStep == 2 || e.PACEStep == 3:
		return t.PACEStep
	case e.CLA == sm.CLA && (e.INS == iso7816.InsGeneralAuthenticate || setKAT):
		return t.ChipAuthentication
	}
	if spent, ok := t.Chip[e.INS]; ok {
		return spent
	}
	return t.Other
}

// onAir is the time of an APDU between reader and chip: its blocks, and an
// acknowledgement after each but the last.
func (t Timing) onAir(bytes int) time.Duration {
	if t.Rate == 0 {
		return 0
	}
	blocks := 1
	if t.BlockSize > 0 {
		blocks = max(1, (bytes+t.BlockSize-1)/t.BlockSize)
	}
	bytes += (2*blocks - 1) * t.BlockOverhead
	return time.Duration(bytes*bitsPerByte) * time.Millisecond / time.Duration(t.Rate)
}
