#!/usr/bin/env bash
# Asks the service of this container for its health; the runtime image has neither curl nor wget.
# Usage: health-check PORT PATH       status 0: the answer was 200
set -euo pipefail

port="${1:?health-check needs a port}" path="${2:?health-check needs a path}"
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$path" >&3
read -r -t 5 status <&3
[[ "$status" == "HTTP/1.1 200 "* ]]
