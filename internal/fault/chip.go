package fault

// Codes of access to the chip, of reading and of checking.
const (
	WrongMRZ             Code = "wrong_mrz"
	WrongCAN             Code = "wrong_can"
	MRZRequired          Code = "mrz_required"
	AccessRefused        Code = "access_refused"
	PACERequired         Code = "pace_required"
	AccessDataMissing    Code = "access_data_missing"
	NotAPassport         Code = "not_a_passport"
	OtherDocument        Code = "other_document"
	ChipAuthentication   Code = "chip_answer_not_authentic"
	SecureMessaging      Code = "secure_messaging"
	ChipStatus           Code = "chip_status"
	ChipResponse         Code = "chip_response"
	FileMalformed        Code = "file_malformed"
	FileTooLarge         Code = "file_too_large"
	FileNotOnChip        Code = "file_not_on_chip"
	CheckFailed          Code = "check_failed"
	TrustRequired        Code = "trust_required"
	UnsupportedAlgorithm Code = "unsupported_algorithm"
	PortraitNotProved    Code = "portrait_not_proved"
	PortraitRefused      Code = "portrait_refused"
	PortraitUnreadable   Code = "portrait_unreadable"
	EvidenceMalformed    Code = "evidence_malformed"
)

var chipEntries = []Entry{
	{WrongMRZ, ExitAccess, "The machine-readable zone does not belong to this document.", "Compare document number, birth date and expiry date with the printed document, correct them and try again."},
	{WrongCAN, ExitAccess, "The card access number does not belong to this document.", "Compare the card access number (CAN, six digits) with the printed document and enter it again."},
	{MRZRequired, ExitAccess, "This document does not open with a card access number.", "Enter its machine-readable zone, or document number, birth date and expiry date."},
	{AccessRefused, ExitAccess, "The chip refuses access.", "Check that the document is the one whose data was entered, then try again."},
	{PACERequired, ExitAccess, "This document opens only by PACE.", "Read it without `--access bac`, or enter the card access number (CAN) printed on it with --can."},
	{AccessDataMissing, ExitUsage, "No access data was given for the document.", "Give --mrz, or --document-number with --birth and --expiry, or set PASSPORT_AGENT_MRZ."},
	{NotAPassport, ExitRead, "What lies on the reader is not an electronic passport.", "Lay the passport itself on the reader, alone; bank and access cards nearby are often read in its place."},
	{OtherDocument, ExitNoDocument, "Another document was put back than the one that was removed.", "Read one document at a time: start again and leave it on the reader until the reading is done."},
	{ChipAuthentication, ExitAccess, "The chip's answer to the access protocol is not authentic.", "Try again; if it comes again, treat the document as suspect and have it examined."},
	{SecureMessaging, ExitRead, "A protected answer of the chip failed its check.", "Lay the document flat and try again; if it comes again, treat the document as suspect."},
	{ChipStatus, ExitRead, "The chip refused a command.", "Lay the document flat and try again; if it comes again, the chip is damaged or protects this file."},
	{ChipResponse, ExitRead, "The chip gave an answer that the standard does not allow.", "Try again; if it comes again, the chip is damaged or not genuine."},
	{FileMalformed, ExitRead, "A file of the chip is not well formed.", "Try again; if it stays so, have the document examined: its chip is damaged or was altered."},
	{FileTooLarge, ExitRead, "A file of the chip claims to be larger than the agent accepts.", "Treat the document as suspect; if it is genuine, report the document type."},
	{FileNotOnChip, ExitRead, "The chip lacks a file that every passport has.", "Check that it is a passport or an identity card with a passport application."},
	{CheckFailed, ExitCheckFailed, "A check of the document failed.", "Look at the failed checks; do not accept the document on the strength of its chip before it has been examined."},
	{TrustRequired, ExitCheckFailed, "The document could not be proved genuine, and --require-trust asks for that.", "Have the document examined, or read it without --require-trust to go on with what was found."},
	{EvidenceMalformed, ExitUsage, "The evidence beside the saved files is not what read --out has written.", "Take the folder from where it was saved again, or remove evidence.json: Active Authentication is then not checked."},
	{UnsupportedAlgorithm, ExitRead, "The document uses an algorithm that the agent does not know.", "Check for a newer version of the agent; report the document type."},
	{PortraitNotProved, ExitCheckFailed, "The issuer's signature does not cover the portrait, so it was neither decoded nor written.", "Look at the failed checks; compare the holder with the picture on the data page and have the document examined."},
	{PortraitRefused, ExitRead, "The portrait claims to be larger than any portrait is, and was not decoded.", "Compare the holder with the picture on the data page; treat the chip as suspect."},
	{PortraitUnreadable, ExitRead, "The portrait cannot be turned into a picture to show.", "Compare the holder with the picture on the data page; what was read and uploaded is complete all the same."},
}
