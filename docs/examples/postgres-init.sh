#!/bin/sh
# Run once by the postgres image: the application's role and database, and the role that may rotate it.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" <<SQL
CREATE ROLE orders LOGIN PASSWORD '$ORDERS_FIRST_PASSWORD';
CREATE ROLE rotator LOGIN CREATEROLE PASSWORD '$ROTATOR_PASSWORD';
CREATE DATABASE orders OWNER orders;
SQL
