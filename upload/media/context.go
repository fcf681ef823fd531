package media

import (
	"fmt"
	"slices"

	"passport-agent/internal/fault"
)

// FaceNFC is the context of the portrait that was read from a chip.
const FaceNFC = "face-nfc"

// Contexts returns what a picture can be of, as the page lists the valid values
// of 'context'. Of two pictures of one thing, that with -pre is the first.
func Contexts() []string {
	return []string{
		"address-front",
		"document-and-face", "document-and-face-pre",
		"document-back", "document-back-pre",
		"document-back-barcode", "document-back-barcode-pre",
		"document-back-qrcode", "document-back-qrcode-pre",
		"document-front", "document-front-pre",
		"document-front-face-cropped",
		"document-front-qrcode", "document-front-qrcode-pre",
		"face", "face-pre",
		"face-cropped", FaceNFC, "face-reference", "registry-face",
	}
}

// CheckContext fails with fault.ContextUnknown where a context is neither on the
// page nor among those that Veriff has named for the integration.
func CheckContext(context string, further []string) error {
	if slices.Contains(Contexts(), context) || slices.Contains(further, context) && context != "" {
		return nil
	}
	return fault.New(fault.ContextUnknown, fmt.Sprintf("%q", context), nil)
}
