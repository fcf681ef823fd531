package icao_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// known gives random numbers that repeat, so that a reading can be played again.
type known byte

func (k known) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(k) + byte(i)
	}
	return len(b), nil
}

// recording keeps what a chip answers.
type recording struct {
	*virtual.Chip
	answers [][]byte
}

func (r *recording) Transmit(ctx context.Context, command, response []byte) (int, error) {
	n, err := r.Chip.Transmit(ctx, command, response)
	r.answers = append(r.answers, append([]byte(nil), response[:max(n, 0)]...))
	return n, err
}

// replay answers from a recording: all that is measured is the reader's side,
// with real secure messaging over the data of a real file.
type replay struct {
	*virtual.Chip
	answers [][]byte
	next    int
}

func (r *replay) Transmit(_ context.Context, _, response []byte) (int, error) {
	n := copy(response, r.answers[r.next])
	r.next++
	return n, nil
}

// recorded reads a document with a DG2 of so many bytes once and returns the
// session's options and the card that plays it again.
func recorded(t testing.TB, dg2Size int, protocol icao.Protocol) (icao.Options, *replay) {
	t.Helper()
	document, err := virtual.Personalise(virtual.Options{DG2Size: dg2Size})
	require.NoError(t, err)
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Random: known(3)})
	require.NoError(t, err)
	r := &recording{Chip: chip}
	o := icao.Options{Access: icao.Access{Key: keyOf(t, document), Protocol: protocol}, Random: known(7)}
	session, err := icao.Open(context.Background(), r, o)
	require.NoError(t, err)
	_, err = session.Read(context.Background(), lds.DG2)
	require.NoError(t, err)
	return o, &replay{Chip: chip, answers: r.answers}
}

// readDG2 plays a recording again.
func readDG2(t testing.TB, o icao.Options, card *replay) {
	card.next = 0
	session, err := icao.Open(context.Background(), card, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.Read(context.Background(), lds.DG2); err != nil {
		t.Fatal(err)
	}
}

// Twice as many commands allocate exactly as often: nothing is allocated per
// command above the Card seam.
func TestNothingIsAllocatedPerCommand(t *testing.T) {
	allocations := map[int]float64{}
	commands := map[int]int{}
	for _, size := range []int{9_000, 18_432} {
		o, card := recorded(t, size, icao.BAC)
		commands[size] = len(card.answers)
		allocations[size] = testing.AllocsPerRun(20, func() { readDG2(t, o, card) })
	}
	require.Greater(t, commands[18_432]-commands[9_000], 35)
	require.InDelta(t, allocations[9_000], allocations[18_432], 1, "%v commands", commands)
}

// A protected read of 18 KB, the reader's side alone.
func BenchmarkProtectedRead18K(b *testing.B) {
	o, card := recorded(b, 18_432, icao.BAC)
	b.Run(fmt.Sprintf("BAC-3DES/%d-commands", len(card.answers)), func(b *testing.B) {
		b.SetBytes(18_432)
		b.ReportAllocs()
		for b.Loop() {
			readDG2(b, o, card)
		}
	})
}

var _ iso7816.Card = (*replay)(nil)
