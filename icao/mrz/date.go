package mrz

import (
	"strconv"
	"time"
)

// Date is a date as printed: YYMMDD, with fillers in place of parts that are not
// known (Doc 9303-3, 4.8).
type Date string

// Valid reports whether the date has six characters, each pair digits or
// fillers, and month and day that exist.
func (d Date) Valid() bool {
	if !d.syntax() {
		return false
	}
	year, _, _ := d.part(0)
	month, monthKnown, _ := d.part(2)
	day, dayKnown, _ := d.part(4)
	if monthKnown && (month < 1 || month > 12) || dayKnown && (day < 1 || day > 31) {
		return false
	}
	if !monthKnown || !dayKnown {
		return true
	}
	// 2000 is a leap year: the century is not printed, so 29 February passes
	// where the two digits of the year allow it, or where there are none.
	date := time.Date(2000+year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return date.Day() == day
}

// syntax reports whether the date has six characters, each pair digits or fillers.
func (d Date) syntax() bool {
	if len(d) != 6 {
		return false
	}
	for at := 0; at < len(d); at += 2 {
		if _, _, ok := d.part(at); !ok {
			return false
		}
	}
	return true
}

// part returns two digits; known is false where they are fillers.
func (d Date) part(at int) (value int, known, ok bool) {
	pair := string(d[at : at+2])
	if pair == "<<" {
		return 0, false, true
	}
	for i := range 2 {
		if pair[i] < '0' || pair[i] > '9' {
			return 0, false, false
		}
	}
	value, err := strconv.Atoi(pair)
	return value, true, err == nil
}

// Birth returns a birth date with its century, YYYY-MM-DD: the latest one that
// does not lie after now. Unknown parts are XX, an unknown year XXXX.
func (d Date) Birth(now time.Time) string {
	return d.format(func(year int) int {
		full := now.Year() - now.Year()%100 + year
		text := d.withYear(full)
		if text > now.Format(time.DateOnly) {
			return full - 100
		}
		return full
	})
}

// Expiry returns an expiry date with its century, YYYY-MM-DD: the one nearest to
// now. Unknown parts are XX.
func (d Date) Expiry(now time.Time) string {
	return d.format(func(year int) int {
		full := now.Year() - now.Year()%100 + year
		switch {
		case full-now.Year() > 50:
			return full - 100
		case now.Year()-full > 50:
			return full + 100
		default:
			return full
		}
	})
}

func (d Date) format(century func(year int) int) string {
	if !d.Valid() {
		return ""
	}
	year, known, _ := d.part(0)
	if !known {
		return "XXXX" + d.withYear(0)[4:]
	}
	return d.withYear(century(year))
}

func (d Date) withYear(year int) string {
	month, day := string(d[2:4]), string(d[4:6])
	if month == "<<" {
		month = "XX"
	}
	if day == "<<" {
		day = "XX"
	}
	text := strconv.Itoa(year)
	for len(text) < 4 {
		text = "0" + text
	}
	return text + "-" + month + "-" + day
}
