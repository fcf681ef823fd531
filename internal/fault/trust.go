package fault

// Codes of the store of country signers.
const (
	TrustFileUnknown      Code = "trust_file_unknown"
	TrustSignature        Code = "trust_signature"
	TrustRootMissing      Code = "trust_root_missing"
	TrustOlder            Code = "trust_older"
	TrustIssuerUnknown    Code = "trust_issuer_unknown"
	TrustStoreDamaged     Code = "trust_store_damaged"
	TrustStoreNewer       Code = "trust_store_newer"
	TrustStoreUnavailable Code = "trust_store_unavailable"
	TrustStoreBusy        Code = "trust_store_busy"
	TrustAttention        Code = "trust_attention"
)

var trustEntries = []Entry{
	{TrustFileUnknown, ExitUsage, "The file is none of those that a trust store is made of: master list, defect list, certificate, revocation list, LDIF.", "Fetch the file again from its publisher and import it as it was published."},
	{TrustSignature, ExitCheckFailed, "What was to be imported is not signed by the root that it has to lead to.", "Nothing was imported: fetch the list and the root certificate again, each from its publisher, and compare the root's fingerprint by another way."},
	{TrustRootMissing, ExitUsage, "It cannot be checked who signed the master list.", "Give the publisher's root certificate with --root."},
	{TrustOlder, ExitUsage, "A newer issue of the same list was imported before.", "Keep the one that is there; to go back on purpose, remove the trust store and import the older one."},
	{TrustIssuerUnknown, ExitUsage, "The revocation list is not signed by a country signer of the trust store.", "Import the country's certificates first, then its revocation list."},
	{TrustStoreDamaged, ExitUsage, "The trust store is damaged.", "Remove the file named in the message and import the lists again."},
	{TrustStoreNewer, ExitUsage, "The trust store was written by a newer version of the agent.", "Update this agent; the store stays as it is, and until then no document can be judged here."},
	{TrustStoreUnavailable, ExitUnexpected, "The trust store cannot be read or written.", "Check the permissions and the free space of the data folder."},
	{TrustStoreBusy, ExitNotNow, "Another program is changing the trust store.", "Wait until the other import has ended, then run this one again."},
	{TrustAttention, ExitCheckFailed, "The trust store needs attention.", "Do what the warnings of the check say, most often: import current lists."},
}
