-- Reservations and usage. A reservation is open, then settled to the true size or released; usage is keyed by the UTC
-- day, so a missed, late or repeated reset changes no answer about today.
--
-- One rule keeps this free of deadlocks: whoever changes a user's reservations or usage holds that user's row first.

create table if not exists public.uploads (
  id uuid constraint uploads_pkey primary key,
  user_id uuid not null constraint uploads_user_id_fkey references public.users (id) on delete cascade,
  kind text not null constraint uploads_kind_check check (kind in ('multipart', 'direct')),
  state text not null default 'open' constraint uploads_state_check check (state in ('open', 'settled', 'released')),
  day date not null,
  reserved_bytes bigint not null constraint uploads_reserved_check check (reserved_bytes >= 0),
  media_id text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

comment on column public.uploads.id is 'also the id of the video that it becomes';

create index if not exists uploads_user_idx on public.uploads (user_id, expires_at) where state = 'open';
create index if not exists uploads_expiry_idx on public.uploads (expires_at) where state = 'open';
create index if not exists uploads_closed_idx on public.uploads (expires_at) where state <> 'open';
create unique index if not exists uploads_multipart_key on public.uploads (user_id)
  where state = 'open' and kind = 'multipart';

create table if not exists public.playbacks (
  id uuid constraint playbacks_pkey primary key,
  user_id uuid not null constraint playbacks_user_id_fkey references public.users (id) on delete cascade,
  video_id uuid not null,
  state text not null default 'open' constraint playbacks_state_check check (state in ('open', 'settled', 'released')),
  day date not null,
  reserved_bytes bigint not null,
  used_bytes bigint not null default 0,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create unique index if not exists playbacks_open_key on public.playbacks (user_id, video_id) where state = 'open';
create index if not exists playbacks_expiry_idx on public.playbacks (expires_at);

create table if not exists public.daily_usage (
  user_id uuid not null constraint daily_usage_user_id_fkey references public.users (id) on delete cascade,
  day date not null,
  upload_used_bytes bigint not null default 0,
  upload_reserved_bytes bigint not null default 0,
  playback_used_bytes bigint not null default 0,
  playback_reserved_bytes bigint not null default 0,
  constraint daily_usage_pkey primary key (user_id, day),
  constraint daily_usage_bytes_check check (
    upload_used_bytes >= 0 and upload_reserved_bytes >= 0 and playback_used_bytes >= 0 and playback_reserved_bytes >= 0
  )
);

create index if not exists daily_usage_day_idx on public.daily_usage (day);

create table if not exists public.usage_archive (
  user_id uuid not null,
  day date not null,
  upload_bytes bigint not null,
  playback_bytes bigint not null,
  archived_at timestamptz not null default now(),
  constraint usage_archive_pkey primary key (user_id, day)
);

-- Media that must go from the host: written in the transaction that hides or releases it, so that it cannot be
-- forgotten; taken out once the host has confirmed.

create table if not exists public.media_purges (
  media_id text constraint media_purges_pkey primary key,
  requested_at timestamptz not null default now(),
  attempts integer not null default 0,
  last_attempt_at timestamptz
);

create index if not exists media_purges_requested_idx on public.media_purges (requested_at);

-- A flag that the predecessor left set belongs to no upload that could still end.
update public.users u set uploading = false
where uploading and not exists (
  select from public.uploads where user_id = u.id and kind = 'multipart' and state = 'open');

do $$
declare
  name text;
begin
  foreach name in array array['uploads', 'playbacks', 'daily_usage', 'usage_archive', 'media_purges'] loop
    execute format('alter table public.%I enable row level security', name);
    execute format('revoke all on public.%I from anon, authenticated', name);
    execute format('grant select, insert, update, delete on public.%I to service_role', name);
  end loop;
end $$;
