package virtual_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/iso7816/sm"
	"passport-agent/virtual"
)

// By hand: on air (bytes + 3 per block + 3 per acknowledgement) * 9 bits / rate.
func TestTimeOfAnExchange(t *testing.T) {
	defaults := virtual.DefaultTiming()
	at106 := defaults
	at106.Rate = 106
	protected := virtual.Exchange{CLA: 0x0C, INS: 0xB0, CommandBytes: 19, ResponseBytes: 252}
	for _, c := range []struct {
		name     string
		timing   virtual.Timing
		exchange virtual.Exchange
		want     time.Duration
	}{
		{"nothing takes time", virtual.Timing{}, protected, 0},
		// 8 + 5 ms; 271 bytes * 25 us; (22 + 255) * 9 / 424 = 5.879 ms
		{"READ BINARY of one block", defaults, protected, 13*time.Millisecond + 6775*time.Microsecond + 5879716*time.Nanosecond},
		{"READ BINARY at 106 kbit/s", at106, protected, 13*time.Millisecond + 6775*time.Microsecond + 23518867*time.Nanosecond},
		// 253 bytes are one block of 256; 254 are two and an acknowledgement: 254 + 9.
		{"one block", virtual.Timing{Rate: 9, BlockSize: 253, BlockOverhead: 3}, virtual.Exchange{CommandBytes: 253, ResponseBytes: 2}, (256 + 5) * time.Millisecond},
		{"two blocks", virtual.Timing{Rate: 9, BlockSize: 253, BlockOverhead: 3}, virtual.Exchange{CommandBytes: 254, ResponseBytes: 2}, (263 + 5) * time.Millisecond},
		{"five blocks", virtual.Timing{Rate: 9, BlockSize: 253, BlockOverhead: 3}, virtual.Exchange{CommandBytes: 5, ResponseBytes: 1029}, (8 + 1029 + 27) * time.Millisecond},
		{"blocks without end", virtual.Timing{Rate: 9, BlockOverhead: 3}, virtual.Exchange{CommandBytes: 5, ResponseBytes: 1029}, (8 + 1032) * time.Millisecond},
		{"no response", virtual.Timing{Rate: 9, BlockSize: 253, BlockOverhead: 3}, virtual.Exchange{CommandBytes: 5}, (8 + 3) * time.Millisecond},
	} {
		require.Equal(t, c.want, c.timing.Exchange(c.exchange), c.name)
	}
}

func TestTimeInTheChip(t *testing.T) {
	timing := virtual.DefaultTiming()
	timing.Fixed, timing.Rate = 0, 0
	const ms = time.Millisecond
	for _, c := range []struct {
		exchange virtual.Exchange
		want     time.Duration
	}{
		{virtual.Exchange{INS: 0xA4, FirstSelect: true}, 120 * ms},
		{virtual.Exchange{INS: 0xA4}, 8 * ms},
		{virtual.Exchange{INS: 0x84}, 8 * ms},
		{virtual.Exchange{INS: 0x82}, 40 * ms},
		{virtual.Exchange{INS: 0xB0}, 5 * ms},
		{virtual.Exchange{INS: 0xB1}, 5 * ms},
		{virtual.Exchange{INS: 0x88}, 200 * ms},
		{virtual.Exchange{INS: 0x22, P1: 0xC1, P2: 0xA4}, 8 * ms},
		{virtual.Exchange{CLA: 0x10, INS: 0x86, PACEStep: 1}, 8 * ms},
		{virtual.Exchange{CLA: 0x10, INS: 0x86, PACEStep: 2}, 250 * ms},
		{virtual.Exchange{CLA: 0x10, INS: 0x86, PACEStep: 3}, 250 * ms},
		{virtual.Exchange{INS: 0x86, PACEStep: 4}, 8 * ms},
		{virtual.Exchange{CLA: 0x0C, INS: 0x86}, 290 * ms},
		{virtual.Exchange{CLA: 0x0C, INS: 0x22, P1: 0x41, P2: 0xA6}, 290 * ms},
		{virtual.Exchange{CLA: 0x0C, INS: 0x22, P1: 0x41, P2: 0xA4}, 8 * ms},
		{virtual.Exchange{CLA: 0x0C, INS: 0xB0, CommandBytes: 100, ResponseBytes: 300}, 15 * ms},
		{virtual.Exchange{CLA: 0x00, INS: 0xB0, CommandBytes: 100, ResponseBytes: 300}, 5 * ms},
	} {
		require.Equal(t, c.want, timing.Exchange(c.exchange), "%+v", c.exchange)
	}
}

