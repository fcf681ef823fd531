package verdict

import (
	"bytes"
	"fmt"
	"slices"

	"passport-agent/icao/lds"
	"passport-agent/icao/trust"
)

// GroupAuthenticity is whether the chip is the one that the issuer made, and no copy.
const GroupAuthenticity = "chip_authenticity"

// Checks by which a chip is told from its copy, and what they rest on.
const (
	chipAuthentication    = "chip_authentication"
	activeAuthentication  = "active_authentication"
	mapping               = "pace_chip_authentication_mapping"
	cardSecuritySignature = "card_security_signature"
)

// Proof is what became of the ways in which a chip proves that it is no copy. The zero
// value says that none was tried.
type Proof struct {
	ChipAuthentication   Attempt
	ActiveAuthentication Attempt
	Mapping              Attempt // PACE with Chip Authentication Mapping
	// Asked says that the chip was asked for DG14 and DG15 as far as EF.SOD lists
	// them, and for EF.CardAccess where AskedAccess is true as well.
	Asked       bool
	AskedAccess bool
	// Deviations from the standard that were met on the way.
	Deviations []lds.Warning
}

// Attempt is what became of one way.
type Attempt struct {
	Outcome Outcome
	// Protocol names what was run, such as "CA-ECDH-AES-128" or "RSA 1024, SHA-1".
	Protocol string
	// Detail is what else is known, such as a status word.
	Detail string
}

// Outcome says how an attempt ended.
type Outcome string

// Outcomes. The empty value: the document does not offer it.
const (
	NotOffered     Outcome = ""
	Proved         Outcome = "proved"
	WrongAnswer    Outcome = "wrong_answer"     // the chip does not have the private key
	RefusedByChip  Outcome = "refused"          // the chip refuses to prove it
	KeyMalformed   Outcome = "key_malformed"    // the files offer it in a way that cannot be
	NotKnown       Outcome = "not_known"        // the agent does not know key or protocol
	ReaderTooShort Outcome = "reader_too_short" // the reader cannot pass what is needed
	NotCovered     Outcome = "not_covered"      // the key is in a file that the issuer did not sign
	LeftOut        Outcome = "left_out"         // on request
	NotNeeded      Outcome = "not_needed"       // another way has proved the same
	Attested       Outcome = "attested"         // it was proved to the reader then, to nobody else
	NoEvidence     Outcome = "no_evidence"      // nothing was kept that could be checked again
)

// outcomes says what an outcome means to a person.
var outcomes = map[Outcome]struct {
	result         Result
	reason, advice string
}{
	NotOffered:     {NotSupported, "the document does not offer it", ""},
	Proved:         {Successful, "", ""},
	WrongAnswer:    {Failed, "the chip does not have the private key that the issuer gave to it: it may be a copy", adviceExamine},
	RefusedByChip:  {Failed, "the document offers it, and the chip refuses", adviceExamine},
	KeyMalformed:   {Failed, "what the document offers cannot be used", adviceExamine},
	NotKnown:       {Undetermined, "the chip uses a key or protocol that the agent does not know", "Check for a newer version of the agent; report the document type."},
	ReaderTooShort: {Undetermined, "the reader cannot pass commands of the length that is needed", "Use a reader with extended length."},
	NotCovered:     {NotSupported, "the issuer's signature does not cover the chip's key, so that it proves nothing", ""},
	LeftOut:        {NotSupported, "left out on request", ""},
	NotNeeded:      {NotSupported, "PACE has proved the same already", ""},
	Attested:       {NotSupported, "it proved the chip to the reader then, and leaves nothing that could be checked again", ""},
	NoEvidence:     {NotSupported, "nothing was kept that could be checked again", ""},
}

// authenticity makes the checks of the chip.
func (v *Verdict) authenticity(in Input) {
	v.attempt(chipAuthentication, in.Proof.ChipAuthentication)
	v.attempt(activeAuthentication, in.Proof.ActiveAuthentication)
	v.attempt(mapping, in.Proof.Mapping)
	v.signedInfos(in)
	v.cardSecurity(in)
	for _, file := range []lds.File{lds.DG14, lds.DG15} {
		v.optionalIntegrity(in, file)
	}
	v.Warnings = append(v.Warnings, in.Proof.Deviations...)
}

// deviations are those of files and certificates. An entry of DG14 that keeps Chip
// Authentication from being run has failed its check already.
func (v *Verdict) deviations(in Input) []lds.Warning {
	all := append(in.Document.Warnings(), v.Warnings...)
	if in.Proof.ChipAuthentication.Outcome != KeyMalformed {
		return all
	}
	return slices.DeleteFunc(all, func(w lds.Warning) bool { return w.Name == "dg14_security_info_malformed" })
}

func (v *Verdict) attempt(name string, a Attempt) {
	known, ok := outcomes[a.Outcome]
	if !ok {
		known = outcomes[NotKnown]
	}
	c := Check{Group: GroupAuthenticity, Name: name, Result: known.result, Reason: known.reason, Advice: known.advice}
	if c.Reason != "" && a.Detail != "" {
		c.Reason += " (" + a.Detail + ")"
	}
	v.add(c)
}

