-- Uploads: reserve before the first byte, settle to the true size, release on failure or expiry. Each decides in one
-- transaction under the user's row, so that twenty parallel uploads cannot pass a limit by one byte.

create or replace function private.today()
returns date language sql stable set search_path = '' as $$
  select (now() at time zone 'utc')::date
$$;

create or replace function private.midnight_after(p_day date)
returns timestamptz language sql immutable set search_path = '' as $$
  select (p_day + 1)::timestamp at time zone 'utc'
$$;

create or replace function private.lock_user(p_user_id uuid)
returns public.users language plpgsql set search_path = '' as $$
declare
  v_user public.users;
begin
  -- "no key": rows that refer to the user can be inserted meanwhile.
  select * into v_user from public.users where id = p_user_id for no key update;
  if v_user.id is null then
    perform private.fail('PT401', 'invalid_token');
  end if;
  return v_user;
end $$;

-- Usage of a user on a day; the row is made when there is none.
create or replace function private.usage_of_day(p_user_id uuid, p_day date)
returns public.daily_usage language plpgsql set search_path = '' as $$
declare
  v_usage public.daily_usage;
begin
  insert into public.daily_usage (user_id, day) values (p_user_id, p_day) on conflict do nothing;
  -- Locked, so that the daily job cannot archive it between this look and the change that follows.
  select * into v_usage from public.daily_usage where user_id = p_user_id and day = p_day for update;
  return v_usage;
end $$;

create or replace function private.quota_detail(p_used bigint, p_reserved bigint, p_limit bigint, p_resets_at timestamptz)
returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'used_bytes', p_used, 'reserved_bytes', p_reserved, 'limit_bytes', p_limit,
    'remaining_bytes', greatest(0, p_limit - p_used - p_reserved), 'resets_at', p_resets_at)
  || case when p_resets_at is null then '{}'::jsonb else jsonb_build_object(
    'retry_after_seconds', private.seconds_until(p_resets_at)) end
$$;

-- Gives the bytes back. The media host may hold the file: it is queued for purging, which is harmless when there is
-- nothing. The caller holds the user's row.
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
end $$;

-- For media that the host may still be taking in: the job looks ten minutes from now at the earliest.
create or replace function private.queue_late_purge(p_media_id text)
returns void language sql set search_path = '' as $$
  insert into public.media_purges (media_id, last_attempt_at) values (p_media_id, now())
  on conflict (media_id) do update set last_attempt_at = now()
$$;

create or replace function private.release_expired_uploads(p_user_id uuid)
returns integer language plpgsql set search_path = '' as $$
declare
  v_upload public.uploads;
  v_count integer := 0;
begin
  for v_upload in
    select * from public.uploads where user_id = p_user_id and state = 'open' and expires_at <= now()
  loop
    perform private.release_upload(v_upload);
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$;

create or replace function private.require_no_multipart_upload(p_user_id uuid)
returns void language plpgsql set search_path = '' as $$
declare
  v_expires_at timestamptz;
begin
  select expires_at into v_expires_at from public.uploads
  where user_id = p_user_id and kind = 'multipart' and state = 'open';
  if v_expires_at is not null then
    perform private.fail('PT409', 'upload_in_progress', jsonb_build_object(
      'retry_after_seconds', private.seconds_until(v_expires_at)));
  end if;
end $$;

-- Reserves p_size_bytes for an upload, or changes what that upload has reserved: the multipart path takes the user's
-- turn with 0 bytes before it reads a body whose exact size it cannot know yet. Safe to repeat.
create or replace function public.reserve_upload(
  p_upload_id uuid, p_user_id uuid, p_kind text, p_size_bytes bigint, p_media_id text,
  p_storage_limit_bytes bigint, p_bandwidth_limit_bytes bigint, p_lifetime_seconds integer)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_user public.users;
  v_usage public.daily_usage;
  v_upload public.uploads;
  v_added bigint := p_size_bytes;
