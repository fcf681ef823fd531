package fault

// Codes of the command line and its configuration.
const (
	Unexpected       Code = "unexpected"
	Interrupted      Code = "interrupted"
	Usage            Code = "usage"
	ConfigInvalid    Code = "config_invalid"
	MRZInvalid       Code = "mrz_invalid"
	MRZCheckDigit    Code = "mrz_check_digit"
	OutputFailed     Code = "output_failed"
	InputFileMissing Code = "input_file_missing"
	PortTaken        Code = "port_taken"
	FileNewer        Code = "file_newer"

	DoctorFoundProblem Code = "doctor_found_problem"
	KeyringUnavailable Code = "keyring_unavailable"
)

var commandEntries = []Entry{
	{Unexpected, ExitUnexpected, unknownCodeCause, "Try once more; if it comes again, report it with the steps that led here."},
	{Interrupted, ExitInterrupted, "The command was interrupted.", "Start it again when you are ready; nothing was left half done."},
	{Usage, ExitUsage, "The command was not called as it should be.", "Run it with --help to see how it is called."},
	{ConfigInvalid, ExitUsage, "A setting is missing or not valid.", "Correct the setting named in the message, in the configuration file, the environment or the flag."},
	{MRZInvalid, ExitUsage, "The machine-readable zone or the access data is incomplete or not well formed.", "Enter all lines of the machine-readable zone as printed, or document number, birth date and expiry date."},
	{MRZCheckDigit, ExitUsage, "A check digit of the machine-readable zone does not fit its field.", "Compare the named field with the printed document, character by character, and enter it again."},
	{OutputFailed, ExitUnexpected, "The result could not be written.", "Check that the folder exists, is writable and has space, then run the command again."},
	{InputFileMissing, ExitUsage, "A file that the command needs cannot be read.", "Check the path and the permissions of the file named in the message."},
	{PortTaken, ExitUsage, "The network port is already in use.", "Stop the other program or choose another port with --listen."},
	{FileNewer, ExitUsage, "A file that the agent keeps was written by a newer version of it.", "Update this agent; the file named in the message stays as it is until then."},
	{KeyringUnavailable, ExitUnexpected, "The keyring of this user cannot be reached.", "Log in at the desk and unlock the keyring; a service or remote session has none: use api_secret_file there."},
	{DoctorFoundProblem, ExitCheckFailed, "Something on this machine keeps documents from being read or uploaded.", "Do what stands behind the arrow of each problem above, then run `passport-agent doctor` again."},
}
