-- Turns without a row of their own, since no process answered them and there were many of the kind: added up by the hour.
create table counted_turns (
  id integer primary key,
  hour integer not null,
  principal_id text not null,
  model text not null,
  outcome text not null,
  cache text not null,
  -- The principal's name at that time.
  name text not null,
  first_at integer not null,
  last_at integer not null,
  requests integer not null,
  prompt_chars integer not null,
  answer_chars integer not null,
  -- Of those that were ok.
  total_ms integer not null,
  max_ms integer not null,
  unique (hour, principal_id, model, outcome, cache)
) strict;

create index counted_turns_last on counted_turns (last_at);

-- What the rows of usage and what was counted add to the sums of an hour that is cut. What was counted is there as a
-- whole, at the time of its last turn.
create view usage_pieces as
select
  at, hour, principal_id, model, first_at, last_at, requests, ok, errors, cached, input, cache_read, cache_write, output,
  thinking, prompt_chars, answer_chars, total_ms, max_ms
from usage_parts
union all
select
  last_at, hour, principal_id, model, first_at, last_at, requests,
  iif(outcome = 'ok', requests, 0),
  iif(outcome not in ('ok', 'client_left'), requests, 0),
  iif(cache in ('hit', 'follower'), requests, 0),
  0, 0, 0, 0, 0, prompt_chars, answer_chars, total_ms, max_ms
from counted_turns;