begin
  perform private.lock_user(p_user_id);
  perform private.release_expired_uploads(p_user_id);
  select * into v_upload from public.uploads where id = p_upload_id and user_id = p_user_id;
  if v_upload.id is not null then
    if v_upload.state <> 'open' then
      perform private.fail('PT410', 'upload_expired');
    end if;
    v_added := p_size_bytes - v_upload.reserved_bytes;
  elsif p_kind = 'multipart' then
    perform private.require_no_multipart_upload(p_user_id);
  end if;

  select * into v_user from public.users where id = p_user_id;
  if v_user.storage_used_bytes + v_user.storage_reserved_bytes + v_added > p_storage_limit_bytes then
    perform private.fail('PT413', 'storage_quota_exceeded', private.quota_detail(
      v_user.storage_used_bytes, v_user.storage_reserved_bytes, p_storage_limit_bytes, null));
  end if;
  v_usage := private.usage_of_day(p_user_id, coalesce(v_upload.day, private.today()));
  if v_usage.upload_used_bytes + v_usage.upload_reserved_bytes + v_added > p_bandwidth_limit_bytes then
    perform private.fail('PT429', 'bandwidth_quota_exceeded', private.quota_detail(
      v_usage.upload_used_bytes, v_usage.upload_reserved_bytes, p_bandwidth_limit_bytes,
      private.midnight_after(v_usage.day)));
  end if;

  insert into public.uploads (id, user_id, kind, day, reserved_bytes, media_id, expires_at)
  values (p_upload_id, p_user_id, p_kind, v_usage.day, p_size_bytes, p_media_id,
    now() + make_interval(secs => p_lifetime_seconds))
  on conflict (id) do update set reserved_bytes = excluded.reserved_bytes
    where uploads.user_id = excluded.user_id
  returning * into v_upload;
  if v_upload.id is null then  -- an id that another user's upload has
    perform private.fail('PT410', 'upload_expired');
  end if;
  update public.users set
    storage_reserved_bytes = storage_reserved_bytes + v_added,
    uploading = uploading or p_kind = 'multipart'
  where id = p_user_id;
  update public.daily_usage set upload_reserved_bytes = upload_reserved_bytes + v_added
  where user_id = p_user_id and day = v_usage.day;
  return jsonb_build_object('upload_id', v_upload.id, 'expires_at', v_upload.expires_at);
end $$;

create or replace function private.video_json(p_video public.videos)
returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object(
    'id', p_video.id, 'user_id', p_video.user_id, 'filename', p_video.filename, 'filepath', p_video.filepath,
    'title', p_video.title, 'uploaded_at', p_video.uploaded_at, 'size_mb', p_video.size_mb,
    'size_bytes', p_video.size_bytes, 'format', p_video.format, 'duration_seconds', p_video.duration_seconds)
$$;

create or replace function private.add_to_total(p_scope text, p_change bigint)
returns void language sql set search_path = '' as $$
  insert into public.totals as t (scope, owner_id, value)
  values (p_scope, '00000000-0000-0000-0000-000000000000', greatest(p_change, 0))
  on conflict (scope, owner_id) do update set value = t.value + p_change
$$;

-- Turns the reservation into a video of the true size. Safe to repeat. PT410 once the reservation is gone: the caller
-- destroys the file, nothing counts it any more.
create or replace function public.settle_upload(
  p_upload_id uuid, p_user_id uuid, p_size_bytes bigint, p_filename text, p_filepath text, p_title text,
  p_format text, p_duration_seconds double precision)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_upload public.uploads;
  v_video public.videos;
begin
  perform private.lock_user(p_user_id);
  select * into v_upload from public.uploads where id = p_upload_id and user_id = p_user_id;
  if v_upload.state = 'settled' then
    select * into v_video from public.videos where id = p_upload_id;
    return private.video_json(v_video);
  end if;
  if v_upload.id is null or v_upload.state <> 'open' then
    perform private.fail('PT410', 'upload_expired');
  end if;
  if p_size_bytes > v_upload.reserved_bytes then
    perform private.fail('PT413', 'larger_than_reserved');
  end if;

  insert into public.videos
    (id, user_id, filename, filepath, title, size_mb, size_bytes, media_id, format, duration_seconds)
  values
    (p_upload_id, p_user_id, p_filename, p_filepath, p_title, p_size_bytes / 1048576.0, p_size_bytes,
     v_upload.media_id, p_format, p_duration_seconds)
  returning * into v_video;
  update public.uploads set state = 'settled' where id = p_upload_id;
  update public.users set
    storage_reserved_bytes = storage_reserved_bytes - v_upload.reserved_bytes,
    storage_used_bytes = storage_used_bytes + p_size_bytes,
    video_count = video_count + 1,
    uploading = case when v_upload.kind = 'multipart' then false else uploading end
  where id = p_user_id;
  update public.daily_usage set
    upload_reserved_bytes = upload_reserved_bytes - v_upload.reserved_bytes,
    upload_used_bytes = upload_used_bytes + p_size_bytes
  where user_id = p_user_id and day = v_upload.day;
  perform private.add_to_total('videos', 1);
  return private.video_json(v_video);
