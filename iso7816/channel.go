package iso7816

import (
	"context"
	"fmt"
)

// Exchanger sends a command and returns the response: a Channel in the clear, or
// secure messaging on top of one. A status word other than 9000 is part of the
// response, not an error.
type Exchanger interface {
	Exchange(ctx context.Context, c Command) (Response, error)
}

// Channel exchanges commands with a card in the clear. It owns its buffers: once
// they are made, an exchange allocates nothing.
type Channel struct {
	card     Card
	command  []byte
	response []byte
	traffic  Traffic
}

// Traffic counts what went over a channel, APDUs and their bytes.
type Traffic struct {
	Commands      int
	SentBytes     int
	ReceivedBytes int
}

// NewChannel returns a channel to a card.
func NewChannel(card Card) *Channel {
	return &Channel{card: card, command: make([]byte, 0, 512), response: make([]byte, MaxResponse)}
}

// Use goes on with another card: the document has been removed and put back. The
// traffic counts on.
func (ch *Channel) Use(card Card) { ch.card = card }

// Exchange sends a command in the clear.
func (ch *Channel) Exchange(ctx context.Context, c Command) (Response, error) {
	var err error
	ch.command, err = c.Append(ch.command[:0])
	if err != nil {
		return Response{}, err
	}
	return ch.Transmit(ctx, ch.command)
}

// Transmit sends an encoded command APDU. The response is valid until the next
// exchange. Nothing is sent once the context has ended.
func (ch *Channel) Transmit(ctx context.Context, command []byte) (Response, error) {
	if err := ctx.Err(); err != nil {
		return Response{}, err
	}
	n, err := ch.card.Transmit(ctx, command, ch.response)
	if err != nil {
		return Response{}, err
	}
	if n < 0 || n > len(ch.response) {
		return Response{}, fmt.Errorf("%w: length %d", ErrResponse, n)
	}
	ch.traffic.Commands++
	ch.traffic.SentBytes += len(command)
	ch.traffic.ReceivedBytes += n
	return ParseResponse(ch.response[:n])
}

// Traffic returns what has gone over the channel so far.
func (ch *Channel) Traffic() Traffic { return ch.traffic }
