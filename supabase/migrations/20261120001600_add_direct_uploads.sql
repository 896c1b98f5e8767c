-- Direct uploads: a client sends the file to the media host itself, under a reservation that lives as long as its
-- ticket. What the ticket was for stands with the reservation, so that whoever says first that the file is there, the
-- client or the media host, makes the same video of it.

alter table public.uploads
  add column if not exists title text,
  add column if not exists format text,
  add column if not exists refusal text,
  add column if not exists checked_at timestamptz;

comment on column public.uploads.refusal is 'the code of the error with which the file was refused';
comment on column public.uploads.checked_at is 'when, its ticket having ended, the file was found to be the one that counts';

create index if not exists uploads_unchecked_idx on public.uploads (expires_at)
  where kind = 'direct' and state = 'settled' and checked_at is null;

-- A ticket that was signed stays valid until it expires, whatever became of the upload: its media is looked for once
-- more after that.
alter table public.media_purges add column if not exists not_before timestamptz;

-- Ten minutes: a last chunk that began in time may still be on its way.
create or replace function private.keep_purge_until_ticket_ends(p_upload public.uploads)
returns void language sql set search_path = '' as $$
  insert into public.media_purges (media_id, not_before)
  select p_upload.media_id, p_upload.expires_at + interval '10 minutes' where p_upload.kind = 'direct'
  on conflict (media_id) do update set not_before = excluded.not_before
$$;

-- Reserves for a direct upload. Safe to repeat. PT429 too_many_uploads when the user has p_open_limit under way.
create or replace function public.reserve_direct_upload(
  p_upload_id uuid, p_user_id uuid, p_size_bytes bigint, p_media_id text, p_title text, p_format text,
  p_storage_limit_bytes bigint, p_bandwidth_limit_bytes bigint, p_lifetime_seconds integer, p_open_limit integer)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_open integer;
  v_next_end timestamptz;
  v_answer jsonb;
begin
  perform private.lock_user(p_user_id);
  select count(*), min(expires_at) into v_open, v_next_end from public.uploads
  where user_id = p_user_id and kind = 'direct' and state = 'open' and expires_at > now() and id <> p_upload_id;
  if v_open >= p_open_limit then
    perform private.fail('PT429', 'too_many_uploads', jsonb_build_object(
      'retry_after_seconds', private.seconds_until(v_next_end)));
  end if;
  v_answer := public.reserve_upload(
    p_upload_id, p_user_id, 'direct', p_size_bytes, p_media_id, p_storage_limit_bytes, p_bandwidth_limit_bytes,
    p_lifetime_seconds);
  update public.uploads set title = p_title, format = p_format where id = p_upload_id;
  return v_answer;
end $$;

-- What became of a direct upload of this user: {upload_id, state, media_id, size_bytes, title, format, expires_at,
-- is_expired, refusal, video}; video is null until the upload is settled, and again once the video is deleted.
create or replace function public.find_direct_upload(p_upload_id uuid, p_user_id uuid)
returns jsonb language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_user public.users := private.require_caller(p_user_id);
  v_upload public.uploads;
  v_video public.videos;
begin
  select * into v_upload from public.uploads where id = p_upload_id and user_id = v_user.id and kind = 'direct';
  if v_upload.id is null then
    perform private.fail('PT404', 'upload_not_found');
  end if;
  select * into v_video from public.videos where id = p_upload_id and deleted_at is null;
  return jsonb_build_object(
    'upload_id', v_upload.id, 'state', v_upload.state, 'media_id', v_upload.media_id,
    'size_bytes', v_upload.reserved_bytes, 'title', v_upload.title, 'format', v_upload.format,
    'expires_at', v_upload.expires_at, 'is_expired', v_upload.expires_at <= now(), 'refusal', v_upload.refusal,
    'video', case when v_video.id is null then null else private.video_json(v_video) end);
end $$;

-- settle_upload with what the ticket said. PT404 for what was a video and is deleted.
create or replace function public.settle_direct_upload(
  p_upload_id uuid, p_user_id uuid, p_size_bytes bigint, p_filepath text, p_format text,
  p_duration_seconds double precision)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_video jsonb;
