package tap

import (
	"encoding/hex"
	"encoding/json"
	"regexp"
	"time"

	"passport-agent/icao"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
)

// EvidenceSchema names the shape of Evidence in JSON.
const EvidenceSchema = "passport-agent/evidence/1"

// Evidence is what is left of a chip's proof that it is no copy. Active Authentication
// can be checked again with the document's files. What proved the chip to the reader
// alone is attested: said by this program, and no more. The zero value is none.
type Evidence struct {
	Schema               string           `json:"schema"`
	ActiveAuthentication *ActiveSignature `json:"activeAuthentication,omitempty"`
	Attested             []Attestation    `json:"attested"`
}

// ActiveSignature is a chip's signature over a challenge of the reader, in hexadecimal
// digits.
type ActiveSignature struct {
	Challenge string `json:"challenge"`
	Signature string `json:"signature"`
}

// Attestation says that a check was successful when the chip was there.
type Attestation struct {
	Check    string    `json:"check"`
	Protocol string    `json:"protocol"`
	Time     time.Time `json:"time"`
}

// Names of the checks that are attested.
const (
	checkChipAuthentication = "chip_authentication"
	checkMapping            = "pace_chip_authentication_mapping"
)

func evidenceOf(session *icao.Session, now time.Time) Evidence {
	e := Evidence{Schema: EvidenceSchema, Attested: []Attestation{}}
	if kept := session.Evidence(); kept.Signature != nil {
		e.ActiveAuthentication = &ActiveSignature{hex.EncodeToString(kept.Challenge), hex.EncodeToString(kept.Signature)}
	}
	proof := session.Proof()
	for _, one := range []struct {
		check   string
		attempt verdict.Attempt
	}{{checkChipAuthentication, proof.ChipAuthentication}, {checkMapping, proof.Mapping}} {
		if one.attempt.Outcome == verdict.Proved {
			e.Attested = append(e.Attested, Attestation{one.check, one.attempt.Protocol, now.UTC().Truncate(time.Second)})
		}
	}
	return e
}

var newerEvidence = regexp.MustCompile(`^passport-agent/evidence/([2-9]|[1-9][0-9]+)$`)

// ParseEvidence reads what json.Marshal made of Evidence. It fails with
// fault.EvidenceMalformed or fault.FileNewer.
func ParseEvidence(b []byte) (Evidence, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return Evidence{}, fault.New(fault.EvidenceMalformed, "", err)
	}
	if newerEvidence.MatchString(head.Schema) {
		return Evidence{}, fault.New(fault.FileNewer, "evidence.json", nil)
	}
	if head.Schema != EvidenceSchema {
		return Evidence{}, fault.New(fault.EvidenceMalformed, "its schema is not "+EvidenceSchema, nil)
	}
	var e Evidence
	if err := json.Unmarshal(b, &e); err != nil {
		return Evidence{}, fault.New(fault.EvidenceMalformed, "", err)
	}
	if _, err := e.active(); err != nil {
		return Evidence{}, fault.New(fault.EvidenceMalformed, "", err)
	}
	return e, nil
}

func (e Evidence) active() (icao.Evidence, error) {
	if e.ActiveAuthentication == nil {
		return icao.Evidence{}, nil
	}
	challenge, err := hex.DecodeString(e.ActiveAuthentication.Challenge)
	if err != nil {
		return icao.Evidence{}, err
	}
	signature, err := hex.DecodeString(e.ActiveAuthentication.Signature)
	return icao.Evidence{Challenge: challenge, Signature: signature}, err
}

// attested returns when a check was successful, and by which protocol.
func (e Evidence) attested(check string) (Attestation, bool) {
	for _, a := range e.Attested {
		if a.Check == check {
			return a, true
		}
	}
	return Attestation{}, false
}
