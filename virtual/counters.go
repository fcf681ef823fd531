package virtual

import (
	"maps"

	"passport-agent/iso7816"
)

// Counters is what a chip has seen, counted by itself. Bytes are those of whole
// APDUs, header, length fields and status word included.
type Counters struct {
	Commands      int
	ReceivedBytes int // command APDUs
	SentBytes     int // response APDUs, also those that were lost
	Resets        int
	ByInstruction map[byte]int
}

func (c *Counters) count(command, answer []byte) {
	c.Commands++
	c.ReceivedBytes += len(command)
	c.SentBytes += len(answer)
	if len(command) > 1 {
		c.ByInstruction[command[1]]++
	}
}

// Counters returns a copy of the counters.
func (c *Chip) Counters() Counters {
	c.mu.Lock()
	defer c.mu.Unlock()
	counters := c.counters
	counters.ByInstruction = maps.Clone(counters.ByInstruction)
	return counters
}

// ResetCounters sets all counters to zero. Indexes of commands go on.
func (c *Chip) ResetCounters() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counters = Counters{ByInstruction: map[byte]int{}}
}

// Exchange describes one command and its response without their data, so that
// it can be shown and logged.
type Exchange struct {
	Index            int // over the chip's life, from 0
	CLA, INS, P1, P2 byte
	CommandBytes     int
	ResponseBytes    int
	SW               iso7816.StatusWord // the outer one
	Lost             bool               // the document left before the response arrived
	FirstSelect      bool               // the first SELECT since the chip got its power
	PACEStep         int                // 1 to 4: GENERAL AUTHENTICATE in a run of PACE
}

func newExchange(index int, command, answer []byte) *Exchange {
	e := &Exchange{Index: index, CommandBytes: len(command), ResponseBytes: len(answer)}
	if len(command) >= 4 {
		e.CLA, e.INS, e.P1, e.P2 = command[0], command[1], command[2], command[3]
	}
	n := len(answer)
	e.SW = iso7816.StatusWord(answer[n-2])<<8 | iso7816.StatusWord(answer[n-1])
	return e
}
