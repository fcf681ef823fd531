package sm

import (
	"errors"
	"fmt"

	"passport-agent/iso7816"
)

// Tags of the secure messaging data objects (Doc 9303-11, 9.8.4).
const (
	TagCryptogram    iso7816.Tag = 0x87 // padding-content indicator 01 and cryptogram, even INS
	TagCryptogramOdd iso7816.Tag = 0x85 // cryptogram alone, odd INS
	TagLe            iso7816.Tag = 0x97
	TagStatus        iso7816.Tag = 0x99
	TagMAC           iso7816.Tag = 0x8E
)

// CLA is the class byte of every protected command.
const CLA = 0x0C

// ErrAuthentication says that a protected response has no MAC or a wrong one, or
// lacks an object that the MAC has to cover. Nothing of it was deciphered.
var ErrAuthentication = errors.New("response not authentic")

// ErrFormat says that a response is authentic but not well formed.
var ErrFormat = errors.New("protected response not well formed")

// NakedError says that the chip answered a protected command with a bare status
// word (Doc 9303-11, 9.8.5): it is not authentic, and the chip may have ended the
// session. The send sequence counter stands again where it was before the command.
type NakedError struct{ SW iso7816.StatusWord }

func (e *NakedError) Error() string { return "answered outside secure messaging: " + e.SW.Error() }

// Unwrap returns the status word.
func (e *NakedError) Unwrap() error { return e.SW }

// Session is the reader's end of a protected channel. It owns its buffers and
// allocates nothing per command.
type Session struct {
	state   *State
	objects []byte
	command []byte
	header  []byte
}

// NewSession returns the reader's end over a fresh state.
func NewSession(state *State) *Session {
	return &Session{state: state, objects: make([]byte, 0, 512), command: make([]byte, 0, 512), header: make([]byte, 0, 16)}
}

// Algorithm returns the block cipher of the session.
func (s *Session) Algorithm() Algorithm { return s.state.algorithm }

// Protect returns the protected form of a command (Doc 9303-11, 9.8.4), valid
// until the next call. The counter goes up by one.
func (s *Session) Protect(c iso7816.Command) ([]byte, error) {
	s.state.Next()
	s.header = Pad(append(s.header[:0], CLA, c.INS, c.P1, c.P2), 0, s.state.algorithm.BlockSize())
	s.objects = s.objects[:0]
	if len(c.Data) > 0 {
		s.appendCryptogram(c.INS, c.Data)
	}
	if c.Ne > 0 {
		s.appendLe(c)
	}
	// The MAC object is appended to the very slice that the MAC covers.
	covered := s.objects
	s.objects = append(s.objects, byte(TagMAC), MACSize)
	s.objects = s.state.MAC(s.objects, s.header, covered)

	protected := iso7816.Command{CLA: CLA, INS: c.INS, P1: c.P1, P2: c.P2, Data: s.objects, Ne: iso7816.MaxShortNe}
	if c.NeedsExtended() || len(s.objects) > iso7816.MaxShortData {
		protected.Ne, protected.Extended = iso7816.MaxExtendedNe, true
	}
	var err error
	s.command, err = protected.Append(s.command[:0])
	return s.command, err
}

func (s *Session) appendCryptogram(ins byte, data []byte) {
	size := s.state.algorithm.BlockSize()
	length := len(data) + size - len(data)%size
	if ins%2 == 0 {
		s.objects = append(iso7816.AppendHeader(s.objects, TagCryptogram, length+1), 0x01)
	} else {
		s.objects = iso7816.AppendHeader(s.objects, TagCryptogramOdd, length)
	}
	start := len(s.objects)
	s.objects = Pad(append(s.objects, data...), start, size)
	s.state.Encrypt(s.objects[start:])
}

func (s *Session) appendLe(c iso7816.Command) {
	if c.NeedsExtended() {
		s.objects = append(s.objects, byte(TagLe), 2, byte(c.Ne>>8), byte(c.Ne))
		return
	}
	s.objects = append(s.objects, byte(TagLe), 1, byte(c.Ne))
}

