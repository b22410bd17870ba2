#!/bin/bash
# A release in a world of its own (databases, an application, git, mail and chat, all on loopback and
# gone afterwards), whose new version gets slower and slower: it takes itself back. Needs `runbook`
# on the PATH and the packages that tests/run.sh installs.
#
#   examples/release.sh          the new version degrades: exit status 1, and all is as it was
#   examples/release.sh well     it is fine, and stays
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT=$root WELL=${1:-}

# shellcheck disable=SC2016  # the world's own variables
exec "$root/tests/support/world" run --site life-management -- bash -c '
    cd "$SITE"
    if [ "$WELL" != well ]; then
        "$ROOT/tests/support/world" app "$WORLD" app \
            "{\"on_version\": \"v1.2.3\", \"degrade_ms_per_s\": 60}"
    fi
    runbook exec "$ROOT/runbooks/life-management/deploy.yaml" --yes --set version=v1.2.3 \
        --set app_url="$APP_URL" --set baseline_for=1s --set watch_for=15s --set watch_every=200ms'
