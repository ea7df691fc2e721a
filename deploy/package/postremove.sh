#!/bin/sh
# After the files have gone. $1 is remove, purge or upgrade (deb), or a number (rpm).
set -e

if command -v systemctl >/dev/null; then
	systemctl daemon-reload || true
fi
case "$1" in
remove | purge | 0)
	# What was measured is not to be had again: the owner removes it, and the user with it.
	if [ -e /var/lib/brinell/brinell.db ]; then
		echo "The data stay in /var/lib/brinell, and the keys in /etc/brinell."
	fi
	;;
esac
