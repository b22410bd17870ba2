#!/bin/bash
# Makes an authority and certificates in the folder $1, which must exist:
#   ca.pem             the authority
#   valid, expired, wrong, selfsigned, client, stranger   NAME.pem and NAME.key each
# valid ends in 10 days; wrong is for other.example; stranger is a client of another authority.
set -euo pipefail
cd "$1"

exec 2>openssl.log
trap 'cat openssl.log >/dev/stdout' ERR

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

authority() {
    key "$1"
    openssl req -x509 -new -key "$1.key" -subj "/CN=runbook test $1" -days 30 -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE
}

request() { key "$1" && openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"; }

# leaf NAME AUTHORITY EXTENSION...
leaf() {
    local name=$1 authority=$2
    request "$name"
    printf '%s\n' "${@:3}" >"$name.ext"
    openssl x509 -req -in "$name.csr" -CA "$authority.pem" -CAkey "$authority.key" \
        -CAcreateserial -days 10 -extfile "$name.ext" -out "$name.pem"
}

local_names='subjectAltName=DNS:localhost,DNS:app.example,IP:127.0.0.1,IP:::1'

authority ca
authority other
leaf valid ca "$local_names" extendedKeyUsage=serverAuth
leaf wrong ca subjectAltName=DNS:other.example extendedKeyUsage=serverAuth
leaf client ca extendedKeyUsage=clientAuth
leaf stranger other extendedKeyUsage=clientAuth

key selfsigned
openssl req -x509 -new -key selfsigned.key -subj /CN=localhost -days 10 -out selfsigned.pem \
    -addext "$local_names"

# Only `openssl ca` takes dates in the past.
request expired
mkdir -p issued
: >issued/index
echo 01 >issued/serial
cat >issued/ca.cnf <<EOF
[ca]
default_ca = it
[it]
database = issued/index
serial = issued/serial
new_certs_dir = issued
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
$local_names
EOF
openssl ca -batch -config issued/ca.cnf -in expired.csr -out expired.pem -notext \
    -startdate 20200101000000Z -enddate 20200201000000Z
