package virtual

import (
	"context"
	"slices"

	"passport-agent/iso7816"
)

// keepSilent waits where the profile has the chip not answer the next command. A
// command that is given up, or whose document leaves, counts as received.
func (c *Chip) keepSilent(ctx context.Context, command []byte) error {
	c.mu.Lock()
	index, present, changed := c.commands, !c.removal.away, c.changed
	c.mu.Unlock()
	if !present || !slices.Contains(c.profile.SilentAt, index) {
		return nil
	}
	select {
	case c.silent <- struct{}{}:
	default:
		// Nobody took note of silences before this one.
	}
	err := iso7816.ErrRemoved
	select {
	case <-c.released:
		return nil
	case <-changed:
	case <-ctx.Done():
		err = ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commands++
	c.counters.count(command, nil)
	return err
}

// Silent returns a channel that gets a value each time the chip stays silent at a
// command.
func (c *Chip) Silent() <-chan struct{} { return c.silent }

// Release has the chip answer the command at which it stays silent, or the next
// one that it would stay silent at.
func (c *Chip) Release() {
	select {
	case c.released <- struct{}{}:
	default:
		// There are as many tokens already as silences are planned.
	}
}
