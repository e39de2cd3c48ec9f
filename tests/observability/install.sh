#!/bin/sh
# Unpacks Prometheus and promtool of Debian's package: install.sh FOLDER
# Nothing is installed on the machine. The lists of packages are FOLDER's own, so that an empty or old list does no harm.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ -x "$folder/promtool" ] && exit
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
apt() {
    apt-get -qq -o Acquire::Retries=3 -o APT::Sandbox::User=root -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache" "$@"
}
apt update
(cd "$folder" && apt download prometheus)
dpkg-deb --extract "$folder"/prometheus_*.deb "$folder/package"
rm -rf "$folder/lists" "$folder/cache" "$folder"/prometheus_*.deb
mv "$folder/package/usr/bin/prometheus" "$folder/package/usr/bin/promtool" "$folder/"
rm -rf "$folder/package"
