package verdict

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"passport-agent/icao/lds"
	"passport-agent/icao/trust"
)

// defects lets what the defect lists know about the document signer count, as TR-03135-1,
// 5.8.2 says; the numbers below are its clauses. What it has to do with which certificate
// verifies (5.8.2.1.2, 5.8.2.2.4, 5.8.2.2.5) is done when it is verified.
func (v *Verdict) defects(in Input, known []trust.Defect) {
	for _, d := range known {
		v.Warnings = append(v.Warnings, lds.Warning{Name: "defect_" + string(d.Kind), Detail: describe(d)})
		switch d.Kind {
		case trust.DefectSignerRevoked: // 5.8.2.1.1
			v.signerRevoked(d)
		case trust.DefectChipAuthentication: // 5.8.2.1.3
			v.change(Failed, "the defect list says that the keys of these chips are compromised", anyResult, chipAuthentication, mapping)
		case trust.DefectActiveAuthentication: // 5.8.2.1.4
			v.change(Failed, "the defect list says that the keys of these chips are compromised", anyResult, activeAuthentication)
		case trust.DefectProtocol: // 5.8.2.1.5
			v.change(Undetermined, "the defect list says that these chips do this wrongly", Failed, protocols(d.Status)...)
		case trust.DefectValidity: // 5.6.4.3.4 with 5.8.2.1.6
			v.change(NotSupported, "the defect list says that the dates of this certificate are wrong", anyResult, validities(d.Status)...)
		case trust.DefectDataGroup: // 5.8.2.2.1
			for _, number := range d.DataGroups {
				v.change(NotSupported, "the defect list says that the issuer has written this file wrongly", Failed, fmt.Sprintf("dg%d_conformity", number))
			}
		case trust.DefectSecurityObject: // 5.8.2.2.2
			v.change(Undetermined, "the defect list says that the issuer has made EF.SOD wrongly", Failed, "sod_signature", "sod_conformity")
		case trust.DefectCOMDiffers: // 5.8.2.2.3
			v.comDiffers(in.Document, d)
		case trust.DefectCardSecurity: // 5.8.2.3.1
			v.change(Undetermined, "the defect list says that the issuer has made EF.CardSecurity wrongly", Failed, cardSecurity...)
		case trust.DefectSignerMalformed: // 5.8.2.3.4
			v.change(Undetermined, "the defect list says that the signer's certificate is malformed", anyResult, signerChecks...)
			v.change(Undetermined, "the defect list says that the signer's certificate is malformed", Failed, "sod_signature", "signer_conformity")
		case trust.DefectCountrySignerMalformed:
			v.change(Undetermined, "the defect list says that the country signer's certificate is malformed", anyResult, "signer_trusted", "country_signer_validity")
			v.change(Undetermined, "the defect list says that the country signer's certificate is malformed", Failed, "country_signer_conformity")
		case trust.DefectUnknownDocument: // TR-03129-2, 8.3.3
			v.proveNothing("the defect list knows of a defect that the agent does not know")
		}
	}
}

// anyResult stands for every result that says something.
const anyResult Result = ""

// Checks that defects are about, by name. Some are made only where the chip has what
// they check.
var (
	cardSecurity = []string{cardSecuritySignature, "card_security_conformity"}
	signerChecks = []string{"signer_trusted", "signer_validity", "signer_key_usage", "signer_country"}
)

// change gives checks another result: those that have the result asked for, or say
// anything at all.
func (v *Verdict) change(to Result, reason string, from Result, names ...string) {
	for i := range v.Checks {
		c := &v.Checks[i]
		if !slices.Contains(names, c.Name) || c.Result == to || c.Result == NotSupported || from != anyResult && c.Result != from {
			continue
		}
		c.Result, c.Reason, c.Advice = to, reason, ""
		if to == Failed {
			c.Advice = adviceExamine
		}
	}
}

// signerRevoked: the trust status by status code (table 5.54). Status codes that are
// not in the table are not known to mean anything good.
func (v *Verdict) signerRevoked(d trust.Defect) {
	result, reason := Undetermined, "a defect list says that the document signer is under investigation"
	switch d.Status {
	case trust.RevokedNoIndication, trust.RevokedTesting, trust.RevokedByIssuer, trust.RevokedByPublisher:
		result, reason = Failed, "a defect list says that the document signer is revoked"
	}
	for i := range v.Checks {
		c := &v.Checks[i]
		if c.Name != "signer_revocation" && c.Name != "signer_trusted" || c.Result == Failed {
			continue
		}
		c.Result, c.Reason, c.Advice = result, reason, ""
		if result == Failed {
			c.Advice = adviceExamine
		}
	}
	v.proveNothing(reason)
}

// proveNothing: hashes that agree were signed by somebody who is not to be believed.
func (v *Verdict) proveNothing(reason string) {
	v.change(Undetermined, reason, Successful, "signer_trusted")
	for i := range v.Checks {
		c := &v.Checks[i]
		if c.Group == GroupIntegrity && c.Result == Successful {
			c.Result, c.Reason = Undetermined, reason+"; its hash proves nothing"
		}
	}
}

func protocols(status int) []string {
	var names []string
	switch status {
	case trust.ProtocolCA, trust.ProtocolCAAA, trust.ProtocolCACAM, trust.ProtocolCAAACAM:
		names = append(names, chipAuthentication)
	}
	switch status {
	case trust.ProtocolAA, trust.ProtocolCAAA, trust.ProtocolAACAM, trust.ProtocolCAAACAM:
		names = append(names, activeAuthentication)
	}
	switch status {
	case trust.ProtocolCAM, trust.ProtocolCACAM, trust.ProtocolAACAM, trust.ProtocolCAAACAM:
		names = append(names, mapping)
	}
	return names
}

func validities(status int) []string {
	switch status {
	case trust.ValidityCountrySigner:
		return []string{"country_signer_validity"}
	case trust.ValiditySigner:
		return []string{"signer_validity"}
	case trust.ValidityBoth:
		return []string{"signer_validity", "country_signer_validity"}
	default:
		return nil
	}
}

// comDiffers excuses the difference that the list describes and no other one: what
// EF.COM announces can be verified where EF.SOD covers it.
func (v *Verdict) comDiffers(d *lds.Document, defect trust.Defect) {
	if d.COM == nil {
		return
	}
	announced := slices.Compact(slices.Sorted(slices.Values(d.COM.DataGroups)))
	var covered []int
	for number := range d.SOD.DataGroups {
		covered = append(covered, number)
	}
	slices.Sort(covered)
	if !defect.Generic && (!slices.Equal(announced, defect.InCOM) || !slices.Equal(covered, defect.InSOD)) {
		return
	}
	for _, number := range announced {
		if !slices.Contains(covered, number) {
			v.change(Undetermined, "the defect list says that EF.COM and EF.SOD differ; EF.SOD does not cover all that EF.COM announces", Failed, "com_matches_sod")
			return
		}
	}
	for i := range v.Checks {
		if c := &v.Checks[i]; c.Name == "com_matches_sod" && c.Result == Failed {
			c.Result, c.Reason, c.Advice = Successful, "", ""
		}
	}
}

// describe says which list knows what.
func describe(d trust.Defect) string {
	text := "known to the defect list of " + d.Publisher + " of " + d.Date.Format(time.DateOnly)
	if d.Status >= 0 {
		text += ", status " + strconv.Itoa(d.Status)
	}
	if len(d.DataGroups) > 0 {
		text += ", data groups " + strings.Trim(fmt.Sprint(d.DataGroups), "[]")
	}
	if d.Country != "" {
		text += ", the country is " + d.Country
	}
	return text
}
