package queue

import (
	"fmt"

	"passport-agent/internal/fault"
	"passport-agent/upload"
)

// Plan is what an upload is to do, in this order: the session, the images, the chip
// data, the end of the session.
type Plan struct {
	// TransactionID is that of the reading.
	TransactionID string
	// SessionID is empty where a session is to be created when the upload is made.
	SessionID string
	Images    []Image
	// NFC is the chip data; the zero value is none.
	NFC upload.NFCDocuments
	// Submit ends the session when all is there.
	Submit bool
	// Verdict is what was found out about the document. It is kept with the plan and
	// never looked at.
	Verdict []byte

	// Hold keeps the item until it is asked for with Retry.
	Hold bool
	// Uncertain says that the plan's one medium was sent before and its answer lost, so
	// that the session's media list has to decide first.
	Uncertain bool
}

// Image is one picture. It is sent as it is.
type Image struct {
	Context string
	Content []byte
}

// Bounds on a plan; the service's own limits are lower and checked by its client.
const (
	maxImages     = 64
	maxFile       = 32 << 20 // bytes of one file
	maxVerdict    = 1 << 20  // bytes
	maxIdentifier = 256      // bytes of a session's or a transaction's id, or a context
)

func (p Plan) hasNFC() bool {
	return len(p.NFC.COM)+len(p.NFC.SOD)+len(p.NFC.DG1)+len(p.NFC.DG2) > 0
}

// media is how many media the plan sends.
func (p Plan) media() int {
	if p.hasNFC() {
		return len(p.Images) + 1
	}
	return len(p.Images)
}

func (p Plan) check() error {
	var why string
	switch {
	case len(p.Images) == 0 && !p.hasNFC():
		why = "it is empty"
	case len(p.Images) > maxImages:
		why = fmt.Sprintf("%d images, at most %d", len(p.Images), maxImages)
	case len(p.Verdict) > maxVerdict:
		why = fmt.Sprintf("a verdict of %d bytes, at most %d", len(p.Verdict), maxVerdict)
	case len(p.SessionID) > maxIdentifier || len(p.TransactionID) > maxIdentifier:
		why = fmt.Sprintf("an id is longer than %d bytes", maxIdentifier)
	case p.Uncertain && (p.SessionID == "" || p.media() != 1):
		why = "only one medium for a session can have been sent before"
	}
	if d := p.NFC; p.hasNFC() && (len(d.COM) == 0 || len(d.SOD) == 0 || len(d.DG1) == 0 || len(d.DG2) == 0) {
		return fault.New(fault.FileMissing, "", nil)
	}
	for _, f := range p.files() {
		if len(f.content) > maxFile {
			why = fmt.Sprintf("%s of %d bytes, at most %d", f.name, len(f.content), maxFile)
		}
	}
	for _, image := range p.Images {
		if len(image.Content) == 0 || image.Context == "" || len(image.Context) > maxIdentifier {
			why = "an image without content or context"
		}
	}
	if why != "" {
		return fault.New(fault.QueueItemInvalid, why, nil)
	}
	return nil
}

// planFile is a file of the sealed archive.
type planFile struct {
	name    string
	content []byte
}

// Names in the archive. Those of the chip's files are the ones of `read --out`.
const (
	planName    = "plan.json"
	verdictName = "report.json"
)

func imageName(n int) string { return fmt.Sprintf("image-%02d", n+1) }

// files returns everything in the archive but the plan itself, in the order in which
// it is sent.
func (p Plan) files() []planFile {
	var files []planFile
	for i, image := range p.Images {
		files = append(files, planFile{imageName(i), image.Content})
	}
	if p.hasNFC() {
		files = append(files,
			planFile{"EF.COM.bin", p.NFC.COM}, planFile{"EF.SOD.bin", p.NFC.SOD},
			planFile{"DG1.bin", p.NFC.DG1}, planFile{"DG2.bin", p.NFC.DG2})
	}
	if len(p.Verdict) > 0 {
		files = append(files, planFile{verdictName, p.Verdict})
	}
	return files
}
