#!/bin/sh
# Before the files go. $1 is remove or upgrade (deb), or the number of versions that stay (rpm).
set -e

case "$1" in
remove | 0) ;;
*) exit 0 ;; # the next version restarts the service
esac
command -v systemctl >/dev/null || exit 0
systemctl disable --now brinell.socket brinell.service || true
