package lds_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// fuzzFile lets the parser of a file see anything: it gives values or a code of reading,
// within the limits, and leaves the bytes as the chip sent them.
func fuzzFile(f *testing.F, parse func(t *testing.T, b []byte) error, codes ...fault.Code) {
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := bytes.Clone(b)
		fuzzlimit.Check(t, func() {
			if err := parse(t, b); err != nil {
				require.Contains(t, codes, fault.From(err).Code)
			}
		})
		require.True(t, bytes.Equal(kept, b))
	})
}

// requireOnce: what a file says a million times is told once.
func requireOnce(t *testing.T, warnings []lds.Warning) {
	seen := map[string]bool{}
	for _, w := range warnings {
		require.False(t, seen[w.Name], w.Name)
		require.NotEmpty(t, w.Name)
		require.LessOrEqual(t, len(w.Detail), 200)
		seen[w.Name] = true
	}
}

func FuzzParseCOM(f *testing.F) {
	f.Add(unhex(f, com))
	f.Add(unhex(f, "60145F0104303130385F36063034303030305C027577"))
	f.Add(unhex(f, "60055C0361617F"))
	fuzzFile(f, func(t *testing.T, b []byte) error {
		c, err := lds.ParseCOM(b)
		if err != nil {
			return err
		}
		requireOnce(t, c.Warnings)
		seen := map[int]bool{}
		for _, number := range c.DataGroups {
			require.True(t, number >= 1 && number <= 16 && !seen[number], "%d", number)
			seen[number] = true
		}
		require.Regexp(t, `^([0-9]{4})?$`, c.LDSVersion)
		require.Regexp(t, `^([0-9]{6})?$`, c.UnicodeVersion)
		return nil
	}, fault.FileMalformed)
}

func FuzzParseDG1(f *testing.F) {
	zone := "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"
	f.Add(iso7816.AppendTLV(nil, 0x61, iso7816.AppendTLV(nil, 0x5F1F, []byte(zone))))
	f.Add(iso7816.AppendTLV(nil, 0x61, iso7816.AppendTLV(nil, 0x5F1F, bytes.ToLower([]byte(zone)))))
	f.Add(iso7816.AppendTLV(nil, 0x61, iso7816.AppendTLV([]byte{0x04, 0x00}, 0x5F1F, bytes.Repeat([]byte{'<'}, 90))))
	fuzzFile(f, func(t *testing.T, b []byte) error {
		m, warnings, err := lds.ParseDG1(b)
		if err != nil {
			return err
		}
		requireOnce(t, warnings)
		_, err = m.Key()
		require.NoError(t, err)
		return nil
	}, fault.FileMalformed)
}

func FuzzParseDG2(f *testing.F) {
	for _, image := range [][]byte{jpeg, j2k, jp2, {1, 2, 3}} {
		f.Add(dg2Of(0x5F2E, faceRecord(2, image)))
		f.Add(dg2Of(0x5F2E, faceRecord(0, image, image), faceRecord(1, image)))
		// ISO/IEC 39794-5: representation blocks down to the picture.
		f.Add(dg2Of(0x7F2E, iso7816.AppendTLV(nil, 0x65, iso7816.AppendTLV(nil, 0xA0, iso7816.AppendTLV(
			iso7816.AppendTLV(nil, 0x80, []byte{3}), 0xA1, iso7816.AppendTLV(nil, 0x81, image))))))
	}
	f.Add(dg2Group([]byte{0x02, 1, 1, 0x7F, 0x60, 0}))
	fuzzFile(f, func(t *testing.T, b []byte) error {
		face, err := lds.ParseDG2(b)
		if err != nil {
			return err
		}
		requireOnce(t, face.Warnings)
		require.NotEmpty(t, face.Portraits)
		require.LessOrEqual(t, len(face.Portraits), 16)
		for _, p := range face.Portraits {
			require.True(t, bytes.Contains(b, p.Image), "a picture is a part of the file")
		}
		return nil
	}, fault.FileMalformed)
}

