-- Accounts: register, log in under throttling, read a profile. Errors leave as PTxyz states (PostgREST answers with
-- HTTP status xyz); message is the stable code, detail a JSON object with what the caller may be told.

create or replace function private.fail(p_state text, p_code text, p_detail jsonb default '{}')
returns void language plpgsql set search_path = '' as $$
begin
  raise exception using errcode = p_state, message = p_code, detail = p_detail::text;
end $$;

-- For Retry-After: whole seconds, at least one.
create or replace function private.seconds_until(p_at timestamptz)
returns integer language sql stable set search_path = '' as $$
  select greatest(1, ceil(extract(epoch from p_at - now())))::integer
$$;

create or replace function private.user_json(p_user public.users)
returns jsonb language sql immutable set search_path = '' as $$
  select jsonb_build_object(
    'id', p_user.id, 'email', p_user.email, 'username', p_user.username,
    'created_at', p_user.created_at, 'role', p_user.role)
$$;

-- Safe to repeat with the same id: a client that lost the answer gets the account that it made.
create or replace function public.register_user(p_id uuid, p_email text, p_username text, p_password text)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_user public.users;
begin
  insert into public.users (id, email, username, password) values (p_id, p_email, p_username, p_password)
  on conflict do nothing
  returning * into v_user;
  if v_user.id is null then
    select * into v_user from public.users where id = p_id and lower(email) = lower(p_email);
  end if;
  if v_user.id is null then
    perform private.fail('PT409', 'email_taken');
  end if;
  return private.user_json(v_user);
end $$;

create or replace function private.count_attempt(p_key text, p_limit integer, p_window interval)
returns void language plpgsql set search_path = '' as $$
declare
  v_attempts public.login_attempts;
begin
  insert into public.login_attempts as a (key, failures) values (p_key, 1)
  on conflict (key) do update set
    failures = case when a.window_started_at > now() - p_window then a.failures + 1 else 1 end,
    window_started_at = case when a.window_started_at > now() - p_window then a.window_started_at else now() end
  returning * into v_attempts;
  if v_attempts.failures > p_limit then
    -- Raising undoes the increment: hammering a locked account does not keep it locked.
    perform private.fail('PT429', 'too_many_attempts', jsonb_build_object(
      'retry_after_seconds', private.seconds_until(v_attempts.window_started_at + p_window)));
  end if;
end $$;

create or replace function private.attempt_key(p_kind text, p_value text)
returns text language sql immutable set search_path = '' as $$
  select p_kind || ':' || encode(sha256(convert_to(p_value, 'UTF8')), 'hex')
$$;

-- The account with its password hash, or null for an unknown e-mail. The attempt is counted as failed before the
-- password is looked at, so that parallel guesses cannot pass the limit; finish_login takes it back.
create or replace function public.begin_login(
  p_email text, p_address text, p_account_limit integer, p_address_limit integer, p_window_seconds integer)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_window interval := make_interval(secs => p_window_seconds);
  v_user public.users;
begin
  -- Always account before address: two logins never wait for each other in a circle.
  perform private.count_attempt(private.attempt_key('account', lower(p_email)), p_account_limit, v_window);
  perform private.count_attempt(private.attempt_key('address', p_address), p_address_limit, v_window);
  select * into v_user from public.users where lower(email) = lower(p_email);
  if v_user.id is null then
    return null;
  end if;
  return private.user_json(v_user) || jsonb_build_object('password', v_user.password);
end $$;

create or replace function public.finish_login(p_email text, p_address text)
returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  delete from public.login_attempts where key = private.attempt_key('account', lower(p_email));
  update public.login_attempts set failures = failures - 1
  where key = private.attempt_key('address', p_address) and failures > 0;
  return '{}'::jsonb;
end $$;

-- The role is read here, not taken from the token: an admin who was demoted reads nobody's profile any more.
create or replace function private.require_caller(p_caller_id uuid)
returns public.users language plpgsql set search_path = '' as $$
declare
  v_user public.users;
begin
  select * into v_user from public.users where id = p_caller_id;
  if v_user.id is null then
    perform private.fail('PT401', 'invalid_token');
  end if;
  return v_user;
end $$;

create or replace function private.require_self_or_admin(p_caller_id uuid, p_user_id uuid)
returns void language plpgsql set search_path = '' as $$
declare
  v_caller public.users := private.require_caller(p_caller_id);
begin
  if v_caller.role <> 'admin' and p_user_id is distinct from p_caller_id then
    perform private.fail('PT403', 'forbidden');
  end if;
end $$;

create or replace function public.get_profile(p_caller_id uuid, p_user_id uuid)
returns jsonb language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_user public.users;
begin
  perform private.require_self_or_admin(p_caller_id, p_user_id);
  select * into v_user from public.users where id = p_user_id;
  if v_user.id is null then
    perform private.fail('PT404', 'user_not_found');
  end if;
  return private.user_json(v_user);
end $$;

revoke execute on function
  private.fail(text, text, jsonb), private.seconds_until(timestamptz), private.user_json(public.users),
  private.count_attempt(text, integer, interval), private.attempt_key(text, text), private.require_caller(uuid), private.require_self_or_admin(uuid, uuid),
  public.register_user(uuid, text, text, text), public.begin_login(text, text, integer, integer, integer),
  public.finish_login(text, text), public.get_profile(uuid, uuid)
from public, anon, authenticated;

grant execute on function
  public.register_user(uuid, text, text, text), public.begin_login(text, text, integer, integer, integer),
  public.finish_login(text, text), public.get_profile(uuid, uuid)
to service_role;
