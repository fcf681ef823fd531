package icao

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"passport-agent/internal/fault"
	"passport-agent/internal/format"
)

// Bounds on what is remembered.
const (
	maxModels    = 256
	modelLife    = 30 * 24 * time.Hour
	leastBlock   = 96 // bytes; no honest chip has been seen to give less
	longestATR   = 33
	leastSize    = 256
	largestSize  = 65538
	formatMemory = 1
)

// Model is what was learned about a kind of chip by reading one: how it likes to
// be asked, nothing about the document. A wrong Model costs commands, never a
// document, and never the protocol: whether a chip offers PACE is asked anew each
// time.
type Model struct {
	// NoSFI: files have to be selected.
	NoSFI bool `json:"noSFI,omitempty"`
	// Block is the most plain bytes that a short read gives; 0 is what fits.
	Block int `json:"block,omitempty"`
	// HeaderFirst: the chip refuses to be asked for more than a file holds.
	HeaderFirst bool `json:"headerFirst,omitempty"`
	// NoExtended: extended length was refused.
	NoExtended bool `json:"noExtended,omitempty"`
	// MaxResponse is the longest response in bytes that EF.ATR/INFO states; 0 is
	// not known.
	MaxResponse int `json:"maxResponse,omitempty"`
}

// Memory remembers chip models by their answer to reset, at most 256 of them, each
// for at most 30 days. It may be used by several readers at once. The zero value
// is empty and works.
type Memory struct {
	mu     sync.Mutex
	models map[string]remembered
	now    func() time.Time
}

type remembered struct {
	Model   Model     `json:"model"`
	Learned time.Time `json:"learned"`
}

// NewMemory returns an empty memory with a clock of its own; nil is time.Now.
func NewMemory(now func() time.Time) *Memory { return &Memory{now: now} }

func (m *Memory) clock() time.Time {
	if m.now == nil {
		return time.Now()
	}
	return m.now()
}

// Recall returns what is known about chips with this answer to reset.
func (m *Memory) Recall(atr []byte) (Model, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.models[hex.EncodeToString(atr)]
	if !ok || m.expired(r) {
		return Model{}, false
	}
	return r.Model, true
}

// Learn remembers a model after a complete reading. What no honest chip does is
// not believed, so that a hostile one cannot slow down others of its kind for long.
func (m *Memory) Learn(atr []byte, model Model) {
	if len(atr) == 0 || len(atr) > longestATR {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(hex.EncodeToString(atr), remembered{sane(model), m.clock()})
}

func sane(model Model) Model {
	if model.Block != 0 && !slices.Contains(ladder[:], model.Block) || model.Block < leastBlock {
		model.Block = 0
	}
	if model.MaxResponse < leastSize || model.MaxResponse > largestSize {
		model.MaxResponse = 0
	}
	return model
}

func (m *Memory) put(key string, r remembered) {
	if m.models == nil {
		m.models = map[string]remembered{}
	}
	if _, known := m.models[key]; !known && len(m.models) >= maxModels {
		m.forgetOldest()
	}
	m.models[key] = r
}

func (m *Memory) forgetOldest() {
	var oldest string
	for key, r := range m.models {
		if oldest == "" || r.Learned.Before(m.models[oldest].Learned) {
			oldest = key
		}
	}
	delete(m.models, oldest)
}

// expired also forgets what was learned in the future: the clock has been set back.
func (m *Memory) expired(r remembered) bool {
	age := m.clock().Sub(r.Learned)
	return age > modelLife || age < -time.Hour
}

type memoryFile struct {
	Version int                   `json:"version"`
	Models  map[string]remembered `json:"models"`
}

// MarshalJSON writes what is not expired.
func (m *Memory) MarshalJSON() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	file := memoryFile{Version: formatMemory, Models: map[string]remembered{}}
	for key, r := range m.models {
		if !m.expired(r) {
			file.Models[key] = r
		}
	}
	return json.Marshal(file)
}

// UnmarshalJSON takes what MarshalJSON has written. Entries that make no sense are left
// out: everything in it can be learned again. It fails with fault.FileNewer for what a
// newer version of the program has written.
func (m *Memory) UnmarshalJSON(b []byte) error {
	var file memoryFile
	if _, err := format.Version(b, formatMemory); errors.Is(err, format.ErrNewer) {
		return fault.New(fault.FileNewer, "", nil)
	} else if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &file); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, r := range file.Models {
		if atr, err := hex.DecodeString(key); err != nil || len(atr) == 0 || len(atr) > longestATR || m.expired(r) {
			continue
		}
		r.Model = sane(r.Model)
		m.put(key, r)
	}
	return nil
}
