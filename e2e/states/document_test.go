package states_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/e2e/browser"
	"passport-agent/e2e/fake"
)

// The specimen of Doc 9303-4, appendix B.
const (
	line1     = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
	line2     = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
	wrongZone = line1 + "\nL898902C36UTO7408123F1204159ZE184226B<<<<<10"
	sessionID = "f04bdb47-d3be-4b28-b028-a652feb060b5"
)

func holder(proved bool) fake.Object {
	return fake.Object{
		"proved": proved, "documentCode": "P", "issuingState": "UTO", "documentNumber": "L898902C3", "primaryIdentifier": "ERIKSSON",
		"secondaryIdentifier": "ANNA MARIA", "nationality": "UTO", "birthDate": "1974-08-12", "sex": "F", "expiryDate": "2032-04-15",
	}
}

func check(group, name, result, reason, advice string) fake.Object {
	return fake.Object{"group": group, "name": name, "result": result, "reason": reason, "advice": advice}
}

// report is that of a reading with a verdict, and what became of its upload.
func report(status, upload string) fake.Object {
	trusted := check("passive_authentication", "signer_trusted", "successful", "", "")
	hash := check("data_integrity", "dg2_hash", "successful", "", "")
	switch status {
	case "undetermined":
		trusted = check("passive_authentication", "signer_trusted", "undetermined", "no country signer of the trust store issued the document signer", "Import the country's master list; this is no sign of tampering.")
	case "failed":
		hash = check("data_integrity", "dg2_hash", "failed", "DG2 is not the file that the issuer hashed", "Do not accept the document on the strength of its chip; have it examined.")
	}
	session := ""
	if upload != "none" {
		session = sessionID
	}
	return fake.Object{
		"schema": "passport-agent/read/1", "status": status, "profile": "field",
		"checks": []fake.Object{
			check("access", "chip_access", "successful", "", ""),
			check("chip_authenticity", "chip_authentication", "successful", "", ""),
			check("passive_authentication", "sod_signature", "successful", "", ""), trusted,
			check("passive_authentication", "signer_revocation", "not_supported", "no revocation list of the country was imported", ""),
			check("data_integrity", "dg1_hash", "successful", "", ""), hash,
			check("document", "mrz_matches_dg1", "successful", "", ""), check("document", "document_expiry", "successful", "", ""),
		},
		"warnings": []fake.Object{{"name": "sod_ber", "text": "EF.SOD is written in BER, not in DER"}},
		"upload":   fake.Object{"state": upload, "sessionId": session, "mediaId": "95aed0ad", "size": 20390},
		"error":    nil,
	}
}

// portrait is a picture of nobody.
func portrait(t *testing.T) []byte {
	t.Helper()
	const width, height = 240, 320
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			shade := color.RGBA{205, 216, 222, 255}
			head := math.Hypot(float64(x-120)/58, float64(y-130)/74) < 1
			shoulders := math.Hypot(float64(x-120)/108, float64(y-325)/112) < 1
			switch {
			case head:
				shade = color.RGBA{188, 150, 128, 255}
			case shoulders:
				shade = color.RGBA{62, 84, 104, 255}
			}
			picture.Set(x, y, shade)
		}
	}
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, picture))
	return out.Bytes()
}

// finish ends a reading with a report, and returns when its personal data goes.
func finish(t *testing.T, agent *fake.Agent, id string, r fake.Object) time.Time {
	t.Helper()
	image := portrait(t)
	expires := time.Now().Add(5 * time.Minute)
	agent.Change(func(w *fake.World) {
		w.Holders[id] = holder(r["status"] != "failed")
		w.Portrait = image
		w.Reads[id]["report"] = r
	})
	agent.Read(id, fake.Object{"state": "done", "phase": "judged", "percent": 100, "seconds": 2.4, "portrait": true, "expires": expires.Format(time.RFC3339Nano)})
	return expires
}

// enter puts a zone into the form, whatever stands in it.
func enter(t *testing.T, p *browser.Page, zone string) {
	t.Helper()
	for !browser.Eval[bool](t, p, `document.querySelector('[name=entry-mode]:checked').value === 'mrz'`) {
		p.Focus(t, "[name=entry-mode]:checked")
		p.Press(t, "ArrowLeft")
	}
	p.Focus(t, "#entry-zone")
	p.Run(t, `document.activeElement.select()`)
	p.Type(t, zone)
}