func FuzzParseSOD(f *testing.F) {
	fuzzFile(f, func(t *testing.T, b []byte) error {
		sod, err := lds.ParseSOD(b)
		if err != nil {
			return err
		}
		require.NotEmpty(t, sod.DataGroups)
		for number, digest := range sod.DataGroups {
			require.True(t, number >= 1 && number <= 16, "%d", number)
			require.Len(t, digest, sod.Hash.Size())
			require.True(t, bytes.Contains(sod.SignedData.Content, digest), "what is compared is what was signed")
		}
		return nil
	}, fault.FileMalformed, fault.UnsupportedAlgorithm)
}

// requireInfos: every entry is a part of the file, and is sorted in once at the most.
func requireInfos(t *testing.T, b []byte, s *lds.SecurityInfos) {
	require.LessOrEqual(t, len(s.All), 128)
	for _, info := range s.All {
		require.True(t, bytes.Contains(b, info.Raw))
	}
	sorted := len(s.PACE) + len(s.PACEDomainParameters) + len(s.ActiveAuthentication) + len(s.ChipAuthentication) + len(s.ChipAuthenticationPublicKeys) + len(s.TerminalAuthentication)
	require.LessOrEqual(t, sorted+len(s.Warnings), len(s.All))
	require.Empty(t, s.Missing(s))
	require.Subset(t, s.Missing(&lds.SecurityInfos{}), s.MissingPACE(&lds.SecurityInfos{}))
}

func FuzzParseCardAccess(f *testing.F) {
	f.Add(set(sequence(oidObject(bsi(4, 2, 2)), integer(2), integer(13))))
	f.Add(set(sequence(oidObject(bsi(4, 2, 2)), integer(2)), sequence(oidObject(bsi(4, 6, 4)), integer(2), integer(0xFF))))
	f.Add(set(sequence(oidObject(bsi(1, 2)), sequence(sequence(oidObject(bsi(1))), []byte{0x03, 2, 0, 4}))))
	f.Add(set(sequence(oidObject(bsi(2)), integer(1)), sequence(oidObject([]byte{0x67, 0x81, 0x08, 1, 1, 5}), integer(1), oidObject(bsi(1)))))
	fuzzFile(f, func(t *testing.T, b []byte) error {
		s, err := lds.ParseCardAccess(b)
		if err == nil {
			requireInfos(t, b, s)
		}
		return err
	}, fault.FileMalformed)
}

func FuzzParseDG14(f *testing.F) {
	f.Add(iso7816.AppendTLV(nil, 0x6E, set(sequence(oidObject(bsi(3, 2, 1)), integer(1), integer(0)))))
	fuzzFile(f, func(t *testing.T, b []byte) error {
		s, err := lds.ParseDG14(b)
		if err == nil {
			requireInfos(t, b, s)
		}
		return err
	}, fault.FileMalformed)
}

func FuzzParseCardSecurity(f *testing.F) {
	fuzzFile(f, func(t *testing.T, b []byte) error {
		s, err := lds.ParseCardSecurity(b)
		if err == nil {
			requireInfos(t, s.SignedData.Content, &s.SecurityInfos)
		}
		return err
	}, fault.FileMalformed)
}

func FuzzParseDG15(f *testing.F) {
	fuzzFile(f, func(t *testing.T, b []byte) error {
		key, err := lds.ParseDG15(b)
		if err != nil {
			return err
		}
		curve, point := key.EC()
		require.NotEqual(t, key.RSA() == nil, curve == nil, "one kind of key")
		if curve != nil {
			require.True(t, bytes.Contains(b, point.Encode()[1:]), "the point of the file")
		} else {
			require.LessOrEqual(t, key.RSA().N.BitLen(), 8192)
		}
		return nil
	}, fault.FileMalformed, fault.UnsupportedAlgorithm)
}

func FuzzParseATRInfo(f *testing.F) {
	f.Add(unhex(f, "8047010143018D7F6608020207E80202080043020102"))
	f.Add(unhex(f, "7F660A0203010000020301FFFF"))
	f.Add(unhex(f, "007F6604020002007F66"))
	fuzzFile(f, func(t *testing.T, b []byte) error {
		info := lds.ParseATRInfo(b)
		for _, size := range []int{info.MaxCommand, info.MaxResponse} {
			require.True(t, size >= 0 && size <= iso7816.MaxResponse, "%d", size)
		}
		return nil
	})
}

