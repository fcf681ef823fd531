package tap

import (
	"fmt"
	"strings"

	"passport-agent/icao"
	"passport-agent/icao/mrz"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
)

// AccessByZone returns what opens the document of a machine-readable zone, the zone,
// and warnings about it. Wrong check digits are found here, before the chip is tried:
// it fails with fault.MRZInvalid or fault.MRZCheckDigit.
func AccessByZone(text string) (icao.Access, *mrz.MRZ, []Warning, error) {
	zone, err := mrz.Parse(text)
	if err != nil {
		return icao.Access{}, nil, nil, err
	}
	if err := zone.Check(); err != nil {
		return icao.Access{}, nil, nil, err
	}
	var warnings []Warning
	if _, wrong := zone.Wrong(); len(wrong) > 0 {
		warnings = append(warnings, Warning{
			Name: "mrz_check_digit",
			Text: "the check digit of " + strings.Join(wrong, ", ") + " does not fit; the chip opens without it",
		})
	}
	key, err := zone.Key()
	return icao.Access{Key: key}, zone, warnings, err
}

// AccessByCAN returns what opens the document of a card access number: six digits on
// most documents (Doc 9303-4, 4.2.1.1.2). It fails with fault.MRZInvalid.
func AccessByCAN(text string) (icao.Access, error) {
	text = strings.TrimSpace(text)
	for _, c := range text {
		if c < '0' || c > '9' {
			return icao.Access{}, fault.New(fault.MRZInvalid, "a card access number has digits only", nil)
		}
	}
	if len(text) < 6 || len(text) > 12 {
		return icao.Access{}, fault.New(fault.MRZInvalid, fmt.Sprintf("a card access number has six digits, not %d", len(text)), nil)
	}
	return icao.Access{CAN: secret.NewText(text)}, nil
}
