#!/bin/sh
# Runs once, when the database container makes its data folder.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    -v owner_password="$(cat /run/secrets/owner_password)" \
    -v app_password="$(cat /run/secrets/app_password)" \
    -f /roles.sql
