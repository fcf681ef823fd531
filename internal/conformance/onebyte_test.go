package conformance

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/verdict"
	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// survivors are the places in which one byte may be another and the document is as
// good as before, with the reason. Everything else that is changed is found.
var survivors = []struct {
	file   lds.File
	path   string // tags from the outermost in, numbered from 0 where there are several
	masks  string // what may change in the byte
	reason string
}{
	// ContentInfo.content.signerInfos.sid.issuer: countryName, organizationName,
	// organizationalUnitName, commonName.
	{lds.SOD, "77/30/A0/30/31[1]/30/30[0]/30/31[0]/30/13", stringType + letterCase, nameReason},
	{lds.SOD, "77/30/A0/30/31[1]/30/30[0]/30/31[1]/30/0C", letterCase, nameReason},
	{lds.SOD, "77/30/A0/30/31[1]/30/30[0]/30/31[2]/30/0C", letterCase, nameReason},
	{lds.SOD, "77/30/A0/30/31[1]/30/30[0]/30/31[3]/30/0C", letterCase, nameReason},
}

const (
	letterCase = "\x20"
	stringType = "\x01" // PrintableString or NumericString
)

const nameReason = "the signer's name is not signed, it only finds the certificate; names are the same whatever their case and string type (RFC 5280, 7.1)"

// specimenFiles is a good document with who judges it.
type specimenFiles struct {
	files map[lds.File][]byte
	judge func(files map[lds.File][]byte) verdict.Result
}

func goodSpecimen(t *testing.T) specimenFiles {
	t.Helper()
	b := &builder{folder: filepath.Join(icaotest.Root(), "testdata", "conformance")}
	m, err := b.build(defaultSpecimen())
	require.NoError(t, err)
	zone, err := mrz.Parse(m.zone)
	require.NoError(t, err)
	key, err := zone.Key()
	require.NoError(t, err)
	return specimenFiles{
		files: map[lds.File][]byte{
			lds.COM: m.document.Files[virtual.COM], lds.SOD: m.document.Files[virtual.SOD],
			lds.DG1: m.document.Files[virtual.DataGroup(1)], lds.DG2: m.document.Files[virtual.DataGroup(2)],
		},
		judge: func(files map[lds.File][]byte) verdict.Result {
			d, err := lds.Parse(files)
			if err != nil {
				return verdict.Failed
			}
			return verdict.Judge(verdict.Input{
				Document: d, Protected: true, Key: key, Zone: zone, Profile: verdict.Strict, Trust: m.store, At: madeAt,
			}).Status
		},
	}
}

// A document in which one byte is another is never successful, at whatever byte of
// EF.COM, EF.SOD and DG1, and at every 61st of DG2: or the byte stands among the
// survivors. Nothing panics.
func TestOneChangedByteIsFound(t *testing.T) {
	s := goodSpecimen(t)
	require.Equal(t, verdict.Successful, s.judge(s.files))

	allBits := []byte{0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF}
	var everyValue []byte
	for mask := 1; mask < 256; mask++ {
		everyValue = append(everyValue, byte(mask))
	}
	used := map[int]bool{}
	for _, kind := range []struct {
		file  lds.File
		step  int
		masks []byte
	}{
		{lds.COM, 1, everyValue},
		{lds.DG1, 1, allBits},
		{lds.SOD, 1, []byte{0x01, 0x20, 0x40, 0x80}}, // number, case and constructed, class
		{lds.DG2, 61, []byte{0x01, 0xFF}},
	} {
		for _, change := range s.survivingChanges(kind.file, kind.step, kind.masks) {
			path := pathOf(s.files[kind.file], change.at)
			known := false
			for i, one := range survivors {
				if one.file == kind.file && strings.HasPrefix(path, one.path) && strings.IndexByte(one.masks, change.mask) >= 0 {
					used[i], known = true, true
				}
			}
			require.True(t, known, "%v, byte %d (%s) changed by %02X: the document stays successful", kind.file, change.at, path, change.mask)
		}
	}
	for i, one := range survivors {
		require.True(t, used[i], "%v %s is found after all", one.file, one.path)
		require.NotEmpty(t, one.reason)
	}
}

type change struct {
	at   int
	mask byte
}

// survivingChanges tries all changes of a file, on all processors.
func (s specimenFiles) survivingChanges(file lds.File, step int, masks []byte) []change {
	var mu sync.Mutex
	var found []change
	var group sync.WaitGroup
	work := make(chan change)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for c := range work {
				files := maps.Clone(s.files)
				files[file] = bytes.Clone(files[file])
				files[file][c.at] ^= c.mask
				if s.judge(files) != verdict.Successful {
					continue
				}
				mu.Lock()
				found = append(found, c)
				mu.Unlock()
			}
		})
	}
	for at := 0; at < len(s.files[file]); at += step {
		for _, mask := range masks {
			work <- change{at, mask}
		}
	}
	close(work)
	group.Wait()
	return found
}

// pathOf names the object in which a byte stands by the tags that lead to it.
func pathOf(b []byte, at int) string {
	var path []string
	for start := 0; ; {
		objects, err := iso7816.ParseTLVs(b)
		if err != nil {
			return strings.Join(path, "/")
		}
		var inside iso7816.TLV
		number, same := 0, 0
		for _, object := range objects {
			if at < start+len(object.Raw) {
				inside = object
				break
			}
			start += len(object.Raw)
		}
		for _, object := range objects {
			if object.Tag != inside.Tag {
				continue
			}
			if same++; &object.Raw[0] == &inside.Raw[0] {
				number = same - 1
			}
		}
		name := fmt.Sprintf("%02X", uint32(inside.Tag))
		if same > 1 {
			name = fmt.Sprintf("%s[%d]", name, number)
		}
		path = append(path, name)
		header := len(inside.Raw) - len(inside.Value)
		if at < start+header || !inside.Tag.Constructed() {
			return strings.Join(path, "/")
		}
		start += header
		b = inside.Value
	}
}
