-- What the dashboard asks for: turns of one model, those that failed, and how much of the plan was used when.
create index usage_model on usage (model, at);
create index usage_failed on usage (at) where outcome not in ('ok', 'client_left');

create table plan_samples (
  at integer primary key,
  session real,
  week real
) strict;
