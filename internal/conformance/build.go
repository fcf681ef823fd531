package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"passport-agent/icao/trust"
	"passport-agent/internal/conformance/edit"
	"passport-agent/virtual"
)

// builder makes documents. It keeps keys and generated files: a portrait is drawn
// once, a key is read once.
type builder struct {
	folder string

	mu    sync.Mutex
	keys  map[string]*key
	bases map[string]*virtual.Document
}

// made is a document that was made, and what its reader has.
type made struct {
	document *virtual.Document
	zone     string // of the data page
	store    *trust.Store
}

func (b *builder) build(s Specimen) (*made, error) {
	document, err := b.base(s)
	if err != nil {
		return nil, err
	}
	m := &made{document: document}
	if m.zone, err = document.MRZ(); err != nil {
		return nil, err
	}
	document.Zone = m.zone
	for file, content := range s.Content {
		document.Files[file] = content
	}
	document.Files[virtual.COM] = s.CommonData.file(document.Files)
	for file := range s.Files {
		if file == virtual.SOD || file == virtual.CardSecurity {
			continue
		}
		if err := s.edit(document, file); err != nil {
			return nil, err
		}
	}
	authority, signer, err := b.issuers(s)
	if err != nil {
		return nil, err
	}
	if document.Files[virtual.SOD], err = s.SOD.file(signer, document.Files); err != nil {
		return nil, err
	}
	if err := s.CardSecurity.signAgain(signer, document.Files); err != nil {
		return nil, err
	}
	for _, file := range []virtual.File{virtual.SOD, virtual.CardSecurity} {
		if err := s.edit(document, file); err != nil {
			return nil, err
		}
	}
	m.store, err = s.store(authority, signer)
	return m, err
}

// edit makes the edits of a file. One that is not there cannot be edited.
func (s Specimen) edit(document *virtual.Document, file virtual.File) error {
	edits := s.Files[file]
	if len(edits) == 0 {
		return nil
	}
	content, ok := document.Files[file]
	if !ok {
		return fmt.Errorf("no %s to edit", file)
	}
	changed, err := edit.Apply(content, edits)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	document.Files[file] = changed
	return nil
}

// base is a document with generated files, without EF.SOD.
func (b *builder) base(s Specimen) (*virtual.Document, error) {
	name, err := json.Marshal([]any{s.Holder, s.PACE, s.Picture, s.DG2Size, s.ChipAuthentication, s.ActiveAuthentication})
	if err != nil {
		return nil, err
	}
	portrait, err := b.portrait(s.Picture)
	if err != nil {
		return nil, err
	}
	active, err := b.activeAuthentication(s.ActiveAuthentication)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	base := b.bases[string(name)]
	if base == nil {
		// EF.SOD is made here; what stands in its place keeps virtual from signing one.
		base, err = virtual.Personalise(virtual.Options{
			Holder: s.Holder, Now: madeAt, Random: rand.NewChaCha8([32]byte{1}), Portrait: portrait, DG2Size: s.DG2Size,
			PACE: s.PACE.Offers, CAN: s.PACE.CAN, DG14: s.PACE.DG14, ChipAuthentication: s.ChipAuthentication, ActiveAuthentication: active,
			Files: map[virtual.File][]byte{virtual.SOD: {}},
		})
		if err != nil {
			return nil, err
		}
		if b.bases == nil {
			b.bases = map[string]*virtual.Document{}
		}
		b.bases[string(name)] = base
	}
	document := *base
	document.Files = maps.Clone(base.Files)
	delete(document.Files, virtual.SOD)
	return &document, nil
}

// portrait reads a picture of the suite, nil where none is named.
func (b *builder) portrait(name string) (*virtual.Portrait, error) {
	if name == "" {
		return nil, nil
	}
	picture, err := os.ReadFile(filepath.Join(b.folder, "pictures", filepath.Base(name)))
	if err != nil {
		return nil, err
	}
	return &virtual.Portrait{Picture: picture, Width: pictureWidth, Height: pictureHeight}, nil
}

// Size in pixels of the pictures of the suite.
const pictureWidth, pictureHeight = 24, 32

func (b *builder) key(name string) (*key, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if k := b.keys[name]; k != nil {
		return k, nil
	}
	k, err := loadKey(b.folder, name)
	if err != nil {
		return nil, err
	}
	if b.keys == nil {
		b.keys = map[string]*key{}
	}
	b.keys[name] = k
	return k, nil
}

// issuers makes the certificates of country signer and document signer.
func (b *builder) issuers(s Specimen) (authority, signer *issued, err error) {
	if authority, err = b.issueCountrySigner(s.CountrySigner); err != nil {
		return nil, nil, fmt.Errorf("country signer: %w", err)
	}
	if signer, err = b.issueSigner(s.Signer, authority, s.CountrySigner.Algorithm); err != nil {
		return nil, nil, fmt.Errorf("document signer: %w", err)
	}
	return authority, signer, nil
}

// groupTags are the tags of data groups 1 to 16 (Doc 9303-10, table 38).
var groupTags = [...]byte{0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70}

// file is EF.COM (Doc 9303-10, 4.6.1).
func (c CommonData) file(files map[virtual.File][]byte) []byte {
	groups := c.DataGroups
	for number := 1; len(c.DataGroups) == 0 && number <= len(groupTags); number++ {
		if _, ok := files[virtual.DataGroup(number)]; ok {
			groups = append(groups, number)
		}
	}
	tags := make([]byte, len(groups))
	for i, number := range groups {
		tags[i] = groupTags[number-1]
	}
	return element(0x60,
		element(0x5F01, []byte(cmp.Or(c.LDSVersion, "0107"))),
		element(0x5F36, []byte(cmp.Or(c.UnicodeVersion, "040000"))),
		element(0x5C, tags),
	)
}

// store is what the reader believes.
func (s Specimen) store(authority, signer *issued) (*trust.Store, error) {
	store := &trust.Store{}
	var files [][]byte
	if !s.Trust.WithoutCountrySigner {
		files = append(files, authority.der)
	}
	if s.Trust.Signer {
		files = append(files, signer.der)
	}
	if s.Trust.CRL {
		list, err := s.CRL.issue(authority, signer, s.CountrySigner.Algorithm)
		if err != nil {
			return nil, err
		}
		files = append(files, list)
	}
	for _, der := range files {
		if _, err := store.Import(der, trust.ImportOptions{Now: madeAt}); err != nil {
			return nil, err
		}
	}
	return store, nil
}
