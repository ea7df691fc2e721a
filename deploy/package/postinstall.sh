#!/bin/sh
# After the files are there. $1 is configure (deb; $2 the version before, if there was one),
# or the number of versions that are installed (rpm).
set -e

if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers /usr/lib/sysusers.d/brinell.conf
elif ! getent passwd brinell >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/brinell --no-create-home --shell /usr/sbin/nologin brinell
fi
# The directories of the service, of which it may change only the second: see the unit.
chown brinell:brinell /etc/brinell /var/lib/brinell

upgrade=no
case "$1" in
configure) [ -z "$2" ] || upgrade=yes ;;
[0-9]*) [ "$1" -lt 2 ] || upgrade=yes ;;
*) exit 0 ;; # a step back of dpkg
esac
command -v systemctl >/dev/null || exit 0
systemctl daemon-reload || true # fails where systemd is installed and does not run
if [ "$upgrade" = yes ]; then
	systemctl try-restart brinell.service || true # the socket stays open: no request is lost
else
	echo "Start Brinell by: systemctl enable --now brinell.socket brinell.service"
fi