begin
  v_video := public.settle_upload(
    p_upload_id, p_user_id, p_size_bytes, p_upload_id || '.' || p_format, p_filepath,
    (select title from public.uploads where id = p_upload_id), p_format, p_duration_seconds);
  if exists (select from public.videos where id = p_upload_id and deleted_at is not null) then
    perform private.fail('PT404', 'video_not_found');
  end if;
  return v_video;
end $$;

-- As before, but the media of a ticket that has not ended stays queued until it has.
create or replace function private.release_upload(p_upload public.uploads)
returns void language plpgsql set search_path = '' as $$
begin
  update public.uploads set state = 'released' where id = p_upload.id;
  update public.users set
    storage_reserved_bytes = storage_reserved_bytes - p_upload.reserved_bytes,
    uploading = case when p_upload.kind = 'multipart' then false else uploading end
  where id = p_upload.user_id;
  update public.daily_usage set upload_reserved_bytes = upload_reserved_bytes - p_upload.reserved_bytes
  where user_id = p_upload.user_id and day = p_upload.day;
  insert into public.media_purges (media_id) values (p_upload.media_id) on conflict do nothing;
  perform private.keep_purge_until_ticket_ends(p_upload);
end $$;

-- As before, and it also answers 'deleted' for an upload whose video is gone: what a ticket that was used once more has
-- left at the host is nobody's. Whatever is answered but 'settled', the caller destroys the media.
create or replace function public.release_upload(
  p_upload_id uuid, p_user_id uuid, p_media_id text, p_media_absent boolean)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_upload public.uploads;
  v_is_deleted boolean := false;
begin
  perform private.lock_user(p_user_id);
  select * into v_upload from public.uploads where id = p_upload_id and user_id = p_user_id;
  if v_upload.id is null then
    insert into public.uploads (id, user_id, kind, state, day, reserved_bytes, media_id, expires_at)
    values (p_upload_id, p_user_id, 'multipart', 'released', private.today(), 0, p_media_id, now())
    on conflict do nothing;
  elsif v_upload.state = 'open' then
    perform private.release_upload(v_upload);
  elsif v_upload.state = 'settled' then
    v_is_deleted := exists (select from public.videos where id = p_upload_id and deleted_at is not null);
  end if;
  if v_upload.state = 'settled' and not v_is_deleted then
    return jsonb_build_object('state', 'settled');
  end if;
  if p_media_absent then
    delete from public.media_purges where media_id = p_media_id;
  else
    perform private.queue_late_purge(p_media_id), private.keep_purge_until_ticket_ends(v_upload);
  end if;
  return jsonb_build_object('state', case when v_is_deleted then 'deleted' else 'released' end);
end $$;

-- release_upload, and why: whoever asks later is told the same.
create or replace function public.refuse_direct_upload(
  p_upload_id uuid, p_user_id uuid, p_media_id text, p_code text)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_outcome jsonb := public.release_upload(p_upload_id, p_user_id, p_media_id, false);
begin
  update public.uploads set refusal = p_code
  where id = p_upload_id and user_id = p_user_id and state = 'released' and refusal is null;
  return v_outcome;
end $$;

-- A page of {uploads: [{upload_id, user_id, media_id, filename, filepath, size_bytes}]}: videos whose ticket has ended
-- and whose file nobody has looked at since. Until then a signed ticket could replace it.
create or replace function public.list_unchecked_uploads(p_limit integer)
returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('uploads', coalesce(jsonb_agg(jsonb_build_object(
    'upload_id', id, 'user_id', user_id, 'media_id', media_id, 'filename', filename, 'filepath', filepath,
    'size_bytes', size_bytes)), '[]'::jsonb))
  from (
    select u.id, u.user_id, u.media_id, v.filename, v.filepath, v.size_bytes
    from public.uploads u join public.videos v on v.id = u.id and v.deleted_at is null
    where u.kind = 'direct' and u.state = 'settled' and u.checked_at is null
      and u.expires_at < now() - interval '10 minutes'
    order by u.expires_at limit p_limit) unchecked
$$;

