-- The audit log. No foreign key to users: an event about an unknown or removed account is still an event, and one bad
-- row must not hold up a batch. The id comes from the sender, so at-least-once delivery gives exactly one row.

create table if not exists public.logs (
  id uuid constraint logs_pkey primary key default gen_random_uuid(),
  user_id uuid,
  action_type text not null,
  description text not null,
  service_name text not null,
  created_at timestamptz not null default now()
);

alter table public.logs drop constraint if exists logs_user_id_fkey;

create index if not exists logs_newest_idx on public.logs (created_at desc, id desc);
create index if not exists logs_user_newest_idx on public.logs (user_id, created_at desc, id desc);

alter table public.logs enable row level security;
revoke all on public.logs from anon, authenticated;
grant select, insert, update, delete on public.logs to service_role;

-- Counts that lists answer with: (videos, everybody), (logs, everybody), (logs, <user>). Kept by whoever inserts or
-- deletes, because count(*) costs as much as there are rows.

create table if not exists public.totals (
  scope text not null,
  owner_id uuid not null,
  value bigint not null default 0,
  constraint totals_pkey primary key (scope, owner_id),
  constraint totals_value_check check (value >= 0)
);

comment on column public.totals.owner_id is 'a user, or the nil UUID for everybody';

alter table public.totals enable row level security;
revoke all on public.totals from anon, authenticated;
grant select, insert, update, delete on public.totals to service_role;

insert into public.totals (scope, owner_id, value)
select 'videos', '00000000-0000-0000-0000-000000000000', count(*) from public.videos where deleted_at is null
on conflict do nothing;

insert into public.totals (scope, owner_id, value)
select 'logs', '00000000-0000-0000-0000-000000000000', count(*) from public.logs
on conflict do nothing;

insert into public.totals (scope, owner_id, value)
select 'logs', user_id, count(*) from public.logs where user_id is not null group by user_id
on conflict do nothing;