// Unprotect checks a response and deciphers it in place. The MAC is computed
// first, over the bytes as they were received. The status word returned is the
// protected one. The counter goes up by one, but for a NakedError, which takes
// back the step of the command.
func (s *Session) Unprotect(r iso7816.Response) (iso7816.Response, error) {
	if len(r.Data) == 0 && r.SW != iso7816.SWSuccess {
		s.state.Back()
		return iso7816.Response{}, &NakedError{r.SW}
	}
	s.state.Next()
	objects, err := s.authenticate(r.Data)
	if err != nil {
		return iso7816.Response{}, err
	}
	status := iso7816.StatusWord(objects.status[0])<<8 | iso7816.StatusWord(objects.status[1])
	if objects.cryptogram == nil {
		return iso7816.Response{SW: status}, nil
	}
	s.state.Decrypt(objects.cryptogram)
	plain, err := Unpad(objects.cryptogram)
	if err != nil {
		return iso7816.Response{}, fmt.Errorf("%w: padding", ErrFormat)
	}
	return iso7816.Response{Data: plain, SW: status}, nil
}

// received holds the objects of a response whose MAC is right.
type received struct {
	cryptogram []byte // whole blocks
	status     []byte // two bytes
}

// authenticate finds the MAC object, which has to be the last one, and checks it
// before anything else in the response is believed.
func (s *Session) authenticate(data []byte) (received, error) {
	var found received
	for rest := data; len(rest) > 0; {
		object, next, err := iso7816.ParseTLV(rest)
		if err != nil {
			return received{}, fmt.Errorf("%w: %w", ErrAuthentication, err)
		}
		if object.Tag != TagMAC {
			if err := found.take(object); err != nil {
				return received{}, err
			}
			rest = next
			continue
		}
		covered := data[:len(data)-len(rest)]
		if len(next) > 0 || len(object.Value) != MACSize || !s.state.CheckMAC(covered, object.Value) {
			return received{}, fmt.Errorf("%w: MAC", ErrAuthentication)
		}
		return found, found.check(s.state.algorithm.BlockSize())
	}
	return received{}, fmt.Errorf("%w: MAC missing", ErrAuthentication)
}

// take notes an object; what it holds is looked at after the MAC.
func (f *received) take(object iso7816.TLV) error {
	var place *[]byte
	value := object.Value
	switch object.Tag {
	case TagStatus:
		place = &f.status
	case TagCryptogram, TagCryptogramOdd:
		place = &f.cryptogram
		if object.Tag == TagCryptogram {
			if len(value) == 0 || value[0] != 0x01 {
				return fmt.Errorf("%w: padding-content indicator", ErrAuthentication)
			}
			value = value[1:]
		}
	default:
		return fmt.Errorf("%w: object %X", ErrAuthentication, uint32(object.Tag))
	}
	if *place != nil {
		return fmt.Errorf("%w: object %X twice", ErrAuthentication, uint32(object.Tag))
	}
	*place = value
	return nil
}

func (f *received) check(blockSize int) error {
	if len(f.status) != 2 {
		return fmt.Errorf("%w: status object missing", ErrAuthentication)
	}
	if f.cryptogram != nil && (len(f.cryptogram) == 0 || len(f.cryptogram)%blockSize != 0) {
		return fmt.Errorf("%w: cryptogram of %d bytes", ErrFormat, len(f.cryptogram))
	}
	return nil
}

// MaxPlain returns how many plain bytes of data a protected response of at most
// maxResponse bytes, status word included, can carry.
func MaxPlain(a Algorithm, maxResponse int) int {
	const fixed = 4 + 2 + MACSize + 2 // objects 99 and 8E, status word
	size := a.BlockSize()
	for cryptogram := (maxResponse - fixed) / size * size; cryptogram > 0; cryptogram -= size {
		header := len(iso7816.AppendHeader(nil, TagCryptogram, cryptogram+1)) + 1
		if header+cryptogram+fixed <= maxResponse {
			return cryptogram - 1
		}
	}
	return 0
}
