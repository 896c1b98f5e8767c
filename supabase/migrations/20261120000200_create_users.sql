-- Accounts, and the totals that every quota decision needs: kept here, never summed, so that an answer costs the same
-- for ten videos and for a hundred thousand. A table that the predecessor left keeps its rows and gains the columns.

create table if not exists public.users (
  id uuid constraint users_pkey primary key default gen_random_uuid(),
  email text not null,
  password text not null,
  username text not null,
  created_at timestamptz not null default now(),
  role text not null default 'user',
  uploading boolean not null default false
);

alter table public.users
  add column if not exists storage_used_bytes bigint not null default 0,
  add column if not exists storage_reserved_bytes bigint not null default 0,
  add column if not exists video_count bigint not null default 0;

alter table public.users
  drop constraint if exists users_role_check,
  drop constraint if exists users_totals_check,
  add constraint users_role_check check (role in ('user', 'admin')),
  add constraint users_totals_check
    check (storage_used_bytes >= 0 and storage_reserved_bytes >= 0 and video_count >= 0);

-- Not "users_email_key": that is what PostgreSQL calls a plain unique constraint, which the predecessor may have.
create unique index if not exists users_lower_email_key on public.users (lower(email));

comment on column public.users.password is 'bcrypt';
comment on column public.users.uploading is 'a multipart upload is in flight; its row in uploads says since when';

alter table public.users enable row level security;
revoke all on public.users from anon, authenticated;
grant select, insert, update, delete on public.users to service_role;
