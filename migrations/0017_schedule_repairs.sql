-- When a mapping's table is next compared with its org, and the result of the last comparison.
alter table multiconnect.mappings
    -- Null until the first one is scheduled.
    add column repair_due_at timestamptz,
    add column formulas_due_at timestamptz,
    add column repaired_at timestamptz,
    add column repair_rows bigint check (repair_rows >= 0),
    add column repair_differences bigint check (repair_differences >= 0),
    -- Why differences remain, or why the last repair failed; null if nothing is wrong.
    add column repair_detail text,
    add column formulas_refreshed_at timestamptz,
    add column formulas_differences bigint check (formulas_differences >= 0);
