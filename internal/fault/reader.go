package fault

// Codes of readers and of PC/SC.
const (
	PCSCLibraryMissing   Code = "pcsc_library_missing"
	PCSCNoService        Code = "pcsc_no_service"
	PCSCNotPermitted     Code = "pcsc_not_permitted"
	PCSCFailed           Code = "pcsc_failed"
	NoReader             Code = "no_reader"
	ReaderNotFound       Code = "reader_not_found"
	ReaderBusy           Code = "reader_busy"
	ReaderStuck          Code = "reader_stuck"
	ReaderUnplugged      Code = "reader_unplugged"
	NoDocument           Code = "no_document"
	DocumentRemoved      Code = "document_removed"
	CardUnresponsive     Code = "card_unresponsive"
	CardReset            Code = "card_reset"
	CommandNotTransacted Code = "command_not_transacted"
)

var readerEntries = []Entry{
	{PCSCLibraryMissing, ExitReader, "The PC/SC library is not installed.", "Install it: on Debian and Ubuntu `apt-get install libpcsclite1 pcscd`."},
	{PCSCNoService, ExitReader, "The smart card service is not running.", "Start it: on Linux `systemctl start pcscd.socket`; on Windows plug in the reader and start the service 'Smart Card'."},
	{PCSCNotPermitted, ExitReader, "This user may not use the smart card service.", "Allow the polkit actions org.debian.pcsc-lite.access_pcsc and access_card for this user, or run on the seat where the user is logged in."},
	{PCSCFailed, ExitReader, "The smart card service reported an error.", "Unplug the reader, plug it in again and repeat; if it stays, restart the smart card service."},
	{NoReader, ExitReader, "No reader is connected.", "Plug in a contactless PC/SC reader and try again."},
	{ReaderNotFound, ExitReader, "No connected reader has that name.", "Run `passport-agent readers` and use one of the names it shows, or a part of it."},
	{ReaderBusy, ExitReader, "Another program holds the document on this reader.", "Close the other program that uses the reader (browser, signature or certificate software) and try again."},
	{ReaderStuck, ExitReader, "The reader has not answered for too long.", "Unplug the reader and plug it in again, then put the document back."},
	{ReaderUnplugged, ExitReader, "The reader was unplugged.", "Plug the reader in again, put the document back on it and try again."},
	{NoDocument, ExitNoDocument, "No document was placed on the reader in time.", "Lay the open document flat on the reader and try again."},
	{DocumentRemoved, ExitNoDocument, "The document was removed before it was read.", "Put the document back, keep it still until the reading is done, and try again."},
	{CardUnresponsive, ExitNoDocument, "Something lies on the reader, but it does not answer as a chip.", "Take the document off, lay it down again flat and alone, without other cards nearby."},
	{CardReset, ExitRead, "The chip was reset in the middle of the reading.", "Try again; if it comes again, close other programs that use readers (browser, signature or certificate software)."},
	{CommandNotTransacted, ExitRead, "The reader did not carry a command to the chip.", "Try again without --probe-extended; if it comes again, use another reader."},
}