// A document of hostile files is put together, or refused; what is in it can be asked
// for.
func FuzzDocument(f *testing.F) {
	document, err := virtual.Personalise(virtual.Options{Files: map[virtual.File][]byte{virtual.DataGroup(2): dg2Of(0x5F2E, faceRecord(0, jpeg))}})
	require.NoError(f, err)
	good := map[lds.File][]byte{lds.COM: document.Files[virtual.COM], lds.SOD: document.Files[virtual.SOD], lds.DG1: document.Files["DG1"], lds.DG2: document.Files["DG2"]}
	for _, file := range append(lds.ReadOrder(), lds.Optional()...) {
		f.Add(uint16(file), good[file])
	}
	f.Fuzz(func(t *testing.T, file uint16, b []byte) {
		fuzzlimit.Check(t, func() {
			files := map[lds.File][]byte{lds.File(file): b}
			for name, content := range good {
				if name != lds.File(file) {
					files[name] = content
				}
			}
			d, err := lds.Parse(files)
			if err != nil {
				require.Equal(t, fault.ExitRead, fault.Lookup(fault.From(err).Code).Exit)
				return
			}
			for name, content := range d.Files {
				require.True(t, bytes.Equal(files[name], content))
				require.Len(t, d.Digest(name), d.SOD.Hash.Size())
			}
			for _, w := range d.Warnings() {
				require.NotEmpty(t, w.Name)
			}
		})
	})
}

// The largest file that is read (a megabyte) costs no more than another, whatever it is
// full of.
func TestLargestFilesCostLittle(t *testing.T) {
	fillings := map[string][]byte{
		"empty objects": {0x05, 0x00}, "long tags": {0x5F, 0x81, 0x01, 0x00},
		"biometric templates": {0x7F, 0x60, 0x00}, "biometric data": {0x7F, 0x60, 0x03, 0x7F, 0x2E, 0x00}, "sets": {0x31, 0x02, 0x30, 0x00},
		"long lengths": {0x04, 0x84, 0, 0, 0, 0}, "pieces": {0x24, 0x02, 0x04, 0x00}, "endless": {0x30, 0x80}, "endless strings": {0x24, 0x80},
		"pictures": append([]byte{0x04, 0x03}, jpeg[:3]...),
	}
	parsers := map[lds.File]func([]byte) error{
		lds.COM: func(b []byte) error { return second(lds.ParseCOM(b)) }, lds.SOD: func(b []byte) error { return second(lds.ParseSOD(b)) },
		lds.DG1: func(b []byte) error { _, _, err := lds.ParseDG1(b); return err }, lds.DG2: func(b []byte) error { return second(lds.ParseDG2(b)) },
		lds.DG14: func(b []byte) error { return second(lds.ParseDG14(b)) }, lds.DG15: func(b []byte) error { return second(lds.ParseDG15(b)) },
		lds.CardAccess: func(b []byte) error { return second(lds.ParseCardAccess(b)) }, lds.CardSecurity: func(b []byte) error { return second(lds.ParseCardSecurity(b)) },
		lds.ATRInfo: func(b []byte) error { lds.ParseATRInfo(b); return nil },
	}
	// The templates around what is hostile, outermost first.
	inside := map[lds.File][][]iso7816.Tag{
		lds.DG1: {{0x5F1F}}, lds.COM: {{0x5C}}, lds.DG2: {{0x7F61}, {0x7F61, 0x7F60}, {0x7F61, 0x7F60, 0x7F2E}, {0x7F61, 0x7F60, 0x5F2E}, {0x7F61, 0x7F60, 0xA1}},
		lds.SOD: {{0x30}}, lds.DG14: {{0x31}}, lds.DG15: {{0x30}},
	}
	const size = 1<<20 - 64
	for file, parse := range parsers {
		for name, filling := range fillings {
			content := bytes.Repeat(filling, size/len(filling))
			for _, tags := range append(inside[file], nil) {
				whole := content
				for i := len(tags) - 1; i >= 0; i-- {
					whole = iso7816.AppendTLV(nil, tags[i], whole)
				}
				if file.Tag() != 0 {
					whole = iso7816.AppendTLV(nil, file.Tag(), whole)
				}
				t.Run(file.String()+" of "+name, func(t *testing.T) {
					fuzzlimit.Check(t, func() {
						if err := parse(whole); err != nil {
							require.Equal(t, fault.ExitRead, fault.Lookup(fault.From(err).Code).Exit)
						}
					})
				})
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }
