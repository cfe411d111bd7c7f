extension TenantDDL {
    /// Users call these to send a row again: as an insert, or some columns as an update. The caller has made
    /// the texts of `source_row`, with its own settings.
    var captureFunctions: [String] {
        [
            """
            create or replace function \(s).hc_capture_insert_from_row(
              source_row \(h).hstore, table_name varchar, excluded_cols text[] default '{}'::text[])
            returns integer language plpgsql as \(Identifier.dollarQuoted("""

            DECLARE
              log_id integer;
              excluded text[];
            BEGIN
              IF (source_row OPERATOR(\(h).->) 'id') IS NULL THEN
                RETURN NULL;
              END IF;
              excluded = pg_catalog.array_remove(pg_catalog.array_remove(excluded_cols, 'id'), 'sfid')
                || ARRAY['_hc_lastop', '_hc_err'];
              INSERT INTO \(s)._trigger_log (txid, created_at, updated_at, state, action, table_name, \
            record_id, "values")
              VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(),
                'NEW', 'INSERT', hc_capture_insert_from_row.table_name,
                (source_row OPERATOR(\(h).->) 'id')::integer,
                (source_row OPERATOR(\(h).-) excluded)::text)
              RETURNING id INTO log_id;
              RETURN log_id;
            END;

            """))
            """,
            """
            create or replace function \(s).hc_capture_update_from_row(
              source_row \(h).hstore, table_name varchar, columns_to_include text[] default '{}'::text[])
            returns integer language plpgsql as \(Identifier.dollarQuoted("""

            DECLARE
              log_id integer;
              captured \(h).hstore;
            BEGIN
              IF (source_row OPERATOR(\(h).->) 'id') IS NULL THEN
                RETURN NULL;
              END IF;
              captured = source_row OPERATOR(\(h).-) ARRAY['_hc_lastop', '_hc_err'];
              IF pg_catalog.cardinality(columns_to_include) > 0 THEN
                captured = \(h).slice(captured, columns_to_include);
              END IF;
              INSERT INTO \(s)._trigger_log (txid, created_at, updated_at, state, action, table_name,
                record_id, sfid, "values")
              VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(),
                'NEW', 'UPDATE', hc_capture_update_from_row.table_name,
                (source_row OPERATOR(\(h).->) 'id')::integer,
                source_row OPERATOR(\(h).->) 'sfid', captured::text)
              RETURNING id INTO log_id;
              RETURN log_id;
            END;

            """))
            """,
        ]
    }
}
