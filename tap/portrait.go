package tap

import (
	"context"

	"passport-agent/icao/lds"
	"passport-agent/upload"
	"passport-agent/upload/media"
)

// UploadPortrait uploads the portrait of DG2, byte for byte, as a picture with the
// context face-nfc. The service takes no JPEG 2000, and most documents have that:
// then there is a warning and nothing is sent. Likewise where the picture is too large
// for the service: to make it smaller it would have to be decoded, whatever its hash.
func UploadPortrait(ctx context.Context, to Uploader, sessionID string, dg2 []byte, observe func(upload.Event)) (Upload, []Warning, error) {
	skipped := func(why string) (Upload, []Warning, error) {
		return Upload{State: UploadNone, SessionID: sessionID}, []Warning{{Name: "portrait_not_sent", Text: why}}, nil
	}
	file, why := portraitFile(dg2)
	if why != "" {
		return skipped(why)
	}
	receipt, err := to.UploadImage(ctx, sessionID, upload.Image{Context: media.FaceNFC, File: file}, observe)
	if err != nil {
		return Upload{State: UploadState(err), SessionID: sessionID}, nil, err
	}
	accepted, warnings := Accepted(sessionID, receipt)
	return accepted, warnings, nil
}

// portraitFile returns the portrait as a picture that can be sent, or why there is none.
func portraitFile(dg2 []byte) (file media.File, why string) {
	face, err := lds.ParseDG2(dg2)
	if err != nil {
		return media.File{}, "DG2 holds no portrait that could be sent as a picture."
	}
	portrait := face.Portraits[0]
	if portrait.Format != lds.JPEG {
		return media.File{}, "The portrait in the chip is no JPEG picture, and the service takes no other; the chip data hold it all the same."
	}
	file, err = media.Prepare(portrait.Image, media.Options{NoResize: true})
	if err != nil {
		return media.File{}, "The portrait in the chip cannot be sent as a picture; the chip data hold it all the same."
	}
	return file, ""
}
