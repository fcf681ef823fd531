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
	"com_lds_version":             versionUnused,
	"com_lds_version_missing":     versionUnused,
	"com_unicode_version":         versionUnused,
	"com_unicode_version_missing": versionUnused,

	// A wrong check digit, a date that is none, a void name are not here: where the
	// country signer is not at hand they are what gives a made-up zone away.
	"dg1_issuing_state_unknown":             codeUnknown,
	"dg1_nationality_unknown":               codeUnknown,
	"dg1_nationality_missing":               "travel documents of refugees and stateless persons may leave it out (Doc 9303-4, 4.2.2.2, note o)",
	"dg1_name_primary_missing":              nameShown,
	"dg1_name_fillers":                      nameShown,
	"dg1_sex_x":                             "the data page has X for 'unspecified', and the zone means the same",
	"dg1_expiry_date_unknown":               "the check of the expiry says that the date is not complete",
	"dg1_optional_data_check_digit_missing": "a digit that is not there says nothing about what the issuer put in for itself",

	"dg2_instances":                    templatesCounted,
	"dg2_instances_missing":            templatesCounted,
	"dg2_header_missing":               formatSeen,
	"dg2_format_owner":                 formatSeen,
	"dg2_format_owner_missing":         formatSeen,
	"dg2_format_type":                  formatSeen,
	"dg2_format_type_missing":          formatSeen,
	"dg2_biometric_type_deprecated":    "still a face",
	"dg2_record_length":                "British passports state a length that is up to 8 bytes off",
	"dg2_face_length":                  "British passports state a length that is up to 8 bytes off",
	"dg2_image_format":                 "the picture is sent as it is; whether it can be shown is found out later",
	"dg2_image_data_type":              pictureCounts,
	"dg2_image_size":                   pictureCounts,
	"dg2_face_image_type":              pictureCounts,
	"dg2_gender":                       pictureCounts,
	"dg2_eye_colour":                   pictureCounts,
	"dg2_hair_colour":                  pictureCounts,
	"dg2_feature_point":                pictureCounts,
	"dg2_pose_angle_yaw":               pictureCounts,
	"dg2_pose_angle_pitch":             pictureCounts,
	"dg2_pose_angle_roll":              pictureCounts,
	"dg2_pose_angle_uncertainty_yaw":   pictureCounts,
	"dg2_pose_angle_uncertainty_pitch": pictureCounts,
	"dg2_pose_angle_uncertainty_roll":  pictureCounts,

	"com_lds_version_differs": versionUnused,
	"com_missing":             "EF.SOD lists the data groups, and is signed; an upload needs the file and is refused without",

	"dg14_security_info_malformed":            "an entry that cannot be read is not used",
	"dg14_chip_authentication_info_missing":   "French documents have a key alone and mean 3DES",
	"dg14_active_authentication_info_missing": "documents from before it was asked for; the signature itself tells its hash",
	"dg14_active_authentication_hash":         "early documents sign with SHA-1; a hash longer than the key is cut, as ECDSA has it",
	"dg15_signature_der":                      "chips that sign in the form of X9.62",
	"atr_info_length_information":             "a chip whose sizes are not known is read in short commands",
	"card_access_security_info_malformed":     "an entry that cannot be read is not used",
	"card_security_security_info_malformed":   "an entry that cannot be read is not used",

	"sod_content_type":      "Belgian, French and early Dutch documents, Chinese ones with id-data",
	"sod_signer_identifier": "Ukrainian documents write the issuer otherwise than its certificate does",

	"sod_version":                 numberUnused,
	"sod_signer_info_version":     numberUnused,
	"sod_security_object_version": numberUnused,
	"sod_lds_version":             numberUnused,
	"sod_digest_algorithms":       "nothing is computed by this list: the signer names its own digest",
	"sod_signer_digest_algorithm": signatureUnknown,
	"sod_signature_algorithm":     signatureUnknown,

	"signer_certificate_malformed": "the signature is not proved by what cannot be read; another certificate may prove it",
	"signer_version":               numberUnused,
	"signer_serial_number":         nameCompared,
	"signer_issuer_name":           nameCompared,
	"signer_subject_name":          nameCompared,
	"signer_issuer_differs":        "authorities have changed their names; the key that the certificate names has signed it",
	"signer_validity_form":         timeReadable,
	"signer_signature_algorithm":   signatureUnknown,
	"signer_signature_parameters":  "they may be left out in one of two places; the outer ones are used",
	"signer_public_key":            signatureUnknown,
	"signer_authority_key_id":      "earlier profiles had it optional; the issuer is found by its name",
	"signer_key_usage_critical":    "what the key is for is looked at, critical or not",

	"country_signer_version":             countryTrusted,
	"country_signer_serial_number":       countryTrusted,
	"country_signer_issuer_name":         countryTrusted,
	"country_signer_subject_name":        countryTrusted,
	"country_signer_validity_form":       countryTrusted,
	"country_signer_signature_algorithm": countryTrusted,
	"country_signer_key_usage":           countryTrusted,
	"country_signer_basic_constraints":   countryTrusted,
	"country_signer_subject_key_id":      countryTrusted,
}

// Reasons that several deviations share.
const (
	numberUnused     = "nothing is read otherwise for this number"
	nameCompared     = "states write names and numbers so; they are compared however they are written"
	timeReadable     = "states write times so; what they mean is clear"
	signatureUnknown = "nothing can be verified with it, and the check that needs it says so"
	countryTrusted   = "a person or a signed list vouches for the certificate as it is"
	versionUnused    = "EF.COM is not signed, and nothing is done by its versions"
	codeUnknown      = "codes are given out faster than programs are renewed; the code is shown and compared as it stands"
	nameShown        = "fillers only divide a name; the same words are shown and compared"
	templatesCounted = "the templates that are there are looked at, whatever number is announced"
	formatSeen       = "what the block holds is seen from the block itself"
	pictureCounts    = "the picture is what is looked at and sent; nothing is done by what the record says about it"
)

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
