-- Keys, usage, the response cache and changed settings. Times are epoch ms.

create table keys (
  -- An id never comes back: usage rows name it, and so do the principals of running turns.
  id integer primary key autoincrement,
  -- SHA-256 of the secret, which is kept nowhere.
  hash blob not null unique check (length(hash) = 32),
  preview text not null,
  name text not null,
  created_at integer not null,
  expires_at integer,
  revoked_at integer,
  requests_daily integer check (requests_daily >= 0),
  requests_weekly integer check (requests_weekly >= 0),
  requests_monthly integer check (requests_monthly >= 0),
  tokens_daily integer check (tokens_daily >= 0),
  tokens_weekly integer check (tokens_weekly >= 0),
  tokens_monthly integer check (tokens_monthly >= 0)
) strict;

create unique index keys_name on keys (name) where revoked_at is null;

-- One row a turn, however it ended.
create table usage (
  id integer primary key,
  at integer not null,
  request_id text not null,
  principal_id text not null,
  key_id integer,
  name text not null,
  dialect text not null,
  model text not null,
  input integer not null,
  cache_read integer not null,
  cache_write integer not null,
  output integer not null,
  thinking integer not null,
  prompt_chars integer not null,
  answer_chars integer not null,
  queued_ms integer not null,
  first_ms integer,
  total_ms integer not null,
  outcome text not null,
  path text,
  cache text not null,
  charged_requests integer not null,
  charged_tokens integer not null
) strict;

create index usage_at on usage (at);
create index usage_principal on usage (principal_id, at);

-- What each row of usage adds to the sums.
create view usage_parts as
select
  id,
  at,
  at - at % 3600000 as hour,
  principal_id,
  model,
  at as first_at,
  at as last_at,
  1 as requests,
  outcome = 'ok' as ok,
  outcome not in ('ok', 'client_left') as errors,
  cache in ('hit', 'follower') as cached,
  input,
  cache_read,
  cache_write,
  output,
  thinking,
  prompt_chars,
  answer_chars,
  iif(outcome = 'ok', total_ms, 0) as total_ms,
  iif(outcome = 'ok', total_ms, 0) as max_ms
from usage;

-- The sums of each hour, so laid out that every report reads one short range. A series is the id of a principal, with
-- its models as subjects; or '', everybody's models; or '*', everybody by principal.
create table usage_hours (
  series text not null,
  hour integer not null,
  subject text not null,
  first_at integer not null,
  last_at integer not null,
  requests integer not null,
  ok integer not null,
  errors integer not null,
  cached integer not null,
  input integer not null,
  cache_read integer not null,
  cache_write integer not null,
  output integer not null,
  thinking integer not null,
  prompt_chars integer not null,
  answer_chars integer not null,
  total_ms integer not null,
  max_ms integer not null,
  primary key (series, hour, subject)
) strict, without rowid;

-- What counts against the quotas of a key, by the UTC day.
create table charges (
  key_id integer not null references keys (id),
  day integer not null,
  requests integer not null,
  tokens integer not null,
  primary key (key_id, day)
) strict, without rowid;

create table cache (
  id integer primary key,
  hash text not null unique,
  principal_id text not null,
  model text not null,
  created_at integer not null,
  used_at integer not null,
  hits integer not null,
  bytes integer not null,
  -- Last: what is before it can be read without it.
  answer text not null
) strict;

-- The order in which entries give way, with what each frees.
create index cache_used on cache (used_at, id, bytes);
create index cache_created on cache (created_at);

create table settings (
  name text primary key,
  value text not null
) strict, without rowid;

-- Where work that goes on over several starts or calls has come to.
create table marks (
  name text primary key,
  value integer not null
) strict, without rowid;
