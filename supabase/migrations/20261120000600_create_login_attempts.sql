-- Failed logins per account and per client address, in fixed windows. Keys are hashes: whoever reads this table learns
-- no e-mail and no address, and an attacker's invented e-mails cost a row each until the daily job sweeps them.

create table if not exists public.login_attempts (
  key text constraint login_attempts_pkey primary key,
  failures integer not null default 0 constraint login_attempts_failures_check check (failures >= 0),
  window_started_at timestamptz not null default now()
);

create index if not exists login_attempts_window_idx on public.login_attempts (window_started_at);

alter table public.login_attempts enable row level security;
revoke all on public.login_attempts from anon, authenticated;
grant select, insert, update, delete on public.login_attempts to service_role;
