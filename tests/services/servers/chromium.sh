#!/bin/sh
# The browser for the tests that look at pages. Nothing stays running: each test starts the browser it needs.
#   missing        names the Debian packages to install, one a line; nothing if all is there
#   start DIR PORT prints NAME=VALUE lines for the tests
#   stop DIR       nothing to end
set -eu
browser=$(command -v chromium || command -v chromium-browser || :)
case $1 in
missing)
    [ -n "$browser" ] || printf '%s\n' chromium
    fonts=$(find /usr/share/fonts /usr/local/share/fonts -name '*.ttf' 2>/dev/null | head -n 1)
    [ -n "$fonts" ] || printf '%s\n' fonts-dejavu-core
    # Playwright's own Node, which drives the browser, is linked against it.
    library=$(find /usr/lib /usr/lib64 -name libatomic.so.1 2>/dev/null | head -n 1)
    [ -n "$library" ] || printf '%s\n' libatomic1
    ;;
start)
    echo "UWS_TEST_CHROMIUM=$browser"
    ;;
stop) ;;
esac
