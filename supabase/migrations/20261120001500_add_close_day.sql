-- The daily job. Usage is keyed by day, so nothing here changes an answer about today: it archives, frees what was
-- left open and forgets what is old. Twice is the same as once, and three missed days are made up by the next run.

-- One batch of each kind of work; the caller repeats until {more} is false.
create or replace function public.close_day(p_batch integer)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_user_id uuid;
  v_uploads integer := 0;
  v_playbacks integer := 0;
  v_archived integer;
  v_forgotten integer;
  v_total integer := 0;
begin
  -- By user id and under each user's row: two runs at once wait for each other instead of deadlocking.
  for v_user_id in
    select user_id from (
      (select user_id from public.uploads where state = 'open' and expires_at <= now() limit p_batch)
      union
      (select user_id from public.playbacks where state = 'open' and expires_at <= now() limit p_batch)
    ) expired order by user_id
  loop
    perform private.lock_user(v_user_id);
    v_uploads := v_uploads + private.release_expired_uploads(v_user_id);
    v_playbacks := v_playbacks + private.release_expired_playbacks(v_user_id);
  end loop;

  -- From here on, rows that somebody holds are left to the next run: waiting for them, in whatever order they come,
  -- could close a circle with a login or a second run. A day with an open reservation stays until that is settled or
  -- released.
  with past as (
    delete from public.daily_usage where (user_id, day) in (
      select user_id, day from public.daily_usage d
      where day < private.today()
        and not exists (select from public.uploads u where u.user_id = d.user_id and u.day = d.day and u.state = 'open')
        and not exists (select from public.playbacks p
                        where p.user_id = d.user_id and p.day = d.day and p.state = 'open')
      order by user_id, day limit p_batch for update skip locked)
    returning user_id, day, upload_used_bytes, playback_used_bytes
  )
  insert into public.usage_archive as a (user_id, day, upload_bytes, playback_bytes)
  select user_id, day, upload_used_bytes, playback_used_bytes from past order by user_id, day
  on conflict (user_id, day) do update set
    upload_bytes = a.upload_bytes + excluded.upload_bytes, playback_bytes = a.playback_bytes + excluded.playback_bytes;
  get diagnostics v_archived = row_count;
  v_total := v_archived;

  delete from public.uploads where id in (
    select id from public.uploads where state <> 'open' and expires_at < now() - interval '7 days' limit p_batch
    for update skip locked);
  get diagnostics v_forgotten = row_count;
  v_total := greatest(v_total, v_forgotten);
  delete from public.playbacks where id in (
    select id from public.playbacks where state <> 'open' and expires_at < now() - interval '7 days' limit p_batch
    for update skip locked);
  get diagnostics v_forgotten = row_count;
  v_total := greatest(v_total, v_forgotten);
  delete from public.login_attempts where key in (
    select key from public.login_attempts where window_started_at < now() - interval '1 day' limit p_batch
    for update skip locked);
  get diagnostics v_forgotten = row_count;
  v_total := greatest(v_total, v_forgotten, v_uploads, v_playbacks);

  return jsonb_build_object(
    'archived', v_archived, 'released_uploads', v_uploads, 'released_playbacks', v_playbacks,
    'more', v_total >= p_batch);
end $$;

-- Media to destroy now: oldest first, none that was tried within the last ten minutes.
create or replace function public.claim_purges(p_batch integer)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_media_ids text[];
begin
  with claimed as (
    update public.media_purges set attempts = attempts + 1, last_attempt_at = now()
    where media_id in (
      select media_id from public.media_purges
      where last_attempt_at is null or last_attempt_at < now() - interval '10 minutes'
      order by requested_at limit p_batch for update skip locked)
    returning media_id
  )
  select array_agg(media_id) into v_media_ids from claimed;
  return jsonb_build_object('media_ids', coalesce(to_jsonb(v_media_ids), '[]'::jsonb));
end $$;

revoke execute on function public.close_day(integer), public.claim_purges(integer) from public, anon, authenticated;
grant execute on function public.close_day(integer), public.claim_purges(integer) to service_role;
