package queue

import (
	"encoding/base64"
	"slices"
	"strings"

	"passport-agent/upload"
)

// wanted describes one medium of a plan.
type wanted struct {
	nfc     bool
	context string
	sizes   []int64 // every size that the service may state for it
}

func (w wanted) fits(m Media) bool {
	return m.NFC == w.nfc && (w.nfc || strings.EqualFold(m.Context, w.context))
}

// arrived looks in a session's media list for what was sent while the answer was
// lost. Where the list was noted before the send, whatever is new since and of the
// right kind is it; nothing else sends into the session at the same time. Where it
// was not, the size decides. surplus counts what is there beyond the one.
func (w wanted) arrived(list []Media, p progress) (id string, surplus int) {
	for _, m := range list {
		if !w.fits(m) || slices.Contains(p.Media, m.ID) {
			continue
		}
		if p.BeforeKnown && slices.Contains(p.Before, m.ID) || !p.BeforeKnown && !slices.Contains(w.sizes, m.Size) {
			continue
		}
		if id == "" {
			id = m.ID
		} else {
			surplus++
		}
	}
	return id, surplus
}

// surplusOf counts the media that came into the session since the first send and are
// neither what was confirmed nor another plan's: a send that the service committed
// after it had been made again.
func surplusOf(list []Media, p progress, sent []wanted) int {
	surplus := 0
	for _, m := range list {
		if slices.Contains(p.First, m.ID) || slices.Contains(p.Media, m.ID) {
			continue
		}
		if slices.ContainsFunc(sent, func(w wanted) bool { return w.fits(m) }) {
			surplus++
		}
	}
	return surplus
}

func idsOf(list []Media) []string {
	ids := make([]string, 0, len(list))
	for _, m := range list {
		ids = append(ids, m.ID)
	}
	return ids
}

// nfcSizes are the sizes that the service may state for chip data: the page does not
// say whether it counts the files, their base64 text, the object that holds them, or
// the request.
func nfcSizes(d upload.NFCDocuments) []int64 {
	raw, encoded := 0, 0
	for _, f := range [][]byte{d.COM, d.SOD, d.DG1, d.DG2} {
		raw += len(f)
		encoded += base64.StdEncoding.EncodedLen(len(f))
	}
	object := encoded + len(`{"com":"","sod":"","dg1":"","dg2":""}`)
	return []int64{int64(raw), int64(encoded), int64(object), int64(object + len(`{"nfcDocuments":}`))}
}

func imageSizes(i Image) []int64 {
	return []int64{int64(len(i.Content)), int64(base64.StdEncoding.EncodedLen(len(i.Content)))}
}
