package fault

// Codes of the upload to the Veriff API.
const (
	FileMissing         Code = "file_missing"
	UploadTooLarge      Code = "upload_too_large"
	SessionIDInvalid    Code = "session_id_invalid"
	UploadUnreachable   Code = "upload_unreachable"
	UploadUncertain     Code = "upload_uncertain"
	UploadRejected      Code = "upload_rejected"
	NFCDataRejected     Code = "nfc_data_rejected"
	UploadUnauthorized  Code = "upload_unauthorized"
	IntegrationInactive Code = "integration_inactive"
	SessionNotFound     Code = "session_not_found"
	SessionSubmitted    Code = "session_submitted"
	PayloadTooLarge     Code = "payload_too_large"
	EncodingRefused     Code = "encoding_refused"
	APIRedirected       Code = "api_redirected"
	RateLimited         Code = "rate_limited"
	APIFailed           Code = "api_failed"
	MediaFormatUnknown  Code = "media_format_unknown"
	MediaTooLarge       Code = "media_too_large"
	MediaDamaged        Code = "media_damaged"
	ResizeForbidden     Code = "resize_forbidden"
	PDFDisabled         Code = "pdf_disabled"
	ContextUnknown      Code = "context_unknown"
	ImageRejected       Code = "image_rejected"
	ImageTooLarge       Code = "image_too_large"
	SubmitUncertain     Code = "submit_uncertain"
	CreateUncertain     Code = "create_uncertain"
	AnswerUnusable      Code = "answer_unusable"
	SessionExpired      Code = "session_expired"
)

var uploadEntries = []Entry{
	{FileMissing, ExitRefused, "A file that the upload needs is not there.", "The service takes EF.COM, EF.SOD, DG1 and DG2 together; this document cannot be uploaded as chip data."},
	{UploadTooLarge, ExitRefused, "The files are larger than the service can accept, so they were not sent.", "Upload a photo of the document instead; chip data of this size has no way into the session."},
	{SessionIDInvalid, ExitUsage, "The session id cannot be one.", "Copy the session id again from the system that created the session."},
	{UploadUnreachable, ExitNotNow, "The service could not be reached, so nothing was sent.", "Check the network, the address in api_url, the proxy in api_proxy and the trusted certificates (api_ca_file), then try again."},
	{UploadUncertain, ExitNotNow, "It is not known whether the service took the upload.", "Look at the media of the session (passport-agent upload status) before you send again: the service may have it already."},
	{UploadRejected, ExitRefused, "The service refused the request.", "Note the status and code in the message and ask Veriff support; sending the same again will not help."},
	{NFCDataRejected, ExitRefused, "The service refused the chip data as malformed or incomplete.", "Read the document again and upload the new reading."},
	{UploadUnauthorized, ExitRefused, "The service does not accept the API key or the signature.", "Compare api_key, api_secret and api_url with the integration's page in the Veriff Customer Portal."},
	{IntegrationInactive, ExitRefused, "The integration is not active at the service.", "Have the integration activated in the Veriff Customer Portal; until then every upload is refused."},
	{SessionNotFound, ExitRefused, "The service does not know the session.", "Check the session id, and that it was created with this API key at this address."},
	{SessionSubmitted, ExitRefused, "The session was submitted already and takes no more media.", "Create a new session and upload to it."},
	{PayloadTooLarge, ExitRefused, "The service refused the upload as too large.", "Upload a photo of the document instead: the service limits chip data to 500 KB."},
	{EncodingRefused, ExitRefused, "The service refused the encoding of the request.", "Check that no proxy on the way compresses or rewrites requests."},
	{APIRedirected, ExitRefused, "The service answered with a redirect, which is not followed.", "Set api_url to the address shown on the integration's page in the Veriff Customer Portal."},
	{RateLimited, ExitNotNow, "The service asks to send more slowly.", "Wait for the time named in the message, at least a minute, and try again."},
	{APIFailed, ExitNotNow, "The service, or a proxy before it, failed.", "Try again in a few minutes; look at the media of the session first, since a failing service may have stored the upload."},
	{MediaFormatUnknown, ExitRefused, "The file is in no format that the service takes.", "Save the picture as JPEG, PNG, WebP or HEIC; what counts is the content, not the name of the file."},
	{MediaTooLarge, ExitRefused, "The file is larger than the service takes and cannot be made smaller here.", "Export it as JPEG with a longer side of at most 1920 pixels (for iPhones: Settings, Camera, Formats, Most Compatible), or take a photo of a PDF page."},
	{MediaDamaged, ExitRefused, "The picture is damaged.", "Open it in an image viewer and save it again, or take the picture again."},
	{ResizeForbidden, ExitRefused, "The picture is larger than the service takes, and it may not be made smaller.", "Leave out --no-resize, or make the picture smaller yourself."},
	{PDFDisabled, ExitRefused, "PDF files are not enabled.", "Ask Veriff to enable PDF for the integration and set pdf = true in the configuration, or send pictures."},
	{ContextUnknown, ExitUsage, "The service knows no such context of a picture.", "Take one of the list in `upload image --help`; one that Veriff named for your integration goes into extra_contexts."},
	{ImageRejected, ExitRefused, "The service refused the picture or its context.", "Open the picture and see that it is whole, and ask Veriff which contexts the integration takes."},
	{ImageTooLarge, ExitRefused, "The service refused the picture as too large.", "The integration has a smaller limit than is documented: save the picture smaller and send that."},
	{SubmitUncertain, ExitNotNow, "It is not known whether the service has submitted the session.", "Submit it again: a session that was submitted already counts as done."},
	{CreateUncertain, ExitNotNow, "It is not known whether the service has created a session.", "Create one again; a session that stays empty expires by itself after seven days."},
	{AnswerUnusable, ExitNotNow, "The answer of the service was cut off, not signed as it should be or not understood.", "Ask again: nothing was changed. If it stays so, compare api_secret and look for a proxy that rewrites answers."},
	{SessionExpired, ExitRefused, "The session has expired or was abandoned.", "Create a new session and send everything to it: an old one takes nothing more after seven days."},
}
