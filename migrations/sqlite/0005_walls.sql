-- Row-level security is PostgreSQL's: a SQLite database has one server process, and no other role reads it.
select 1;
