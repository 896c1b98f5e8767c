-- The audit log's two sides: a batch in, exactly once however often it is delivered, and pages out.

-- p_events: a JSON array as text. Drivers differ in how they bind jsonb (one sends a JSON string), none in text.
create or replace function public.insert_logs(p_events text)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  with events as (
    select * from jsonb_to_recordset(p_events::jsonb) as e(
      id uuid, user_id uuid, action_type text, description text, service_name text, created_at timestamptz)
  ), inserted as (
    insert into public.logs (id, user_id, action_type, description, service_name, created_at)
    select id, user_id, action_type, description, service_name, created_at from events
    order by id  -- two deliveries of one batch meet in the same order, not in a circle
    on conflict (id) do nothing
    returning user_id
  ), counts as (
    select user_id as owner_id, count(*) as value from inserted where user_id is not null group by user_id
    union all
    select '00000000-0000-0000-0000-000000000000', count(*) from inserted having count(*) > 0
  ), counted as (
    insert into public.totals as t (scope, owner_id, value)
    select 'logs', owner_id, value from counts order by owner_id
    on conflict (scope, owner_id) do update set value = t.value + excluded.value
  )
  select count(*) into v_count from inserted;
  return jsonb_build_object('inserted', v_count);
end $$;

-- Page of {logs, total, next}. p_user_id null: everybody's, for an admin only; p_own_unless_admin narrows that to the
-- caller's own instead of refusing.
create or replace function public.list_logs(
  p_caller_id uuid, p_user_id uuid, p_own_unless_admin boolean, p_limit integer, p_start integer,
  p_after_at timestamptz, p_after_id uuid)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_caller public.users := private.require_caller(p_caller_id);
  v_user_id uuid := p_user_id;
  v_where text := 'true';
  v_rows public.logs[];
  v_last public.logs;
begin
  if v_user_id is null and p_own_unless_admin and v_caller.role <> 'admin' then
    v_user_id := p_caller_id;
  end if;
  if v_caller.role <> 'admin' and v_user_id is distinct from p_caller_id then
    perform private.fail('PT403', 'forbidden');
  end if;
  if v_user_id is not null then
    v_where := v_where || ' and user_id = $1';
  end if;
  if p_after_at is not null then
    v_where := v_where || ' and (created_at, id) < ($2, $3)';
  end if;
  execute 'select array_agg(l order by l.created_at desc, l.id desc) from (select * from public.logs where '
    || v_where || ' order by created_at desc, id desc limit $4 + 1 offset $5) l'
    into v_rows using v_user_id, p_after_at, p_after_id, p_limit, p_start;
  if array_length(v_rows, 1) > p_limit then
    v_last := v_rows[p_limit];
  end if;
  return jsonb_build_object(
    'logs', (select coalesce(jsonb_agg(to_jsonb(l) order by l.created_at desc, l.id desc), '[]')
             from unnest(v_rows[1:p_limit]) l),
    'total', coalesce((select value from public.totals where scope = 'logs'
      and owner_id = coalesce(v_user_id, '00000000-0000-0000-0000-000000000000')), 0),
    'next', case when v_last.id is null then null
            else jsonb_build_object('at', v_last.created_at, 'id', v_last.id) end);
end $$;

revoke execute on function
  public.insert_logs(text), public.list_logs(uuid, uuid, boolean, integer, integer, timestamptz, uuid)
from public, anon, authenticated;

grant execute on function
  public.insert_logs(text), public.list_logs(uuid, uuid, boolean, integer, integer, timestamptz, uuid)
to service_role;
