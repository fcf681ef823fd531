package fault

// Codes of the queue of deferred uploads and of the audit log.
const (
	UploadQueued         Code = "upload_queued"
	QueueLeft            Code = "queue_left"
	QueueLost            Code = "queue_not_delivered"
	QueueBusy            Code = "queue_busy"
	QueueUnavailable     Code = "queue_unavailable"
	QueueDiskFull        Code = "queue_disk_full"
	QueueReadOnly        Code = "queue_read_only"
	QueueNewer           Code = "queue_newer"
	QueueItemUnknown     Code = "queue_item_unknown"
	QueueItemBusy        Code = "queue_item_busy"
	QueueItemDamaged     Code = "queue_item_damaged"
	QueueItemInvalid     Code = "queue_item_invalid"
	QueueItemDelivered   Code = "queue_item_delivered"
	QueueKeysUnavailable Code = "queue_keys_unavailable"
	QueuePublicKeyOnly   Code = "queue_public_key_only"
	QueueIdentityInvalid Code = "queue_identity_invalid"
	QueueBundleInvalid   Code = "queue_bundle_invalid"
	AuditUnavailable     Code = "audit_unavailable"
	AuditDamaged         Code = "audit_damaged"
	AuditTruncated       Code = "audit_truncated"
)

var queueEntries = []Entry{
	{UploadQueued, ExitQueued, "The upload is not possible now, so it was put into the queue.", "Nothing is lost: `passport-agent queue flush` sends it when the service can be reached."},
	{QueueLeft, ExitQueued, "Not everything in the queue could be delivered now.", "Run `passport-agent queue flush` again later; `passport-agent queue list` shows what waits and until when."},
	{QueueLost, ExitRefused, "The service did not take everything that was in the queue.", "Look at the reasons in `passport-agent queue list`; what can be mended goes on with `queue retry`, the rest goes with `queue drop`."},
	{QueueBusy, ExitUsage, "Another process works on this queue.", "Let the process named in the message do it, or end it first; putting something into the queue works all the same."},
	{QueueUnavailable, ExitNotNow, "The queue's folder cannot be read or written.", "Check the permissions of the data folder and the health of its disk, then repeat."},
	{QueueDiskFull, ExitNotNow, "There is no space left for the queue.", "Free some space on the disk of the data folder, then repeat; what was in the queue before is still there."},
	{QueueReadOnly, ExitNotNow, "The disk of the queue is read-only.", "Have the disk checked and mounted for writing, or choose another folder with --data-dir."},
	{QueueNewer, ExitUsage, "Something in the queue was written by a newer version of the agent.", "Update this agent; the item or key named in the message is left alone until then, and the rest of the queue goes on."},
	{QueueItemUnknown, ExitUsage, "There is no such item in the queue.", "Take the item's name from `passport-agent queue list`; an item that was delivered is gone."},
	{QueueItemBusy, ExitUsage, "The item is being sent, or it is not known whether it has arrived.", "Wait until the session's media list has decided it (`passport-agent queue list` shows when), or drop it with --force."},
	{QueueItemDamaged, ExitUnexpected, "An item of the queue is damaged or incomplete.", "Read the document again and drop the item; check the disk."},
	{QueueItemInvalid, ExitUsage, "What was to be queued is not a possible upload.", "Give chip data or at least one image, within the sizes that the service takes."},
	{QueueItemDelivered, ExitUsage, "The item was delivered by this queue before.", "Do not import it again; it would reach its session twice."},
	{QueueKeysUnavailable, ExitUsage, "The place that holds the queue's keys cannot be reached.", "Log in so that the user's keyring is open, or, where the keys are in files, restore them; they are not looked for elsewhere."},
	{QueuePublicKeyOnly, ExitUsage, "This machine holds only the organisation's public key: it can queue and export, not send.", "Run `passport-agent queue export`, carry the folder to a machine of the organisation, and there `queue import` and `queue flush --identity FILE`."},
	{QueueIdentityInvalid, ExitUsage, "The file holds no age identity, or none that opens the item.", "Give the identity file (AGE-SECRET-KEY-1…) whose recipient the machine that read the document has in queue_recipient."},
	{QueueBundleInvalid, ExitUsage, "What was to be imported is not an exported item.", "Import the folder as `passport-agent queue export` wrote it, with every file in it."},
	{AuditUnavailable, ExitUnexpected, "The audit log cannot be read or written.", "Check permissions and space of the folder audit in the data folder."},
	{AuditDamaged, ExitCheckFailed, "The audit log was changed or is damaged.", "Keep the files as they are, and compare them with a copy or with a head that was noted elsewhere."},
	{AuditTruncated, ExitCheckFailed, "The audit log does not hold the record that was expected.", "Records are missing at the end, or this is another log: look for the files as they were when the head was noted."},
}
