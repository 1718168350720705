-- Why a turn did not go on in a process that held its conversation; null: it did, or none answered, or the row is older.
alter table usage add column reason text;
