package virtual

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"
)

// Format is the size of a document, which gives the layout of its
// machine-readable zone.
type Format string

// Document sizes (Doc 9303-3, 3): TD1 and TD2 are cards, TD3 is the passport.
const (
	TD1 Format = "TD1"
	TD2 Format = "TD2"
	TD3 Format = "TD3"
)

// Holder is what the machine-readable zone says about a document and its holder.
type Holder struct {
	Format         Format
	DocumentCode   string // "P", "ID"; one or two capital letters
	Issuer         string // one to three capital letters, as in the zone
	Nationality    string
	Surname        string // written out; transliterated for the zone
	GivenNames     string
	DocumentNumber string // TD3: at most 9 characters; TD1 and TD2 may have more
	BirthDate      string // YYMMDD; unknown parts are fillers
	Sex            string // "F", "M", or "X" and "" for unspecified
	ExpiryDate     string // YYMMDD
	Optional       string // TD3: personal number, 14; TD2: 7; TD1: 15 characters
	Optional2      string // TD1: 11 characters
}

// ErrHolder says which field of a holder cannot stand in a machine-readable
// zone. It never holds the field's value.
var ErrHolder = errors.New("holder cannot be written")

// DefaultHolder returns the specimen of Doc 9303 with a passport that expires
// five years after now.
func DefaultHolder(now time.Time) Holder {
	return Holder{
		Format: TD3, DocumentCode: "P", Issuer: "UTO", Nationality: "UTO",
		Surname: "Eriksson", GivenNames: "Anna Maria", DocumentNumber: "L898902C3",
		BirthDate: "740812", Sex: "F", ExpiryDate: now.AddDate(5, 0, 0).Format("060102"),
		Optional: "ZE184226B",
	}
}

// RandomHolder invents a holder of a valid document of Utopia in one of the
// three formats.
func RandomHolder(random *rand.Rand, now time.Time) Holder {
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	h := Holder{
		Format: Format(pick(string(TD1), string(TD2), string(TD3))), DocumentCode: "I", Issuer: "UTO", Nationality: "UTO",
		Surname:        randomName(random),
		GivenNames:     randomName(random) + pick("", " "+randomName(random)),
		BirthDate:      now.AddDate(-18-random.IntN(70), 0, -random.IntN(365)).Format("060102"),
		Sex:            pick("F", "M", "X"),
		ExpiryDate:     now.AddDate(1+random.IntN(8), 0, random.IntN(365)).Format("060102"),
		Optional:       pick("", randomNumber(random, 3)),
		Optional2:      pick("", randomNumber(random, 7)),
		DocumentNumber: randomNumber(random, 6+random.IntN(4)),
	}
	switch h.Format {
	case TD3:
		h.DocumentCode, h.Optional2 = "P", ""
	case TD2:
		h.Optional2 = ""
	case TD1:
		if random.IntN(2) == 0 {
			h.DocumentNumber = randomNumber(random, 10+random.IntN(4))
			h.Optional = ""
		}
	}
	return h
}

func randomName(random *rand.Rand) string {
	var name strings.Builder
	for range 2 + random.IntN(3) {
		name.WriteByte("BDFGHKLMNPRSTVZ"[random.IntN(15)])
		name.WriteByte("AEIOU"[random.IntN(5)])
	}
	return name.String()
}

func randomNumber(random *rand.Rand, length int) string {
	const alphabet = "0123456789CFGHJKLMNPRTVWXYZ"
	number := make([]byte, length)
	for i := range number {
		number[i] = alphabet[random.IntN(len(alphabet))]
	}
	return string(number)
}

var (
	codePattern   = regexp.MustCompile(`^[A-Z][A-Z]?$`)
	statePattern  = regexp.MustCompile(`^[A-Z]{1,3}$`)
	fieldPattern  = regexp.MustCompile(`^[A-Z0-9<]*$`)
	numberPattern = regexp.MustCompile(`^[A-Z0-9][A-Z0-9<]*$`)
	datePattern   = regexp.MustCompile(`^[0-9<]{6}$`)
	expiryPattern = regexp.MustCompile(`^[0-9]{6}$`)
	sexPattern    = regexp.MustCompile(`^[FMX]?$`)
)

