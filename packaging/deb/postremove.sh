#!/bin/sh
# remove keeps queue, keys, trust lists and configuration. purge erases them; a queue
# that is not empty is erased only on request, because nothing brings it back.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
[ "$1" = purge ] || exit 0
data=/var/lib/passport-agent
waiting=$(find $data/queue/items -name '*.age' 2>/dev/null | wc -l)
if [ "$waiting" -gt 0 ] && [ "${PASSPORT_AGENT_ERASE_QUEUE:-}" != 1 ]; then
	cat >&2 <<TEXT
passport-agent: $waiting document(s) wait in $data and have not been uploaded. Nothing was erased.
To keep them:  install passport-agent again, run
               passport-agent --data-dir $data queue export --recipient age1… --out FOLDER
               and purge again.
To erase them: PASSPORT_AGENT_ERASE_QUEUE=1 apt-get purge passport-agent
TEXT
	exit 1
fi
rm -rf $data /var/log/passport-agent /etc/passport-agent
if getent passwd passport-agent >/dev/null; then
	userdel passport-agent >/dev/null 2>&1 || true
fi
