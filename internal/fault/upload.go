package fault

// Codes of the upload to the Veriff API.
const (
	FileMissing Code = "file_missing"
)

var uploadEntries = []Entry{
	{FileMissing, ExitRefused, "A file that the upload needs is not there.", "The service takes EF.COM, EF.SOD, DG1 and DG2 together; this document cannot be uploaded as chip data."},
}
