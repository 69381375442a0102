#!/bin/sh
# curl, which runs the examples of the documents. Nothing stays running.
#   missing        names the Debian packages to install, one a line; nothing if all is there
#   start DIR PORT prints NAME=VALUE lines for the tests
#   stop DIR       nothing to end
set -eu
curl=$(command -v curl || :)
case $1 in
missing)
    [ -n "$curl" ] || printf '%s\n' curl
    ;;
start)
    echo "UWS_TEST_CURL=$curl"
    ;;
stop) ;;
esac
