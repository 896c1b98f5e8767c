-- Nothing is seeded by SQL: `make dev` makes its demo accounts and videos through the public API, as a user would.
select 1;
