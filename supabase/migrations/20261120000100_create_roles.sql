-- Supabase brings the roles its keys map to; a bare PostgreSQL does not. Creating them only where missing lets the
-- same files apply on both. Helpers live in a schema of their own that the REST interface does not expose.

do $$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'anon') then
    create role anon nologin noinherit;
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
    create role authenticated nologin noinherit;
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = 'service_role') then
    create role service_role nologin noinherit bypassrls;
  end if;
end $$;

grant usage on schema public to anon, authenticated, service_role;

create schema if not exists private;
revoke all on schema private from public;
