// Package verdict judges a document that has been read: a tree of checks with
// the results of BSI TR-03135-1, and an overall status. It reads nothing and
// asks nobody.
package verdict

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/trust"
)

// Result is the outcome of one check (TR-03135-1, 5.2).
type Result string

// The results of a check.
const (
	Successful   Result = "successful"
	Failed       Result = "failed"
	Undetermined Result = "undetermined"
	NotSupported Result = "not_supported"
)

// Groups of checks.
const (
	GroupAccess    = "access"
	GroupSOD       = "passive_authentication"
	GroupIntegrity = "data_integrity"
	GroupDocument  = "document"
	// GroupConformity is how files and certificates are written.
	GroupConformity = "conformity"
)

// Check is one check. Reason and Advice are for a person, empty where the check
// succeeded.
type Check struct {
	Group  string `json:"group"`
	Name   string `json:"name"`
	Result Result `json:"result"`
	Reason string `json:"reason,omitempty"`
	Advice string `json:"advice,omitempty"`
}

// Verdict is all checks and what they come to.
type Verdict struct {
	Status   Result
	Checks   []Check
	Warnings []lds.Warning
}

// Input is what a verdict rests on.
type Input struct {
	Document *lds.Document
	// Saved says that the files were read earlier: how the chip was opened then is
	// not known.
	Saved bool
	// Protected says whether access control was used to read it.
	Protected bool
	// Key is the access key that the document was opened with, empty without.
	Key mrz.Key
	// Zone is the machine-readable zone of the data page, where all of it is known.
	Zone *mrz.MRZ
	// Proof is what became of the ways in which the chip proves that it is no copy.
	Proof Proof
	// Profile says which deviations from the standard are minded; empty is Field.
	Profile Profile
	// Trust holds the country signers; nil is none.
	Trust *trust.Store
	// At is the date for which the document is judged.
	At time.Time
}

const adviceExamine = "Do not accept the document on the strength of its chip; have it examined."

// Judge makes the checks of a document.
func Judge(in Input) Verdict {
	v := Verdict{}
	v.access(in)
	signed := v.signature(in)
	v.comAgainstSOD(in.Document)
	for _, file := range []lds.File{lds.DG1, lds.DG2} {
		v.integrity(in.Document, file)
	}
	v.authenticity(in)
	v.zoneAgainstDG1(in)
	v.issuingState(in.Document, signed)
	v.expiry(in)
	v.conformity(in.Profile, present(in.Document, signed), v.deviations(in))
	v.defects(in, signed.Defects)
	v.Status = Overall(v.Checks)
	return v
}

// present names the files and certificates that are held against the standard.
func present(d *lds.Document, signed trust.Verification) map[string]bool {
	return map[string]bool{
		"sod": true, "signer": signed.Signer != nil, "country_signer": signed.CountrySigner != nil,
		"com": d.COM != nil, "dg1": d.MRZ != nil, "dg2": d.Face != nil,
		"dg14": d.DG14 != nil, "dg15": d.Files[lds.DG15] != nil, "card_access": d.CardAccess != nil, "card_security": d.CardSecurity != nil,
		"atr_info": d.ATRInfo != nil,
	}
}

func (v *Verdict) add(c Check) { v.Checks = append(v.Checks, c) }

func (v *Verdict) access(in Input) {
	c := Check{Group: GroupAccess, Name: "chip_access", Result: Successful}
	switch {
	case in.Saved:
		c.Result, c.Reason = NotSupported, "the files were read earlier; how the chip was opened is not known"
	case !in.Protected:
		c.Result, c.Reason = NotSupported, "the chip opens to everybody"
	}
	v.add(c)
}

// comAgainstSOD compares the data groups that EF.COM announces with those that
// the security object covers (TR-03135-1, check of EF.COM).
func (v *Verdict) comAgainstSOD(d *lds.Document) {
	c := Check{Group: GroupSOD, Name: "com_matches_sod", Result: Successful}
	switch {
	case d.COM == nil:
		c.Result, c.Reason = NotSupported, "the chip has no EF.COM"
		v.Warnings = append(v.Warnings, lds.Warning{Name: "com_missing"})
	case !sameGroups(d.COM.DataGroups, d.SOD.DataGroups):
		c.Result, c.Advice = Failed, adviceExamine
		c.Reason = "EF.COM and EF.SOD name different data groups"
	}
	v.add(c)
	if d.COM != nil && d.COM.LDSVersion != "" {
		v.ldsVersions(d.COM.LDSVersion, d.SOD)
	}
}

// ldsVersions compares the version that EF.COM states with that of the security object,
// whose version 0 is LDS 1.7 (Doc 9303-10, 4.6.2.3). A version that either should not
// state is warned of as such.
func (v *Verdict) ldsVersions(stated string, sod *lds.SecurityObject) {
	signed := sod.LDSVersion
	if sod.Version == 0 && signed == "" {
		signed = lds.Version17
	}
	known := []string{lds.Version17, lds.Version18}
	if stated != signed && slices.Contains(known, stated) && slices.Contains(known, signed) {
		v.Warnings = append(v.Warnings, lds.Warning{Name: "com_lds_version_differs", Detail: stated + ", in EF.SOD " + signed})
	}
}

