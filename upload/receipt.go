package upload

// Receipt is the service's confirmation of one upload, after its signature was
// checked.
type Receipt struct {
	MediaID   string
	SessionID string
	Name      string
	Context   string
	MIMEType  string
	Size      int64 // as the service states it; 0 if it states none
	BodyBytes int   // JSON body before compression
	SentBytes int   // request body on the wire
	Warnings  []Warning
}

// Warning is something to know about an upload that was accepted all the same.
type Warning struct {
	Code WarningCode
	Text string // a sentence for a person, without personal data
}

// WarningCode names one kind of warning.
type WarningCode string

// Warnings of an upload.
const (
	// WarnBodyLarge: the body is above one reading of the documented limit.
	WarnBodyLarge WarningCode = "body_large"
	// WarnSizeDiffers: the size that the service states fits no count of what was sent.
	WarnSizeDiffers WarningCode = "size_differs"
	// WarnUncompressed: the service refused compression, the body went as it is.
	WarnUncompressed WarningCode = "sent_uncompressed"
	// WarnContextDiffers: the context that the service states is not that of the picture.
	WarnContextDiffers WarningCode = "context_differs"
)

func (r *Receipt) warn(code WarningCode, text string) {
	r.Warnings = append(r.Warnings, Warning{code, text})
}
