// Package secret holds values that must not reach a log, an error text or a
// JSON document by accident: every way of printing them gives a placeholder, and
// Reveal is the one way out.
package secret

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

const placeholder = "[redacted]"

// Text is a secret string: an API secret, a machine-readable zone, a CAN. The
// zero value is an empty secret. The value lies in a closure because package fmt
// walks into unexported fields of other structs, and through pointers, without
// asking for a method.
type Text struct{ value func() string }

// NewText wraps a string.
func NewText(value string) Text { return Text{func() string { return value }} }

// Reveal returns the secret itself.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return t.value()
}

// Empty reports whether nothing is held.
func (t Text) Empty() bool { return t.Reveal() == "" }

// String returns a placeholder.
func (t Text) String() string { return placeholder }

// Format writes a placeholder for every verb.
func (t Text) Format(f fmt.State, _ rune) { write(f) }

// MarshalJSON returns a placeholder.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(placeholder) }

// MarshalText returns a placeholder.
func (t Text) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

// LogValue returns a placeholder.
func (t Text) LogValue() slog.Value { return slog.StringValue(placeholder) }

// Bytes is a secret octet string: a key, a file of a chip. The zero value is an
// empty secret. Copies share their memory.
type Bytes struct{ value func() []byte }

// NewBytes wraps octets without copying them.
func NewBytes(value []byte) Bytes { return Bytes{func() []byte { return value }} }

// Reveal returns the secret itself, not a copy.
func (b Bytes) Reveal() []byte {
	if b.value == nil {
		return nil
	}
	return b.value()
}

// Len returns the number of octets.
func (b Bytes) Len() int { return len(b.Reveal()) }

// Wipe overwrites the octets with zeros. Copies that the runtime made are not
// reached.
func (b Bytes) Wipe() { clear(b.Reveal()) }

// String returns a placeholder.
func (b Bytes) String() string { return placeholder }

// Format writes a placeholder for every verb.
func (b Bytes) Format(f fmt.State, _ rune) { write(f) }

// MarshalJSON returns a placeholder.
func (b Bytes) MarshalJSON() ([]byte, error) { return json.Marshal(placeholder) }

// MarshalText returns a placeholder.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

// LogValue returns a placeholder.
func (b Bytes) LogValue() slog.Value { return slog.StringValue(placeholder) }

// write ignores the error as package fmt does: a Formatter has no way to return one.
func write(f fmt.State) { _, _ = io.WriteString(f, placeholder) }