func sameGroups(announced []int, covered map[int][]byte) bool {
	unique := slices.Compact(slices.Sorted(slices.Values(announced)))
	if len(unique) != len(covered) {
		return false
	}
	for _, number := range unique {
		if covered[number] == nil {
			return false
		}
	}
	return true
}

// integrity compares the hash of a file with the one in the security object
// (Doc 9303-11, 5.1.1, step 5).
func (v *Verdict) integrity(d *lds.Document, file lds.File) {
	number, _ := file.DataGroup()
	c := Check{Group: GroupIntegrity, Name: fmt.Sprintf("dg%d_hash", number), Result: Successful}
	switch want := d.SOD.DataGroups[number]; {
	case want == nil && d.COM != nil && slices.Contains(d.COM.DataGroups, number):
		// com_matches_sod fails for it: one fault, one failed check.
		c.Result, c.Reason = Undetermined, fmt.Sprintf("the security object has no hash of %v, which EF.COM announces", file)
	case want == nil:
		c.Result, c.Advice = Failed, adviceExamine
		c.Reason = fmt.Sprintf("the security object has no hash of %v", file)
	case !bytes.Equal(d.Digest(file), want):
		c.Result, c.Advice = Failed, adviceExamine
		c.Reason = fmt.Sprintf("%v is not the file that the issuer hashed", file)
	}
	v.add(c)
}

// zoneAgainstDG1 compares what was entered at the desk with what the chip holds.
func (v *Verdict) zoneAgainstDG1(in Input) {
	c := Check{Group: GroupDocument, Name: "mrz_matches_dg1", Result: Successful}
	chip, err := in.Document.MRZ.Key()
	var differences []string
	if in.Zone != nil {
		differences = in.Zone.Differences(in.Document.MRZ)
	}
	switch {
	case len(differences) > 0:
		c.Result, c.Advice = Failed, "Compare what was entered with the data page; if it was entered rightly, do not accept the document."
		c.Reason = "data page and DG1 differ in " + strings.Join(differences, ", ")
	case in.Zone != nil:
	case in.Key.Empty():
		c.Result, c.Reason = NotSupported, "no machine-readable zone was entered"
	case err != nil || chip.Information().Reveal() != in.Key.Information().Reveal():
		c.Result, c.Advice = Failed, adviceExamine
		c.Reason = "document number, birth date or expiry date differ between the data page and DG1"
	}
	v.add(c)
}

// issuingState compares the state that DG1 names with the country of the document signer
// (TR-03135-1, 5.6.4.5): one country's signature on another's passport is no proof of it.
func (v *Verdict) issuingState(d *lds.Document, signed trust.Verification) {
	c := Check{Group: GroupDocument, Name: "issuing_state_matches_signer", Result: Successful}
	state := mrz.Country(d.MRZ.IssuingState)
	switch {
	case signed.Signer == nil:
		c.Result, c.Reason = NotSupported, "there is no certificate to compare with"
	case state == "":
		c.Result, c.Reason = NotSupported, "no country code of certificates is known for the issuing state in DG1"
	case !strings.EqualFold(signerCountry(signed), state):
		c.Result, c.Advice = Failed, adviceExamine
		c.Reason = "the document signer belongs to another country than DG1 names"
	}
	v.add(c)
}

// signerCountry is the country of the signer's certificate, or what a defect list says
// that it should be (5.8.2.2.5).
func signerCountry(signed trust.Verification) string {
	for _, d := range signed.Defects {
		if d.Kind == trust.DefectIssuingCountry {
			return d.Country
		}
	}
	return signed.Signer.Subject.Country()
}

// expiry holds the printed expiry date against the date of the judgement. A date
// with unknown parts says nothing.
func (v *Verdict) expiry(in Input) {
	c := Check{Group: GroupDocument, Name: "document_expiry", Result: Successful}
	date := in.Document.MRZ.ExpiryDate.Expiry(in.At)
	switch {
	case date == "" || strings.Contains(date, "X"):
		c.Result, c.Reason = Undetermined, "DG1 names no complete expiry date"
		c.Advice = "Read the expiry date on the data page."
	case date < in.At.Format(time.DateOnly):
		c.Result, c.Reason = Failed, "the document has expired"
		c.Advice = "Ask for a valid document; the chip data may still be genuine."
	}
	v.add(c)
}

// Overall is failed if any check failed, and never better than its weakest part. Checks
// none of which applies come to NotSupported.
func Overall(checks []Check) Result {
	status := NotSupported
	for _, c := range checks {
		switch {
		case c.Result == Failed:
			return Failed
		case c.Result == Undetermined, c.Result == Successful && status == NotSupported:
			status = c.Result
		}
	}
	return status
}
