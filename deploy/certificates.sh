#!/bin/sh
# Makes what [tls] of every role asks for: an authority, and a certificate for each that is renewed by doing this again.
#
#   sh deploy/certificates.sh DIRECTORY [NAME...]
#
# DIRECTORY/ROLE then holds ca.crt, tls.crt and tls.key. DIRECTORY/authority.key signs, and is nobody else's affair.
# A certificate is for its role's name, by which the others also reach it, and for every further NAME of a host.
set -eu
umask 077
mkdir -p "$1" && cd "$1" && shift
names=
for name; do names="$names,DNS:$name"; done
days=${DAYS:-90}
new="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc"
[ -e authority.key ] || $new -days 3650 -subj /CN=Tessera -keyout authority.key -out authority.crt
for role in gateway generation quota operator client; do
  mkdir -p "$role"
  $new -days "$days" -CA authority.crt -CAkey authority.key -subj "/CN=$role" \
    -addext "subjectAltName=DNS:$role$names" -addext basicConstraints=critical,CA:FALSE \
    -keyout "$role/new.key" -out "$role/new.crt"
  cp authority.crt "$role/ca.crt"
  mv "$role/new.key" "$role/tls.key" && mv "$role/new.crt" "$role/tls.crt"
done