create or replace function public.finish_upload_checks(p_upload_ids uuid[])
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  update public.uploads set checked_at = now() where id = any (p_upload_ids) and checked_at is null;
  get diagnostics v_count = row_count;
  return jsonb_build_object('finished', v_count);
end $$;

-- Gives up an open direct upload of this user, if p_filename is its id, and deletes videos otherwise: see delete_videos.
-- Answers {deleted, cancelled, media_ids}.
create or replace function public.delete_or_cancel(p_user_id uuid, p_filename text)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_upload public.uploads;
  v_answer jsonb;
begin
  perform private.lock_user(p_user_id);
  select * into v_upload from public.uploads
  where user_id = p_user_id and kind = 'direct' and state = 'open' and id::text = lower(p_filename);
  if v_upload.id is not null then
    perform private.release_upload(v_upload);
    return jsonb_build_object('deleted', 0, 'cancelled', 1, 'media_ids', jsonb_build_array(v_upload.media_id));
  end if;
  v_answer := public.delete_videos(p_user_id, p_filename);
  -- A ticket that was used may be used again until it ends.
  update public.media_purges m set not_before = u.expires_at + interval '10 minutes'
  from public.uploads u
  where u.user_id = p_user_id and u.kind = 'direct' and u.state = 'settled'
    and u.expires_at > now() - interval '10 minutes' and m.media_id = u.media_id;
  return v_answer || jsonb_build_object('cancelled', 0);
end $$;

-- As before, but what must be looked for once more stays queued.
create or replace function public.finish_purges(p_media_ids text[])
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  delete from public.media_purges
  where media_id = any (p_media_ids) and (not_before is null or not_before <= now());
  get diagnostics v_count = row_count;
  return jsonb_build_object('finished', v_count);
end $$;

-- As before, but not ahead of time.
create or replace function public.claim_purges(p_batch integer)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_media_ids text[];
begin
  with claimed as (
    update public.media_purges set attempts = attempts + 1, last_attempt_at = now()
    where media_id in (
      select media_id from public.media_purges
      where (last_attempt_at is null or last_attempt_at < now() - interval '10 minutes')
        and (not_before is null or not_before <= now())
      order by requested_at limit p_batch for update skip locked)
    returning media_id
  )
  select array_agg(media_id) into v_media_ids from claimed;
  return jsonb_build_object('media_ids', coalesce(to_jsonb(v_media_ids), '[]'::jsonb));
end $$;

-- account_usage, and the direct uploads under way: a client that lost its ticket finds it here, to go on or to cancel.
create or replace function public.storage_overview(p_user_id uuid)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_usage jsonb := public.account_usage(p_user_id);
begin
  return v_usage || jsonb_build_object('open_uploads', case
    when (v_usage ->> 'storage_reserved_bytes')::bigint = 0 then '[]'::jsonb
    else (
      select coalesce(jsonb_agg(jsonb_build_object(
        'upload_id', id, 'title', title, 'size_bytes', reserved_bytes, 'expires_at', expires_at)
        order by created_at, id), '[]'::jsonb)
      from public.uploads where user_id = p_user_id and kind = 'direct' and state = 'open')
    end);
end $$;

revoke execute on function
  private.keep_purge_until_ticket_ends(public.uploads),
  public.reserve_direct_upload(uuid, uuid, bigint, text, text, text, bigint, bigint, integer, integer),
  public.find_direct_upload(uuid, uuid),
  public.settle_direct_upload(uuid, uuid, bigint, text, text, double precision),
  public.refuse_direct_upload(uuid, uuid, text, text), public.list_unchecked_uploads(integer),
  public.finish_upload_checks(uuid[]),
  public.delete_or_cancel(uuid, text), public.storage_overview(uuid)
from public, anon, authenticated;

grant execute on function
  public.reserve_direct_upload(uuid, uuid, bigint, text, text, text, bigint, bigint, integer, integer),
  public.find_direct_upload(uuid, uuid),
  public.settle_direct_upload(uuid, uuid, bigint, text, text, double precision),
  public.refuse_direct_upload(uuid, uuid, text, text), public.list_unchecked_uploads(integer),
  public.finish_upload_checks(uuid[]),
  public.delete_or_cancel(uuid, text), public.storage_overview(uuid)
to service_role;
