#!/bin/sh
# Starts Redis as the ledger wants it: nothing that was acknowledged is forgotten, and one user with no more rights than
# the ledger needs. The password is in the file that PASSWORD_FILE names.
set -eu
umask 077
password=$(tr -d '\n' < "$PASSWORD_FILE" | sha256sum | cut -d ' ' -f 1)
cat > /run/redis/users.acl <<EOF
user default off
user tessera on #$password ~{tessera}:* ~{demo}:* &{tessera}:* &{demo}:* +@read +@write +@scripting +@pubsub +@connection -@dangerous +info +time
EOF
exec redis-server --aclfile /run/redis/users.acl --dir /data \
    --appendonly yes --appendfsync always --save "" --maxmemory 200mb --maxmemory-policy noeviction "$@"
