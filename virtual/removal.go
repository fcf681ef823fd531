package virtual

// Removal says at which moment a document leaves the field.
type Removal int

// Moments of removal.
const (
	// NeverArrived: the command did not reach the chip.
	NeverArrived Removal = iota + 1
	// AnswerLost: the chip executed the command, its response did not arrive.
	AnswerLost
)

type removal struct {
	away bool
	how  Removal // 0: none planned
	left int     // commands still served
}

// countDown counts a command and returns how it meets its removal, 0 for not.
func (r *removal) countDown() Removal {
	if r.away || r.how == 0 {
		return 0
	}
	if r.left > 0 {
		r.left--
		return 0
	}
	return r.how
}

// RemoveAt plans a removal: n more commands are served, the next one meets its
// end as how says, and from then on Transmit and Reset fail with
// iso7816.ErrRemoved until PutBack. On a fresh chip, n is the index of the
// command that fails.
func (c *Chip) RemoveAt(n int, how Removal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removal.how, c.removal.left = how, n
}

// Remove takes the document away at once.
func (c *Chip) Remove() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.takeAway()
}

// PutBack puts the document back, without any session state, and forgets a
// planned removal.
func (c *Chip) PutBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.removal.away {
		c.announce()
	}
	c.removal = removal{}
}

// Present reports whether the document is in the field, and returns a channel
// that is closed when that changes.
func (c *Chip) Present() (present bool, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.removal.away, c.changed
}

func (c *Chip) takeAway() {
	if !c.removal.away {
		c.announce()
	}
	c.removal = removal{away: true}
	c.powerOff()
}

func (c *Chip) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}
