package tap

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/upload"
)

// Schema names the shape of a Report. Fields may be added, none is renamed.
const Schema = "passport-agent/read/1"

// StatusAborted is the status of a tap that ended before a verdict.
const StatusAborted = "aborted"

// Report is what is said about one tap. It holds nothing personal but for
// Holder, which is filled only where the caller asks for it.
type Report struct {
	Schema        string `json:"schema"`
	TransactionID string `json:"transactionId"`
	Software      string `json:"software"`
	Profile       string `json:"profile"`
	Status        string `json:"status"`
	Reader        Reader `json:"reader"`
	Access        Access `json:"access"`
	// Authentication names the protocols by which the chip has proved that it is no copy.
	Authentication Authentication  `json:"authentication"`
	Files          map[string]File `json:"files"`
	Wire           Wire            `json:"wire"`
	Holder         *Holder         `json:"holder,omitempty"`
	TrustList      *TrustList      `json:"trustList"`
	Checks         []verdict.Check `json:"checks"`
	Warnings       []Warning       `json:"warnings"`
	Upload         Upload          `json:"upload"`
	// Portrait is what became of the portrait, where it was to be sent as a picture.
	Portrait *Upload `json:"portrait,omitempty"`
	Error    *Error  `json:"error"`
}

// Reader is the reader that was used. ExtendedLength is nil where reader and
// driver say nothing about it.
type Reader struct {
	Name           string `json:"name"`
	ExtendedLength *bool  `json:"extendedLength"`
}

// Access is how the chip was opened.
type Access struct {
	Protocol string `json:"protocol"`
	Cipher   string `json:"cipher"`
}

// Authentication is how a chip has proved that it is no copy; empty where it has not.
type Authentication struct {
	Chip    string `json:"chip"`    // such as "CA-ECDH-AES-128"
	Active  string `json:"active"`  // such as "RSA 1024, SHA-1"
	Mapping string `json:"mapping"` // "PACE-ECDH-CAM"
}

func authenticationOf(proof verdict.Proof) Authentication {
	protocol := func(a verdict.Attempt) string {
		if a.Outcome != verdict.Proved {
			return ""
		}
		return a.Protocol
	}
	return Authentication{protocol(proof.ChipAuthentication), protocol(proof.ActiveAuthentication), protocol(proof.Mapping)}
}

// File is a file that was read: its size in bytes and its SHA-256.
type File struct {
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// Wire is what went over the reader, APDUs and their bytes, and how long it took.
type Wire struct {
	Commands      int     `json:"commands"`
	SentBytes     int     `json:"sentBytes"`
	ReceivedBytes int     `json:"receivedBytes"`
	Seconds       float64 `json:"seconds"`
}

// TrustList is the store of country signers that a verdict rests on. Date is that of
// its newest master list, empty where only single certificates were imported.
type TrustList struct {
	Date           string `json:"date"`
	Signers        int    `json:"signers"`
	DefectListDate string `json:"defectListDate,omitempty"` // of the newest defect list
}

// Warning is a deviation that kept nothing from being done.
type Warning struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Holder is what DG1 says. It is personal data.
type Holder struct {
	// Proved is true where the issuer's signature covers what follows. Whose signature
	// it is, the checks say.
	Proved              bool   `json:"proved"`
	DocumentCode        string `json:"documentCode"`
	IssuingState        string `json:"issuingState"`
	DocumentNumber      string `json:"documentNumber"`
	PrimaryIdentifier   string `json:"primaryIdentifier"`
	SecondaryIdentifier string `json:"secondaryIdentifier"`
	Nationality         string `json:"nationality"`
	BirthDate           string `json:"birthDate"` // YYYY-MM-DD, XX for what is not known
	Sex                 string `json:"sex"`
	ExpiryDate          string `json:"expiryDate"`
	OptionalData        string `json:"optionalData,omitempty"`
}

// States of an upload.
const (
	UploadNone      = "none"
	UploadAccepted  = "accepted"
	UploadUncertain = "uncertain" // it may or may not have arrived
	UploadRefused   = "refused"   // for good, by the service or here
	UploadFailed    = "failed"    // not possible now, nothing kept
	UploadQueued    = "queued"    // kept for later
)

// Upload is what became of the upload.
type Upload struct {
	State     string `json:"state"`
	SessionID string `json:"sessionId,omitempty"`
	Item      string `json:"item,omitempty"` // of the queue
	Held      bool   `json:"held,omitempty"` // in the queue, until it is let go
	MediaID   string `json:"mediaId,omitempty"`
	Size      int64  `json:"size,omitempty"` // as the service states it, in bytes
	MIMEType  string `json:"mimetype,omitempty"`
}

// Error is what kept a tap from succeeding.
type Error struct {
	Code       fault.Code `json:"code"`
	Message    string     `json:"message"`
	Advice     string     `json:"advice"`
	StatusWord string     `json:"statusWord,omitempty"`
	HTTPStatus int        `json:"httpStatus,omitempty"`
}

// ErrorOf describes an error; nil for none.
func ErrorOf(err error) *Error {
	f := fault.From(err)
	if f == nil {
		return nil
	}
	e := &Error{Code: f.Code, Message: f.Error(), Advice: fault.Lookup(f.Code).NextStep}
	var sw iso7816.StatusWord
	if errors.As(err, &sw) {
		e.StatusWord = fmt.Sprintf("%04X", uint16(sw))
	}
	var api *upload.APIError
	if errors.As(err, &api) {
		e.HTTPStatus = api.HTTPStatus
	}
	return e
}

func filesOf(d *lds.Document) map[string]File {
	files := map[string]File{}
	for file, b := range d.Files {
		digest := sha256.Sum256(b)
		files[file.String()] = File{Size: len(b), SHA256: hex.EncodeToString(digest[:])}
	}
	return files
}

// ShowHolder puts what a machine-readable zone says into the report, with the centuries
// that make sense now.
func (r *Report) ShowHolder(m *mrz.MRZ, now time.Time) {
	r.Holder = &Holder{
		Proved:       r.succeeded("sod_signature") && r.succeeded("dg1_hash"),
		DocumentCode: m.DocumentCode, IssuingState: m.IssuingState, DocumentNumber: m.DocumentNumber,
		PrimaryIdentifier: m.PrimaryIdentifier, SecondaryIdentifier: m.SecondaryIdentifier,
		Nationality: m.Nationality, BirthDate: m.BirthDate.Birth(now), Sex: m.Sex,
		ExpiryDate: m.ExpiryDate.Expiry(now), OptionalData: m.OptionalData,
	}
}

// PortraitProved reports whether the issuer's signature covers the portrait. Nobody
// decodes or shows it before.
func (r *Report) PortraitProved() bool {
	return r.succeeded("sod_signature") && r.succeeded("dg2_hash")
}

func (r *Report) succeeded(check string) bool {
	return slices.ContainsFunc(r.Checks, func(c verdict.Check) bool { return c.Name == check && c.Result == verdict.Successful })
}
