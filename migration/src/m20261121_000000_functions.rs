//! What the database itself has to be able to say no to.

pub const TEXT: &str = r"
-- Refuses, for tables that only grow.
@pg CREATE OR REPLACE FUNCTION matricula_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- A commit is one statement of data-modifying CTEs. Where one of them did not write as many rows as it had to, this
-- aborts them all, and its message is the name of what went wrong.
@pg CREATE OR REPLACE FUNCTION matricula_expect(actual bigint, expected bigint, what text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF actual IS DISTINCT FROM expected THEN
        RAISE EXCEPTION USING ERRCODE = 'MT001', MESSAGE = what;
    END IF;
    RETURN actual;
END $$;
";
