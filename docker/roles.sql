-- The two roles of an installation: attune_owner migrates, attune_app serves under row-level
-- security. Run it as a superuser in the database that is to hold Attune:
--   psql --dbname attune -v owner_password=… -v app_password=… -f docker/roles.sql
\set ON_ERROR_STOP on

SELECT 'CREATE ROLE attune_owner'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'attune_owner') \gexec
SELECT 'CREATE ROLE attune_app'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'attune_app') \gexec

ALTER ROLE attune_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE CREATEDB
    PASSWORD :'owner_password';
ALTER ROLE attune_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB
    PASSWORD :'app_password';

SELECT format('ALTER DATABASE %I OWNER TO attune_owner', current_database()) \gexec
