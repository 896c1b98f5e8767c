-- Playbacks: watching reserves the video's size against the day's allowance, the report settles to what was really
-- used, expiry releases. An allowance of 0 means none: usage is kept, nothing is refused.

-- Answers {playback_id, expires_at, video, allowance}. A second look at the same video while the first is open
-- prolongs that reservation instead of adding one.
create or replace function public.reserve_playback(
  p_playback_id uuid, p_user_id uuid, p_filename text, p_allowance_bytes bigint, p_lifetime_seconds integer)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_expires_at timestamptz := now() + make_interval(secs => p_lifetime_seconds);
  v_video public.videos;
  v_open public.playbacks;
  v_usage public.daily_usage;
begin
  perform private.lock_user(p_user_id);
  select * into v_video from public.videos where filename = p_filename and deleted_at is null;
  if v_video.id is null then
    perform private.fail('PT404', 'video_not_found');
  end if;
  perform private.release_expired_playbacks(p_user_id);
  v_usage := private.usage_of_day(p_user_id, private.today());
  select * into v_open from public.playbacks
  where user_id = p_user_id and video_id = v_video.id and state = 'open';
  if v_open.day < v_usage.day then  -- begun before midnight: what is watched today counts today
    perform private.close_playback(v_open, 'released');
    v_open := null;
  end if;
  update public.playbacks set expires_at = v_expires_at where id = v_open.id;

  if v_open.id is null then
    if p_allowance_bytes > 0 and
       v_usage.playback_used_bytes + v_usage.playback_reserved_bytes + v_video.size_bytes > p_allowance_bytes then
      perform private.fail('PT429', 'playback_quota_exceeded', private.quota_detail(
        v_usage.playback_used_bytes, v_usage.playback_reserved_bytes, p_allowance_bytes,
        private.midnight_after(v_usage.day)));
    end if;
    insert into public.playbacks (id, user_id, video_id, day, reserved_bytes, expires_at)
    values (p_playback_id, p_user_id, v_video.id, v_usage.day, v_video.size_bytes, v_expires_at)
    returning * into v_open;
    update public.daily_usage set playback_reserved_bytes = playback_reserved_bytes + v_video.size_bytes
    where user_id = p_user_id and day = v_usage.day
    returning * into v_usage;
  end if;
  return jsonb_build_object(
    'playback_id', v_open.id, 'expires_at', v_expires_at, 'video', private.video_json(v_video),
    'allowance', jsonb_build_object(
      'used_bytes', v_usage.playback_used_bytes, 'reserved_bytes', v_usage.playback_reserved_bytes,
      'resets_at', private.midnight_after(v_usage.day)));
end $$;

-- Ends an open playback: the reserved bytes go back. The caller holds the user's row.
create or replace function private.close_playback(p_playback public.playbacks, p_state text)
returns void language plpgsql set search_path = '' as $$
begin
  update public.playbacks set state = p_state where id = p_playback.id;
  update public.daily_usage set playback_reserved_bytes = playback_reserved_bytes - p_playback.reserved_bytes
  where user_id = p_playback.user_id and day = p_playback.day;
end $$;

create or replace function private.release_expired_playbacks(p_user_id uuid)
returns integer language plpgsql set search_path = '' as $$
declare
  v_playback public.playbacks;
  v_count integer := 0;
begin
  for v_playback in
    select * from public.playbacks where user_id = p_user_id and state = 'open' and expires_at <= now()
  loop
    perform private.close_playback(v_playback, 'released');
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$;

-- Reports the bytes that a playback has used so far. A player may report often: the highest figure counts once, on
-- the day the playback began. Answers as account_usage does.
create or replace function public.record_playback(p_playback_id uuid, p_user_id uuid, p_used_bytes bigint)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_playback public.playbacks;
  v_added bigint;
begin
  perform private.lock_user(p_user_id);
  select * into v_playback from public.playbacks where id = p_playback_id and user_id = p_user_id;
  if v_playback.id is null then
    perform private.fail('PT404', 'playback_not_found');
  end if;
  if v_playback.state = 'open' then
    perform private.close_playback(v_playback, 'settled');
  end if;
  v_added := greatest(0, p_used_bytes - v_playback.used_bytes);
  update public.playbacks set used_bytes = used_bytes + v_added, state = 'settled' where id = p_playback_id;
  -- The job may have archived that day already: then a row of its own is archived after it.
  insert into public.daily_usage as d (user_id, day, playback_used_bytes)
  values (p_user_id, v_playback.day, v_added)
  on conflict (user_id, day) do update set playback_used_bytes = d.playback_used_bytes + v_added;
  return public.account_usage(p_user_id);
end $$;

revoke execute on function
  private.close_playback(public.playbacks, text), private.release_expired_playbacks(uuid),
  public.reserve_playback(uuid, uuid, text, bigint, integer), public.record_playback(uuid, uuid, bigint)
from public, anon, authenticated;

grant execute on function
  public.reserve_playback(uuid, uuid, text, bigint, integer), public.record_playback(uuid, uuid, bigint)
to service_role;
