package pcsc

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Holder is another program that has connected to a card.
type Holder struct {
	session session
	link    link
}

// HoldShared connects to the card on a reader in shared mode; transaction begins
// one as well.
func HoldShared(t testing.TB, reader string, transaction bool) *Holder {
	t.Helper()
	s, err := systemLibrary().establish()
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.release() }) // the daemon may have gone
	// The daemon may still be powering a card that was just put down.
	deadline := time.Now().Add(5 * time.Second)
	l, err := s.connect(reader, shareShared)
	for codeOf(err) == codeNoSmartcard && time.Now().Before(deadline) {
		states := []readerState{{name: reader, current: stateEmpty}}
		_ = s.statusChange(time.Second, states) // connect tells
		l, err = s.connect(reader, shareShared)
	}
	require.NoError(t, err)
	if transaction {
		require.NoError(t, l.beginTransaction())
	}
	return &Holder{session: s, link: l}
}

// Transmit sends a command past any Card.
func (h *Holder) Transmit(command []byte) ([]byte, error) { return h.link.transmit(command) }

// Features asks the reader's driver for its features, past any Card.
func (h *Holder) Features() ([]byte, error) { return h.link.control(SystemGetFeatures()) }

// SystemGetFeatures is the control code of CM_IOCTL_GET_FEATURE_REQUEST here.
func SystemGetFeatures() uint32 { return systemLibrary().getFeatures }

// Release gives the card back.
func (h *Holder) Release() error { return h.link.disconnect(leaveCard) }

// AtRest says whether a reader is empty and the daemon has seen it become so: it
// counts each insertion and each removal.
func AtRest(t testing.TB, reader int) bool {
	t.Helper()
	s, err := systemLibrary().establish()
	if codeOf(err) == codeNoService {
		return true
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, s.release()) }()
	states, err := listStates(s)
	require.NoError(t, err)
	if len(states) <= reader {
		return false
	}
	present, counter := states[reader].inserted()
	return !present && counter%2 == 0
}

// Classify is the mapping of errors from below.
func Classify(err error) error { return classify(err, "testing") }

// KnownCodes are the return codes that are told apart.
func KnownCodes() []ReturnCode {
	var codes []ReturnCode
	for code := range known {
		codes = append(codes, code)
	}
	return codes
}

// FakeReader is one reader of a FakeLibrary.
type FakeReader struct {
	Name  string
	Event uint32
	ATR   []byte
}

// FakeLibrary is a PC/SC library in memory, for what the virtual readers and this
// machine cannot do. Nil functions succeed and return nothing.
type FakeLibrary struct {
	Windows   bool
	Blocks    bool
	Establish func() error
	Readers   func() ([]FakeReader, error)
	Connect   func(reader string, share uint32) error
	Transmit  func(command []byte) ([]byte, error)
	Reconnect func() error
	Begin     func() error
	Control   func(code uint32) ([]byte, error)
}

// GetFeatures is the control code of CM_IOCTL_GET_FEATURE_REQUEST in a FakeLibrary.
const GetFeatures = 0x42000D48

func (f *FakeLibrary) library() library {
	return library{stopsWhenUnused: f.Windows, statusBlocks: f.Blocks, getFeatures: GetFeatures, establish: func() (session, error) {
		if f.Establish != nil {
			if err := f.Establish(); err != nil {
				return nil, err
			}
		}
		return fakeSession{f}, nil
	}}
}

// Wait is Wait through the fake library.
func (f *FakeLibrary) Wait(ctx context.Context, o WaitOptions) (*Card, error) {
	return wait(ctx, f.library(), o)
}

// Watch is Watch through the fake library.
func (f *FakeLibrary) Watch(ctx context.Context, again <-chan struct{}, observe func([]ReaderInfo, error)) {
	watch(ctx, f.library(), again, observe)
}

// List is Readers through the fake library.
func (f *FakeLibrary) List(ctx context.Context) ([]ReaderInfo, error) {
	return listReaders(ctx, f.library())
}

type fakeSession struct{ f *FakeLibrary }

func (s fakeSession) listReaders() ([]string, error) {
	readers, err := s.f.Readers()
	var names []string
	for _, r := range readers {
		names = append(names, r.Name)
	}
	return names, err
}

func (s fakeSession) statusChange(_ time.Duration, states []readerState) error {
	readers, err := s.f.Readers()
	if err != nil {
		return err
	}
	for i := range states {
		if states[i].name == newReader {
			continue
		}
		found := false
		for _, r := range readers {
			if r.Name == states[i].name {
				states[i].event, states[i].atr, found = r.Event, r.ATR, true
			}
		}
		if !found {
			return codeUnknownReader
		}
	}
	return nil
}

func (s fakeSession) connect(reader string, share uint32) (link, error) {
	if s.f.Connect != nil {
		if err := s.f.Connect(reader, share); err != nil {
			return nil, err
		}
	}
	return fakeLink(s), nil
}

func (s fakeSession) release() error { return nil }

type fakeLink struct{ f *FakeLibrary }

func (l fakeLink) transmit(command []byte) ([]byte, error) { return l.f.Transmit(command) }

func (l fakeLink) reconnect(uint32, uint32) error {
	if l.f.Reconnect != nil {
		return l.f.Reconnect()
	}
	return nil
}

func (l fakeLink) beginTransaction() error {
	if l.f.Begin != nil {
		return l.f.Begin()
	}
	return nil
}

func (l fakeLink) control(code uint32) ([]byte, error) {
	if l.f.Control != nil {
		return l.f.Control(code)
	}
	return nil, nil
}

func (l fakeLink) disconnect(uint32) error { return nil }
