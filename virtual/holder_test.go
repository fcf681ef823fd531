package virtual_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
	"passport-agent/virtual"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// unsigned saves the time of drawing and signing.
var unsigned = map[virtual.File][]byte{virtual.DataGroup(2): {0x75, 0x00}, virtual.SOD: {0x77, 0x00}}

// zoneOf personalises a holder and reads the zone back.
func zoneOf(t *testing.T, h virtual.Holder) (*virtual.Document, string) {
	t.Helper()
	document, err := virtual.Personalise(virtual.Options{Holder: h, Now: now, Files: unsigned})
	require.NoError(t, err)
	zone, err := document.MRZ()
	require.NoError(t, err)
	return document, zone
}

// The specimens of Doc 9303-4, -5 and -6 and the long numbers of 9303-11, D.2.
// Those that the vectors mark as having a wrong composite digit are only used
// for the key information.
func TestZonesOfTheSpecimens(t *testing.T) {
	var samples []struct {
		Format      virtual.Format
		MRZ         string
		Information string `json:"mrz_information"`
		CompositeOK bool   `json:"composite_ok"`
	}
	icaotest.Load(t, "mrz_samples", &samples)
	require.Len(t, samples, 8)
	anna := virtual.Holder{Nationality: "UTO", Surname: "Eriksson", GivenNames: "Anna Maria", BirthDate: "740812", Sex: "F", ExpiryDate: "120415", Issuer: "UTO"}
	peter := virtual.Holder{Nationality: "UTO", Surname: "Stevenson", GivenNames: "Peter John", BirthDate: "340712", Sex: "M", ExpiryDate: "950712", Issuer: "UTO"}
	erika := virtual.Holder{Nationality: "D", Surname: "Mustermann", GivenNames: "Erika", BirthDate: "960812", Sex: "F", ExpiryDate: "231031", Issuer: "D"}
	holders := map[string]virtual.Holder{}
	for _, h := range []struct {
		virtual.Holder
		code, number, optional string
		format                 virtual.Format
	}{
		{anna, "P", "L898902C3", "ZE184226B", virtual.TD3},
		{anna, "I", "D23145890", "", virtual.TD2},
		{anna, "I", "D23145890", "", virtual.TD1},
		{peter, "I", "D23145890734", "", virtual.TD2},
		{peter, "I", "D23145890734", "", virtual.TD1},
		{erika, "P", "C11T002JM", "", virtual.TD3},
	} {
		holder := h.Holder
		holder.DocumentCode, holder.DocumentNumber, holder.Optional, holder.Format = h.code, h.number, h.optional, h.format
		document, zone := zoneOf(t, holder)
		holders[zone] = holder
		information, err := document.MRZInformation()
		require.NoError(t, err)
		found := false
		for _, s := range samples {
			if s.MRZ == zone {
				found = true
				require.Equal(t, s.Information, information)
			}
		}
		require.True(t, found, "%s of %s is not a specimen", h.format, h.number)
	}
	require.Len(t, holders, 6)
	for _, s := range samples {
		document := &virtual.Document{Files: map[virtual.File][]byte{virtual.DataGroup(1): dg1Of(s.MRZ)}}
		information, err := document.MRZInformation()
		require.NoError(t, err)
		require.Equal(t, s.Information, information, "%s", s.Format)
	}
}

func TestNamesAreWrittenInTheZone(t *testing.T) {
	h := virtual.DefaultHolder(now)
	for _, c := range []struct{ surname, given, want string }{
		{"Müller-Lüdenscheid", "Jörg", "MUELLER<LUEDENSCHEID<<JOERG"},
		{"O’Connor", "Seán  Óg", "OCONNOR<<SEAN<OG"},
		{"Groß", "Łukasz Ørsted", "GROSS<<LUKASZ<OERSTED"},
		{"Arkfreith", "", "ARKFREITH"},
		{"Nilavadhanananda", "Chayapa Dejthamrong Krasuang", "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"},
	} {
		h.Surname, h.GivenNames = c.surname, c.given
		_, zone := zoneOf(t, h)
		require.Equal(t, c.want+strings.Repeat("<", 39-len(c.want)), zone[5:44])
	}
}

func TestHolderThatCannotBeWritten(t *testing.T) {
	for name, change := range map[string]func(*virtual.Holder){
		"format":               func(h *virtual.Holder) { h.Format = "TD4" },
		"document code":        func(h *virtual.Holder) { h.DocumentCode = "p" },
		"issuer":               func(h *virtual.Holder) { h.Issuer = "UTOP" },
		"nationality":          func(h *virtual.Holder) { h.Nationality = "" },
		"document number":      func(h *virtual.Holder) { h.DocumentNumber = "1234567890" },
		"date of birth":        func(h *virtual.Holder) { h.BirthDate = "19740812" },
		"sex":                  func(h *virtual.Holder) { h.Sex = "U" },
		"date of expiry":       func(h *virtual.Holder) { h.ExpiryDate = "31<<<<" },
		"optional data":        func(h *virtual.Holder) { h.Optional = "123456789012345" },
		"second optional data": func(h *virtual.Holder) { h.Optional2 = "1" },
		"surname":              func(h *virtual.Holder) { h.Surname = "Ерикссон" },
		"given names":          func(h *virtual.Holder) { h.GivenNames = "Анна" },
	} {
		h := virtual.DefaultHolder(now)
		change(&h)
		_, err := virtual.Personalise(virtual.Options{Holder: h})
		require.ErrorIs(t, err, virtual.ErrHolder)
		require.EqualError(t, err, virtual.ErrHolder.Error()+": "+name)
	}
	long := virtual.DefaultHolder(now)
	long.Format, long.DocumentNumber, long.Optional = virtual.TD2, "12345678901234", "1"
	_, err := virtual.Personalise(virtual.Options{Holder: long})
	require.EqualError(t, err, virtual.ErrHolder.Error()+": optional data", "the number has taken the room")
	foreign := virtual.DefaultHolder(now)
	foreign.Issuer = "XOM"
	_, err = virtual.Personalise(virtual.Options{Holder: foreign})
	require.ErrorIs(t, err, virtual.ErrHolder, "no two-letter code is known")
	_, err = virtual.Personalise(virtual.Options{Holder: foreign, Country: "XO"})
	require.NoError(t, err)
}

func TestDefaultHolderIsNotExpired(t *testing.T) {
	h := virtual.DefaultHolder(now)
	require.Equal(t, "310501", h.ExpiryDate)
	_, zone := zoneOf(t, h)
	require.Equal(t, "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F310501", zone[:71])
}

// Every invented holder has a document of its format, unexpired, that opens its
// own chip.
func TestRandomHolders(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	lengths := map[virtual.Format]int{virtual.TD1: 90, virtual.TD2: 72, virtual.TD3: 88}
	characters := regexp.MustCompile(`^[A-Z0-9<]+$`)
	formats, long := map[virtual.Format]bool{}, false
	for range 60 {
		h := virtual.RandomHolder(random, now)
		document, zone := zoneOf(t, h)
		require.Len(t, zone, lengths[h.Format])
		require.Regexp(t, characters, zone)
		require.Greater(t, h.ExpiryDate, now.Format("060102"))
		information, err := document.MRZInformation()
		require.NoError(t, err)
		require.Contains(t, information, h.BirthDate)
		require.True(t, strings.HasPrefix(information, h.DocumentNumber))
		formats[h.Format], long = true, long || len(h.DocumentNumber) > 9
	}
	require.Len(t, formats, 3)
	require.True(t, long)
}
