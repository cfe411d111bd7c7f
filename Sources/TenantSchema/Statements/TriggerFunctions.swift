/// The two functions and triggers of a mapped table.
///
/// A write is a user's if the session's `xmlbinary` has its default, `base64`. The engine's own sessions set
/// `hex`. Functions qualify every name, so that no `search_path` breaks a user's statement.
struct TriggerFunctions {
    let ddl: TenantDDL
    let plan: TablePlan

    private var s: String { ddl.s }
    private var h: String { ddl.h }

    private func name(_ suffix: String) -> String { Identifier.fitting("hc_\(plan.table)_\(suffix)") }

    private func function(_ suffix: String, _ body: String) -> String {
        """
        create or replace function \(s).\(Identifier.quoted(name(suffix)))()
        returns trigger language plpgsql as \(Identifier.dollarQuoted("\n\(body)\n"))
        """
    }

    /// Marks a row as waiting to be sent to Salesforce, or as synced.
    var status: String {
        function(
            "status",
            """
            BEGIN
              IF pg_catalog.current_setting('xmlbinary') = 'base64' THEN
                NEW._hc_lastop = 'PENDING';
                NEW._hc_err = NULL;
                RETURN NEW;
              END IF;
              IF TG_OP = 'UPDATE' AND NEW._hc_lastop IS NOT NULL AND NEW._hc_lastop <> OLD._hc_lastop THEN
                RETURN NEW;
              END IF;
              NEW._hc_lastop = 'SYNCED';
              NEW._hc_err = NULL;
              RETURN NEW;
            END;
            """)
    }

    var statusTrigger: String {
        """
        create or replace trigger \(Identifier.quoted(name("status_trigger")))
        before insert or update on \(ddl.name(plan)) for each row
        execute function \(s).\(Identifier.quoted(name("status")))()
        """
    }

    /// Writes a user's change to the log. On a read-only mapping the state of the change is READONLY, and it
    /// is not sent.
    var logger: String {
        let isWritable = plan.access == .readWrite
        // A deleted row that Salesforce never had, or an update without a change, is not sent.
        let ignoredDelete = "\n    IF OLD.sfid IS NULL THEN trigger_row.state = 'IGNORE'; END IF;"
        let ignoredUpdate = "\n    IF trigger_row.\"values\" = '' THEN trigger_row.state = 'IGNORE'; END IF;"
        return function(
            "logger",
            """
            DECLARE
              trigger_row \(s)._trigger_log;
              excluded text[] = ARRAY['_hc_lastop', '_hc_err'];
              old_values \(h).hstore;
            BEGIN
              trigger_row.id = pg_catalog.nextval(\(Identifier.literal("\(s).\"_trigger_log_id_seq\"")));
              trigger_row.action = TG_OP;
              trigger_row.table_name = TG_TABLE_NAME;
              trigger_row.txid = pg_catalog.txid_current();
              trigger_row.created_at = pg_catalog.clock_timestamp();
              trigger_row.updated_at = trigger_row.created_at;
              trigger_row.state = '\(isWritable ? "NEW" : "READONLY")';
              IF TG_OP = 'DELETE' THEN
                trigger_row.record_id = OLD.id;
                trigger_row.old = \(h).hstore(OLD.*) OPERATOR(\(h).-) excluded;
                trigger_row.sfid = OLD.sfid;\(isWritable ? ignoredDelete : "")
              ELSIF TG_OP = 'INSERT' THEN
                trigger_row.record_id = NEW.id;
                trigger_row."values" = \(h).hstore(NEW.*) OPERATOR(\(h).-) excluded;
              ELSE
                old_values = \(h).hstore(OLD.*) OPERATOR(\(h).-) excluded;
                trigger_row.record_id = NEW.id;
                trigger_row.old = old_values;
                trigger_row."values" = (\(h).hstore(NEW.*) OPERATOR(\(h).-) old_values) \
            OPERATOR(\(h).-) excluded;\
            \(isWritable ? ignoredUpdate : "")
                trigger_row.sfid = OLD.sfid;
              END IF;
              INSERT INTO \(s)._trigger_log VALUES (trigger_row.*);
              RETURN NULL;
            END;
            """)
    }

    var logTrigger: String {
        """
        create or replace trigger \(Identifier.quoted(name("logtrigger")))
        after insert or delete or update on \(ddl.name(plan)) for each row
        when (public.get_xmlbinary()::text = 'base64'::text)
        execute function \(s).\(Identifier.quoted(name("logger")))()
        """
    }
}

extension TenantDDL {
    /// Users call these to send a row again: as an insert, or some columns as an update.
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
