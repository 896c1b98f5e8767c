-- Videos. size_bytes is the truth; size_mb (1 MB = 1,048,576 bytes) is what frontends of the predecessor read.
-- filepath is the path below the media host's delivery address (rows of the predecessor hold a whole address).

create table if not exists public.videos (
  id uuid constraint videos_pkey primary key default gen_random_uuid(),
  user_id uuid not null constraint videos_user_id_fkey references public.users (id),
  filename text not null,
  filepath text not null,
  title text not null,
  uploaded_at timestamptz not null default now(),
  deleted_at timestamptz,
  size_mb double precision not null
);

alter table public.videos
  add column if not exists size_bytes bigint,
  add column if not exists media_id text,
  add column if not exists format text,
  add column if not exists duration_seconds double precision;

update public.videos set size_bytes = round(size_mb * 1048576) where size_bytes is null;
update public.videos set media_id = filename where media_id is null;

alter table public.videos
  alter column size_bytes set not null,
  alter column media_id set not null,
  drop constraint if exists videos_size_check,
  add constraint videos_size_check check (size_bytes >= 0);

create unique index if not exists videos_filename_key on public.videos (filename);
create index if not exists videos_newest_idx on public.videos (uploaded_at desc, id desc) where deleted_at is null;
create index if not exists videos_user_newest_idx on public.videos (user_id, uploaded_at desc, id desc)
  where deleted_at is null;
-- Hyphens, slashes and dots part words: the parser would keep "Spider-Man" whole, and an unfinished "spider-m" finds
-- nothing then.
create index if not exists videos_title_idx
  on public.videos using gin (to_tsvector('simple', translate(title, '-/.', '   ')))
  where deleted_at is null;

alter table public.videos enable row level security;
revoke all on public.videos from anon, authenticated;
grant select, insert, update, delete on public.videos to service_role;

update public.users u
set storage_used_bytes = v.bytes, video_count = v.count
from (
  select user_id, sum(size_bytes)::bigint as bytes, count(*) as count
  from public.videos where deleted_at is null group by user_id
) v
where u.id = v.user_id and u.video_count = 0 and u.storage_used_bytes = 0;