// check says whether every field fits the zone of the format.
func (h Holder) check() error {
	numberWidth, optionalWidth, optional2Width := 9, 14, 0
	switch h.Format {
	case TD1:
		// The rest of a long number, its check digit and a filler share the
		// optional data.
		numberWidth, optionalWidth, optional2Width = 9+13, 15, 11
	case TD2:
		numberWidth, optionalWidth = 9+5, 7
	case TD3:
	default:
		return fmt.Errorf("%w: format", ErrHolder)
	}
	overflow := ""
	if len(h.DocumentNumber) > 9 {
		_, overflow = h.number()
	}
	for _, field := range []struct {
		name    string
		value   string
		pattern *regexp.Regexp
		width   int
	}{
		{"document code", h.DocumentCode, codePattern, 2},
		{"issuer", h.Issuer, statePattern, 3},
		{"nationality", h.Nationality, statePattern, 3},
		{"document number", h.DocumentNumber, numberPattern, numberWidth},
		{"date of birth", h.BirthDate, datePattern, 6},
		{"sex", h.Sex, sexPattern, 1},
		{"date of expiry", h.ExpiryDate, expiryPattern, 6},
		{"optional data", overflow + h.Optional, fieldPattern, optionalWidth},
		{"second optional data", h.Optional2, fieldPattern, optional2Width},
		{"surname", transliterate(h.Surname), numberPattern, 1 << 10},
		{"given names", transliterate(h.GivenNames), fieldPattern, 1 << 10},
	} {
		if len(field.value) > field.width || !field.pattern.MatchString(field.value) {
			return fmt.Errorf("%w: %s", ErrHolder, field.name)
		}
	}
	return nil
}

// transliterations are those of Doc 9303-3, 6, A for letters that are common in
// Europe; what is not here and no Latin letter makes a name unwritable.
var transliterations = strings.NewReplacer(
	"À", "A", "Á", "A", "Â", "A", "Ã", "A", "Ä", "AE", "Å", "AA", "Æ", "AE", "Ą", "A", "Ă", "A", "Ā", "A",
	"Ç", "C", "Ć", "C", "Č", "C", "Ð", "D", "Ď", "D", "Đ", "D",
	"È", "E", "É", "E", "Ê", "E", "Ë", "E", "Ę", "E", "Ě", "E", "Ē", "E", "Ė", "E",
	"Ğ", "G", "Ģ", "G", "Ì", "I", "Í", "I", "Î", "I", "Ï", "I", "İ", "I", "ı", "I", "Ī", "I", "Į", "I",
	"Ķ", "K", "Ł", "L", "Ļ", "L", "Ľ", "L", "Ñ", "N", "Ń", "N", "Ň", "N", "Ņ", "N",
	"Ò", "O", "Ó", "O", "Ô", "O", "Õ", "O", "Ö", "OE", "Ø", "OE", "Ő", "O", "Œ", "OE",
	"Ř", "R", "Ś", "S", "Š", "S", "Ş", "S", "ß", "SS", "ẞ", "SS", "Þ", "TH", "Ť", "T", "Ţ", "T",
	"Ù", "U", "Ú", "U", "Û", "U", "Ü", "UE", "Ů", "U", "Ű", "U", "Ū", "U", "Ų", "U",
	"Ý", "Y", "Ÿ", "Y", "Ź", "Z", "Ż", "Z", "Ž", "Z",
	"'", "", "’", "", ".", "", ",", "", "-", filler, " ", filler,
)

// transliterate writes a name as it stands in the zone.
func transliterate(name string) string {
	return transliterations.Replace(strings.ToUpper(strings.Join(strings.Fields(name), " ")))
}