end $$;

-- Gives a failed upload's bytes back. p_media_absent says that the host was given nothing of it, or has refused it.
-- Safe to repeat; a settled upload stays settled. An upload that is not known (yet) is marked as released, so that a
-- reservation that arrives late finds its upload given up.
create or replace function public.release_upload(
  p_upload_id uuid, p_user_id uuid, p_media_id text, p_media_absent boolean)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_upload public.uploads;
begin
  perform private.lock_user(p_user_id);
  select * into v_upload from public.uploads where id = p_upload_id and user_id = p_user_id;
  if v_upload.id is null then
    insert into public.uploads (id, user_id, kind, state, day, reserved_bytes, media_id, expires_at)
    values (p_upload_id, p_user_id, 'multipart', 'released', private.today(), 0, p_media_id, now())
    on conflict do nothing;
  elsif v_upload.state = 'open' then
    perform private.release_upload(v_upload);
  end if;
  if v_upload.state <> 'settled' and p_media_absent then
    delete from public.media_purges where media_id = v_upload.media_id;
  elsif v_upload.state <> 'settled' then
    perform private.queue_late_purge(v_upload.media_id);
  end if;
  return jsonb_build_object('state', (select state from public.uploads where id = p_upload_id));
end $$;

-- What check_storage and record_usage answer from: totals and today's usage, in bytes.
create or replace function public.account_usage(p_user_id uuid)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_user public.users := private.require_caller(p_user_id);
  v_usage public.daily_usage;
begin
  -- A look, not a lock, unless something has expired: reading is what happens most.
  if exists (select from public.uploads where user_id = p_user_id and state = 'open' and expires_at <= now())
    or exists (select from public.playbacks where user_id = p_user_id and state = 'open' and expires_at <= now())
  then
    perform private.lock_user(p_user_id);
    perform private.release_expired_uploads(p_user_id), private.release_expired_playbacks(p_user_id);
    select * into v_user from public.users where id = p_user_id;
  end if;
  select * into v_usage from public.daily_usage where user_id = p_user_id and day = private.today();
  return jsonb_build_object(
    'storage_used_bytes', v_user.storage_used_bytes,
    'storage_reserved_bytes', v_user.storage_reserved_bytes,
    'video_count', v_user.video_count,
    'uploading', v_user.uploading,
    'upload_used_bytes', coalesce(v_usage.upload_used_bytes, 0),
    'upload_reserved_bytes', coalesce(v_usage.upload_reserved_bytes, 0),
    'playback_used_bytes', coalesce(v_usage.playback_used_bytes, 0),
    'playback_reserved_bytes', coalesce(v_usage.playback_reserved_bytes, 0),
    'resets_at', private.midnight_after(private.today()));
end $$;

revoke execute on function
  private.today(), private.midnight_after(date), private.lock_user(uuid), private.usage_of_day(uuid, date),
  private.require_no_multipart_upload(uuid),
  private.quota_detail(bigint, bigint, bigint, timestamptz), private.release_upload(public.uploads),
  private.queue_late_purge(text),
  private.release_expired_uploads(uuid), private.video_json(public.videos), private.add_to_total(text, bigint),
  public.reserve_upload(uuid, uuid, text, bigint, text, bigint, bigint, integer),
  public.settle_upload(uuid, uuid, bigint, text, text, text, text, double precision),
  public.release_upload(uuid, uuid, text, boolean), public.account_usage(uuid)
from public, anon, authenticated;

grant execute on function
  public.reserve_upload(uuid, uuid, text, bigint, text, bigint, bigint, integer),
  public.settle_upload(uuid, uuid, bigint, text, text, text, text, double precision),
  public.release_upload(uuid, uuid, text, boolean), public.account_usage(uuid)
to service_role;
