-- Lists by keyset on an index, deletion that hides first and purges after.

-- Page of {videos, total, next}. p_user_id null: everybody's. p_search: words, the last one as a prefix. next is the
-- keyset position {at, id} to go on from, or null on the last page. A search counts up to 1,000 matches and says
-- whether the count is exact; without a search the total is kept, not counted.
create or replace function public.list_videos(
  p_caller_id uuid, p_user_id uuid, p_search text, p_limit integer, p_start integer,
  p_after_at timestamptz, p_after_id uuid)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_words tsquery;
  v_where text := 'deleted_at is null';
  v_rows public.videos[];
  v_last public.videos;
  v_total bigint;
begin
  if p_user_id is null then
    perform private.require_caller(p_caller_id);
  else
    perform private.require_self_or_admin(p_caller_id, p_user_id);
    v_where := v_where || ' and user_id = $1';
  end if;
  if p_search is not null then
    v_words := plainto_tsquery('simple', translate(p_search, '-/.', '   '));
    if numnode(v_words) = 0 then  -- nothing but punctuation: no title has that as a word
      return jsonb_build_object('videos', '[]'::jsonb, 'total', 0, 'total_is_exact', true, 'next', null);
    end if;
    v_words := (v_words::text || ':*')::tsquery;
    v_where := v_where || ' and to_tsvector(''simple'', translate(title, ''-/.'', ''   '')) @@ $2';
    execute 'select count(*) from (select from public.videos where ' || v_where || ' limit 1001) matches'
      into v_total using p_user_id, v_words;
  elsif p_user_id is null then
    select value into v_total from public.totals
    where scope = 'videos' and owner_id = '00000000-0000-0000-0000-000000000000';
  else
    select video_count into v_total from public.users where id = p_user_id;
  end if;

  -- The statement is put together so that the planner sees only the conditions that hold, and takes the right index.
  if p_after_at is not null then
    v_where := v_where || ' and (uploaded_at, id) < ($3, $4)';
  end if;
  execute 'select array_agg(v order by v.uploaded_at desc, v.id desc) from (select * from public.videos where '
    || v_where || ' order by uploaded_at desc, id desc limit $5 + 1 offset $6) v'
    into v_rows using p_user_id, v_words, p_after_at, p_after_id, p_limit, p_start;
  if array_length(v_rows, 1) > p_limit then
    v_last := v_rows[p_limit];
  end if;
  return jsonb_build_object(
    'videos', (select coalesce(jsonb_agg(private.video_json(v) order by v.uploaded_at desc, v.id desc), '[]')
               from unnest(v_rows[1:p_limit]) v),
    'total', least(coalesce(v_total, 0), case when p_search is null then v_total else 1000 end),
    'total_is_exact', p_search is null or v_total <= 1000,
    'next', case when v_last.id is null then null
            else jsonb_build_object('at', v_last.uploaded_at, 'id', v_last.id) end);
end $$;

-- Hides the caller's video, or all of them (p_filename null), gives the storage back and queues the media for purging
-- in the same transaction. Answers {deleted, media_ids}: at most 100 ids, the daily job takes the rest.
create or replace function public.delete_videos(p_user_id uuid, p_filename text)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_media_ids text[];
  v_bytes bigint;
  v_count bigint;
begin
  perform private.lock_user(p_user_id);
  with hidden as (
    update public.videos set deleted_at = now()
    where user_id = p_user_id and deleted_at is null and (p_filename is null or filename = p_filename)
    returning media_id, size_bytes
  ), queued as (
    insert into public.media_purges (media_id) select media_id from hidden on conflict do nothing
  )
  select array_agg(media_id), coalesce(sum(size_bytes), 0), count(*) into v_media_ids, v_bytes, v_count from hidden;
  if v_count = 0 and p_filename is not null then
    perform private.fail('PT404', 'video_not_found');
  end if;
  update public.users set storage_used_bytes = storage_used_bytes - v_bytes, video_count = video_count - v_count
  where id = p_user_id and v_count > 0;
  if v_count > 0 then
    perform private.add_to_total('videos', -v_count);
  end if;
  return jsonb_build_object('deleted', v_count, 'media_ids', coalesce(to_jsonb(v_media_ids[1:100]), '[]'::jsonb));
end $$;

-- The host has confirmed that these are gone.
create or replace function public.finish_purges(p_media_ids text[])
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  delete from public.media_purges where media_id = any (p_media_ids);
  get diagnostics v_count = row_count;
  return jsonb_build_object('finished', v_count);
end $$;

revoke execute on function
  public.list_videos(uuid, uuid, text, integer, integer, timestamptz, uuid),
  public.delete_videos(uuid, text), public.finish_purges(text[])
from public, anon, authenticated;

grant execute on function
  public.list_videos(uuid, uuid, text, integer, integer, timestamptz, uuid),
  public.delete_videos(uuid, text), public.finish_purges(text[])
to service_role;
