#!/bin/sh
# Makes the kiosk's user. No service is started: which one is wanted, a desk's or a
# kiosk's, only the person who installs knows.
set -e
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers /usr/lib/sysusers.d/passport-agent.conf
elif ! getent passwd passport-agent >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/passport-agent --no-create-home --shell /usr/sbin/nologin passport-agent
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	# An upgrade goes on where it was.
	systemctl try-restart passport-agent.service || true
fi
