package verdict

import (
	"strings"

	"passport-agent/icao/lds"
)

// Checks of conformity, one for each thing that can deviate. A deviation belongs to
// the check that its name begins with: com_lds_version to com_conformity.
var conformityChecks = []string{"sod", "signer", "country_signer", "com", "dg1", "dg2", "dg14", "dg15", "card_access", "card_security", "atr_info"}

// tolerated says why the profile Field lets a deviation pass, by its name. One that
// does not stand here fails in both profiles.
//
// What an issuer has signed and what changes nothing in what is compared, shown or
// sent is let pass where documents are known that have it.
var tolerated = map[string]string{
	"com_version_missing":   "EF.COM is not signed, and nothing is done by its version",
	"dg2_record_length":     "British passports state a length that is up to 8 bytes off",
	"dg2_face_length":       "British passports state a length that is up to 8 bytes off",
	"dg2_image_format":      "the picture is sent as it is; whether it can be shown is found out later",
	"sod_content_type":      "Belgian, French and early Dutch documents, Chinese ones with id-data",
	"sod_signer_identifier": "Ukrainian documents write the issuer otherwise than its certificate does",
}

const adviceDeviation = "Have the document examined; the chip does not hold what the standard asks for."

// conformity makes a check for each file and certificate at hand. present names those
// that are checked even where nothing deviates.
func (v *Verdict) conformity(profile Profile, present map[string]bool, deviations []lds.Warning) {
	minded := map[string][]string{}
	for _, w := range deviations {
		subject := subjectOf(w.Name)
		present[subject] = true
		if profile == Strict || tolerated[w.Name] == "" {
			text := w.Name
			if w.Detail != "" {
				text += " (" + w.Detail + ")"
			}
			minded[subject] = append(minded[subject], text)
		}
	}
	for _, subject := range conformityChecks {
		if !present[subject] {
			continue
		}
		c := Check{Group: GroupConformity, Name: subject + "_conformity", Result: Successful}
		if found := minded[subject]; len(found) > 0 {
			c.Result, c.Advice = Failed, adviceDeviation
			c.Reason = "deviates from the standard: " + strings.Join(found, ", ")
		}
		v.add(c)
	}
}

// subjectOf returns what a deviation is one of. A name that begins with nothing known
// counts against the security object, which is never left out.
func subjectOf(name string) string {
	for _, subject := range conformityChecks {
		if strings.HasPrefix(name, subject+"_") {
			return subject
		}
	}
	return conformityChecks[0]
}
