package sm

import (
	"context"

	"passport-agent/iso7816"
)

// Channel is a protected channel to a card: an iso7816.Exchanger whose commands
// and responses go through a Session. A status word outside secure messaging is
// a *NakedError.
type Channel struct {
	*Session
	under *iso7816.Channel
}

// NewChannel protects what goes over a plain channel.
func NewChannel(under *iso7816.Channel, state *State) *Channel {
	return &Channel{Session: NewSession(state), under: under}
}

// Exchange protects a command, sends it and checks the response.
func (ch *Channel) Exchange(ctx context.Context, c iso7816.Command) (iso7816.Response, error) {
	protected, err := ch.Protect(c)
	if err != nil {
		return iso7816.Response{}, err
	}
	response, err := ch.under.Transmit(ctx, protected)
	if err != nil {
		return iso7816.Response{}, err
	}
	return ch.Unprotect(response)
}