const adviceLowered = "Do not trust what was read over this connection; read the document again on another reader, and have it examined if it stays so."

// signedInfos holds EF.CardAccess, which nobody signs, against DG14, which the issuer
// has signed (Doc 9303-11, 9.2.11): entries that were added, changed or, of PACE, taken
// away would have the reader run a weaker protocol.
func (v *Verdict) signedInfos(in Input) {
	c := Check{Group: GroupAuthenticity, Name: "security_infos_match_dg14", Result: NotSupported}
	d := in.Document
	switch {
	case d.DG14 == nil || !covered(d, lds.DG14):
		c.Reason = "there is no signed DG14 to compare with"
	case d.CardAccess == nil && in.Proof.AskedAccess && len(d.DG14.PACE) > 0:
		c.Result, c.Advice = Undetermined, adviceLowered
		c.Reason = "DG14 offers PACE, and the chip shows no EF.CardAccess"
	case d.CardAccess == nil:
		c.Reason = "EF.CardAccess was not read"
	default:
		compareInfos(&c, d.CardAccess.Missing(d.DG14), d.DG14.MissingPACE(d.CardAccess), "DG14")
	}
	v.add(c)
}

// cardSecurity does the same with EF.CardSecurity, and checks who signed it. More
// entries than in EF.CardAccess are in order there.
func (v *Verdict) cardSecurity(in Input) {
	c := Check{Group: GroupAuthenticity, Name: "security_infos_match_card_security", Result: NotSupported}
	d := in.Document
	switch {
	case d.CardSecurity == nil:
		c.Reason = "no EF.CardSecurity was read"
	case d.CardAccess == nil:
		c.Reason = "EF.CardAccess was not read"
	default:
		compareInfos(&c, d.CardAccess.Missing(&d.CardSecurity.SecurityInfos), nil, "EF.CardSecurity")
	}
	v.add(c)
	if d.CardSecurity != nil {
		v.add(cardSecuritySigner(in))
	}
}

func compareInfos(c *Check, missing, hidden []lds.SecurityInfo, file string) {
	c.Result = Successful
	switch {
	case len(missing) > 0:
		c.Reason = fmt.Sprintf("EF.CardAccess offers %d protocols that %s does not have: the unsigned file was changed", len(missing), file)
	case len(hidden) > 0:
		c.Reason = fmt.Sprintf("EF.CardAccess lacks %d ways of PACE that %s has: the unsigned file was changed", len(hidden), file)
	default:
		return
	}
	c.Result, c.Advice = Failed, adviceLowered
}

// cardSecuritySigner checks signature and path of EF.CardSecurity as those of EF.SOD,
// in one check: its worst finding counts.
func cardSecuritySigner(in Input) Check {
	store := in.Trust
	if store == nil {
		store = &trust.Store{}
	}
	best := Check{Result: Failed}
	for i, verification := range store.Verify(in.Document.CardSecurity.SignedData, in.At) {
		worst := Check{Result: Successful}
		for _, f := range verification.Findings {
			if c := checkOf(f); rank(c.Result) < rank(worst.Result) && c.Result != NotSupported {
				worst = c
			}
		}
		if i == 0 || rank(worst.Result) > rank(best.Result) {
			best = worst
		}
	}
	best.Group, best.Name = GroupAuthenticity, cardSecuritySignature
	if best.Reason != "" {
		best.Reason = "EF.CardSecurity: " + best.Reason
	}
	if best.Result == Undetermined {
		best.Advice = "" // what is missing, the checks of EF.SOD miss as well, and say so
	}
	return best
}

// covered reports whether a data group is the file that the issuer hashed.
func covered(d *lds.Document, file lds.File) bool {
	number, _ := file.DataGroup()
	want := d.SOD.DataGroups[number]
	return want != nil && d.Files[file] != nil && bytes.Equal(d.Digest(file), want)
}

// optionalIntegrity compares the hash of DG14 or DG15. A chip that does not give what
// its security object lists is a copy of which a part was left out.
func (v *Verdict) optionalIntegrity(in Input, file lds.File) {
	d := in.Document
	number, _ := file.DataGroup()
	listed, given := d.SOD.DataGroups[number] != nil, d.Files[file] != nil
	c := Check{Group: GroupIntegrity, Name: fmt.Sprintf("dg%d_hash", number), Result: NotSupported}
	switch {
	case listed && given:
		v.integrity(d, file)
		return
	case given:
		c.Reason = fmt.Sprintf("the security object has no hash of %v: it proves nothing", file)
	case listed && in.Proof.Asked:
		c.Result, c.Advice = Failed, adviceExamine
		c.Reason = fmt.Sprintf("EF.SOD lists %v, and the chip does not give it: a part of the document was left out", file)
	case listed:
		c.Reason = fmt.Sprintf("%v was not read", file)
	default:
		return
	}
	v.add(c)
}
