#!/bin/sh
# Stops the kiosk's service when the package goes, and says what waits in its queue
# while the program that could export it is still there.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now passport-agent.service || true
	fi
	waiting=$(find /var/lib/passport-agent/queue/items -name '*.age' 2>/dev/null | wc -l)
	if [ "$waiting" -gt 0 ]; then
		echo "passport-agent: $waiting document(s) wait in the queue of the kiosk's service and are kept." >&2
	fi
	;;
esac