// A DG2 of 15,083 bytes read in plain blocks, with a fixed time per command and
// nothing else in the chip, against figures computed elsewhere; they are rounded
// to 10 ms, so 10 ms is the tolerance, and count the last block as a full one.
func TestTimesOfAPortrait(t *testing.T) {
	const size = 15083
	rates := []int{106, 212, 424, 848}
	for _, row := range []struct {
		block     int
		algorithm sm.Algorithm
		commands  int
		slow      [4]float64 // seconds with 18 ms per command
		fast      [4]float64 // with 5 ms
	}{
		{160, sm.TDES, 95, [4]float64{3.43, 2.57, 2.14, 1.92}, [4]float64{2.19, 1.33, 0.90, 0.69}},
		{223, sm.AES128, 68, [4]float64{2.78, 2.00, 1.61, 1.42}, [4]float64{1.89, 1.12, 0.73, 0.53}},
		{231, sm.TDES, 66, [4]float64{2.74, 1.96, 1.58, 1.38}, [4]float64{1.88, 1.11, 0.72, 0.52}},
		{1000, sm.TDES, 16, [4]float64{1.76, 1.02, 0.66, 0.47}, [4]float64{1.55, 0.81, 0.45, 0.26}},
	} {
		for i, rate := range rates {
			for fixed, want := range map[time.Duration]float64{18 * time.Millisecond: row.slow[i], 5 * time.Millisecond: row.fast[i]} {
				timing := virtual.Timing{Fixed: fixed, Rate: rate, BlockSize: 253, BlockOverhead: 3}
				var total time.Duration
				commands := 0
				for offset := 0; offset < size; offset += row.block {
					total += timing.Exchange(readExchange(row.algorithm, row.block))
					commands++
				}
				require.Equal(t, row.commands, commands)
				require.InDelta(t, want, total.Seconds(), 0.01, "%d bytes at %d kbit/s, %v", row.block, rate, fixed)
			}
		}
	}
}

// readExchange has the sizes of a protected READ BINARY of n plain bytes.
func readExchange(a sm.Algorithm, n int) virtual.Exchange {
	e := virtual.Exchange{CLA: 0x0C, INS: 0xB0, CommandBytes: 19}
	cryptogram := n + a.BlockSize() - n%a.BlockSize()
	header := 3 // 87 L 01
	switch {
	case cryptogram+1 > 0xFF:
		header = 5
		e.CommandBytes = 23
	case cryptogram+1 > 0x7F:
		header = 4
	}
	e.ResponseBytes = header + cryptogram + 4 + 10 + 2
	return e
}

// The chip reports what the model needs.
func TestObserverFeedsTheTiming(t *testing.T) {
	var seen []virtual.Exchange
	chip, err := virtual.NewChip(paceDocument(t, gm), virtual.ChipOptions{Observe: func(e virtual.Exchange) { seen = append(seen, e) }})
	require.NoError(t, err)
	newPACETerminal(t, chip, gm).open()
	require.NoError(t, chip.Reset(t.Context()))
	transmit(t, chip, plain(t, general(true, nil)))
	authenticate(t, chip)
	var steps []int
	var first []bool
	for _, e := range seen {
		steps, first = append(steps, e.PACEStep), append(first, e.FirstSelect)
	}
	require.Equal(t, []int{0, 1, 2, 3, 4, 0, 0, 0, 0, 0}, steps)
	require.Equal(t, []bool{false, false, false, false, false, true, false, true, false, false}, first)
}
