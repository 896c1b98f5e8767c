-- For `make reconcile`: what the database knows of the media host, and the three corrections.

-- Page of {videos: [{id, media_id, size_bytes}], next}: visible videos in the order of their ids, of a folder only.
create or replace function public.list_media(p_folder text, p_after uuid, p_limit integer)
returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  v_rows jsonb;
begin
  select coalesce(jsonb_agg(to_jsonb(v) order by v.id), '[]'::jsonb) into v_rows from (
    select id, media_id, size_bytes from public.videos
    where deleted_at is null and id > p_after and starts_with(media_id, p_folder || '/')
      and filepath !~ '^https?://'  -- left at another host
    order by id limit p_limit) v;
  return jsonb_build_object('videos', v_rows, 'next', v_rows -> -1 -> 'id');
end $$;

-- {media_ids, foreign_ids}: those that no visible video, no open upload and no waiting purge names. Foreign are those of
-- users that are not known here: another deployment's.
create or replace function public.unknown_media(p_media_ids text[])
returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'media_ids', coalesce(jsonb_agg(m.media_id) filter (where m.is_ours), '[]'::jsonb),
    'foreign_ids', coalesce(jsonb_agg(m.media_id) filter (where not m.is_ours), '[]'::jsonb))
  from (
    select media_id, exists (select from public.users where id::text = split_part(media_id, '/', 2)) as is_ours
    from unnest(p_media_ids) as given(media_id)
  ) m
  where not exists (select from public.videos v where v.media_id = m.media_id and v.deleted_at is null)
    and not exists (select from public.uploads u where u.media_id = m.media_id and u.state = 'open')
    and not exists (select from public.media_purges p where p.media_id = m.media_id)
$$;

-- Queues for purging what is (still) unknown; answers {media_ids}.
create or replace function public.purge_unknown_media(p_media_ids text[])
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_unknown jsonb := public.unknown_media(p_media_ids);
begin
  insert into public.media_purges (media_id) select jsonb_array_elements_text(v_unknown -> 'media_ids')
  on conflict do nothing;
  return v_unknown;
end $$;

-- Sets a visible video to the size that the host reports, or hides it when the host has lost it (p_size_bytes null).
-- The day's bandwidth stays what was uploaded. Answers {changed}.
create or replace function public.correct_video(p_video_id uuid, p_size_bytes bigint)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_video public.videos;
begin
  select * into v_video from public.videos where id = p_video_id;
  if v_video.id is null then
    return jsonb_build_object('changed', false);
  end if;
  perform private.lock_user(v_video.user_id);
  select * into v_video from public.videos where id = p_video_id and deleted_at is null;
  if v_video.id is null or v_video.size_bytes = p_size_bytes then
    return jsonb_build_object('changed', false);
  end if;
  update public.videos set
    size_bytes = coalesce(p_size_bytes, size_bytes),
    size_mb = coalesce(p_size_bytes / 1048576.0, size_mb),
    deleted_at = case when p_size_bytes is null then now() end
  where id = p_video_id;
  update public.users set
    storage_used_bytes = storage_used_bytes - v_video.size_bytes + coalesce(p_size_bytes, 0),
    video_count = video_count - (p_size_bytes is null)::integer
  where id = v_video.user_id;
  if p_size_bytes is null then
    perform private.add_to_total('videos', -1);
  end if;
  return jsonb_build_object('changed', true);
end $$;

create index if not exists videos_media_idx on public.videos (media_id) where deleted_at is null;
create index if not exists uploads_media_idx on public.uploads (media_id) where state = 'open';

revoke execute on function
  public.list_media(text, uuid, integer), public.unknown_media(text[]), public.purge_unknown_media(text[]),
  public.correct_video(uuid, bigint)
from public, anon, authenticated;

grant execute on function
  public.list_media(text, uuid, integer), public.unknown_media(text[]), public.purge_unknown_media(text[]),
  public.correct_video(uuid, bigint)
to service_role;
