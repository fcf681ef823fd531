package queue

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"passport-agent/internal/fault"
	"passport-agent/internal/format"
	"passport-agent/upload"
)

// formatPlan is the version of plan.json.
const formatPlan = 1

// maxPlan is the longest plan.json that is read, in bytes.
const maxPlan = 64 << 10

// planHead is plan.json, the first file of the sealed archive. The archive is a tar
// file, so that `age -d -i KEY ITEM.age | tar x` opens an item without this program.
type planHead struct {
	Version       int      `json:"version"`
	TransactionID string   `json:"transactionId,omitempty"`
	SessionID     string   `json:"sessionId,omitempty"`
	Images        []string `json:"images"` // their contexts, in the order of the files
	NFC           bool     `json:"nfcDocuments"`
	Submit        bool     `json:"submit"`
}

func (h planHead) check() error {
	switch {
	case len(h.Images) > maxImages, len(h.Images) == 0 && !h.NFC, len(h.SessionID) > maxIdentifier, len(h.TransactionID) > maxIdentifier:
		return errDamaged
	}
	return nil
}

// sends is how many media the plan sends.
func (h planHead) sends() int {
	n := len(h.Images)
	if h.NFC {
		n++
	}
	return n
}

// seal writes a plan to w, encrypted, without holding any of it a second time.
func seal(w io.Writer, recipient age.Recipient, p Plan) error {
	sealed, err := age.Encrypt(w, recipient)
	if err != nil {
		return err
	}
	head := planHead{
		Version: formatPlan, TransactionID: p.TransactionID, SessionID: p.SessionID, Images: []string{}, NFC: p.hasNFC(), Submit: p.Submit,
	}
	for _, image := range p.Images {
		head.Images = append(head.Images, image.Context)
	}
	b, err := json.Marshal(head)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(sealed)
	for _, f := range append([]planFile{{planName, b}}, p.files()...) {
		// No owner and no time: they would tell more than is needed.
		if err := archive.WriteHeader(&tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.content)), Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		if _, err := archive.Write(f.content); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), sealed.Close())
}

// payload is an opened item. Its files are read in their order, one at a time.
type payload struct {
	planHead
	file    *os.File
	archive *tar.Reader
}

// openPayload opens an item and reads its plan. It fails with
// fault.QueueItemDamaged or fault.QueueNewer, or with fault.QueueIdentityInvalid where no
// identity fits.
func openPayload(path string, identities ...age.Identity) (*payload, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p, err := readPayload(f, identities)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p.file = f
	return p, nil
}

var errDamaged = fault.New(fault.QueueItemDamaged, "", nil)

func readPayload(r io.Reader, identities []age.Identity) (*payload, error) {
	plain, err := age.Decrypt(r, identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, fault.New(fault.QueueIdentityInvalid, "", nil)
	case err != nil:
		return nil, errDamaged
	}
	p := &payload{archive: tar.NewReader(plain)}
	b, err := p.read(planName, maxPlan)
	if err != nil {
		return nil, err
	}
	if _, err := format.Version(b, formatPlan); errors.Is(err, format.ErrNewer) {
		return nil, fault.New(fault.QueueNewer, planName, nil)
	} else if err != nil || json.Unmarshal(b, &p.planHead) != nil {
		return nil, errDamaged
	}
	return p, p.check()
}

func (p *payload) close() { _ = p.file.Close() } // it was only read

// read returns the content of the file of that name, passing over those before it.
func (p *payload) read(name string, limit int64) ([]byte, error) {
	// The plan, the images, the chip's files and the verdict.
	for range maxImages + 8 {
		header, err := p.archive.Next()
		if err != nil {
			return nil, errDamaged
		}
		if header.Name != name {
			continue
		}
		if header.Size > limit || header.Size < 0 {
			return nil, errDamaged
		}
		content := make([]byte, header.Size)
		if _, err := io.ReadFull(p.archive, content); err != nil {
			return nil, errDamaged
		}
		return content, nil
	}
	return nil, errDamaged
}

func (p *payload) image(n int) (Image, error) {
	content, err := p.read(imageName(n), maxFile)
	return Image{Context: p.Images[n], Content: content}, err
}

func (p *payload) nfc() (docs upload.NFCDocuments, err error) {
	for _, f := range []struct {
		name string
		to   *[]byte
	}{{"EF.COM.bin", &docs.COM}, {"EF.SOD.bin", &docs.SOD}, {"DG1.bin", &docs.DG1}, {"DG2.bin", &docs.DG2}} {
		if *f.to, err = p.read(f.name, maxFile); err != nil {
			return upload.NFCDocuments{}, err
		}
	}
	return docs, nil
}

// reseal writes what is sealed in one way, sealed in another.
func reseal(w io.Writer, r io.Reader, recipient age.Recipient, identities []age.Identity) error {
	plain, err := age.Decrypt(r, identities...)
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	sealed, err := age.Encrypt(w, recipient)
	if err != nil {
		return err
	}
	_, err = io.Copy(sealed, plain)
	return errors.Join(err, sealed.Close())
}

// sealBytes and openBytes are for the few bytes that a record keeps sealed.
func sealBytes(recipient age.Recipient, plain []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipient)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(plain)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func openBytes(sealed []byte, identities []age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), identities...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxRecord))
}
