#!/bin/bash
# Traffic to the AI's recommendations until the case ends; $1 of it is seen by Prometheus first.
traffic() {
    while curl -s -o /dev/null "$BACKEND_URL/api/ai/recommendations" || true; do
        sleep 0.05
    done &
    traffic=$!
    trap 'kill $traffic' EXIT
}
# failing PERCENT: until Prometheus says that so many per cent of the backend's requests fail.
failing() {
    local query='100 * sum(rate(http_requests_total{status=~"5..",job="backend"}[5m])) / sum(rate(http_requests_total{job="backend"}[5m])) >'
    until curl -sG "$PROMETHEUS_URL/api/v1/query" --data-urlencode "query=$query $1" | grep -q value; do
        sleep 0.1
    done
}
