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

    /// Marks a row as waiting to be sent to Salesforce, or as synced. An update that changes nothing keeps
    /// the status: nothing is sent, so that nothing would end the wait. The engine keeps the status that it
    /// writes if it differs from the row's, or if the setting `multiconnect.status` is `keep`.
    var status: String {
        function(
            "status",
            """
            BEGIN
              IF pg_catalog.current_setting('xmlbinary') = 'base64' THEN
                IF TG_OP = 'UPDATE' AND NEW OPERATOR(pg_catalog.*=) OLD THEN
                  RETURN NEW;
                END IF;
                NEW._hc_lastop = 'PENDING';
                NEW._hc_err = NULL;
                RETURN NEW;
              END IF;
              IF TG_OP = 'UPDATE' AND NEW._hc_lastop IS NOT NULL AND (NEW._hc_lastop <> OLD._hc_lastop
                OR pg_catalog.current_setting('multiconnect.status', true) = 'keep') THEN
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
        create or replace trigger \(Identifier.quoted(name(Self.statusSuffix)))
        before insert or update on \(ddl.name(plan)) for each row
        execute function \(s).\(Identifier.quoted(name("status")))()
        """
    }

    /// Writes a user's change to the log. On a read-only mapping the state of the change is READONLY, and it
    /// is not sent.
    ///
    /// Each statement has one INSERT without variables in between, because the function runs for each row.
    var logger: String {
        let isWritable = plan.access == .readWrite
        let log = "\(s)._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id"
        let now = "pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp()"
        let state = isWritable ? "'NEW'" : "'READONLY'"
        // A deleted row that Salesforce never had, or an update without a change, is not sent.
        let deleteState = isWritable ? "CASE WHEN OLD.sfid IS NULL THEN 'IGNORE' ELSE 'NEW' END" : state
        let updateState = isWritable ? "CASE WHEN new_values = '' THEN 'IGNORE' ELSE 'NEW' END" : state
        let minus = "OPERATOR(\(h).-)"
        return function(
            "logger",
            """
            DECLARE
              old_values \(h).hstore;
              new_values text;
            \(PlainTexts.declarations)
            BEGIN
            \(PlainTexts.begin)
              IF TG_OP = 'INSERT' THEN
                INSERT INTO \(log), "values")
                VALUES (\(now), \(state), 'INSERT', TG_TABLE_NAME, NEW.id,
                  (\(h).hstore(NEW) \(minus) \(Self.excluded))::text);
              ELSIF TG_OP = 'UPDATE' THEN
                old_values = \(h).hstore(OLD) \(minus) \(Self.excluded);
                new_values = (\(h).hstore(NEW) \(minus) \(Self.excluded) \(minus) old_values)::text;
                INSERT INTO \(log), sfid, old, "values")
                VALUES (\(now), \(updateState), 'UPDATE',
                  TG_TABLE_NAME, NEW.id, OLD.sfid, old_values::text, new_values);
              ELSE
                INSERT INTO \(log), sfid, old)
                VALUES (\(now), \(deleteState), 'DELETE',
                  TG_TABLE_NAME, OLD.id, OLD.sfid, (\(h).hstore(OLD) \(minus) \(Self.excluded))::text);
              END IF;
            \(PlainTexts.end)
              RETURN NULL;
            END;
            """)
    }

    /// Columns that are not captured.
    private static let excluded = "'{_hc_lastop,_hc_err}'::text[]"

    var logTrigger: String {
        """
        create or replace trigger \(Identifier.quoted(name(Self.logSuffix)))
        after insert or delete or update on \(ddl.name(plan)) for each row
        when (public.get_xmlbinary()::text = 'base64'::text)
        execute function \(s).\(Identifier.quoted(name("logger")))()
        """
    }
}

extension TriggerFunctions {
    private static let (statusSuffix, logSuffix) = ("status_trigger", "logtrigger")

    static func triggers(of table: String) -> [String] {
        [statusSuffix, logSuffix].map { Identifier.fitting("hc_\(table)_\($0)") }
    }

    /// Removes triggers and functions of a table. It becomes an ordinary table with its rows.
    static func removal(of table: String, in schema: String) -> [String] {
        func name(_ suffix: String) -> String {
            Identifier.quoted(Identifier.fitting("hc_\(table)_\(suffix)"))
        }
        let (s, t) = (Identifier.quoted(schema), Identifier.quoted(table))
        return [
            "drop trigger if exists \(name(statusSuffix)) on \(s).\(t)",
            "drop trigger if exists \(name(logSuffix)) on \(s).\(t)",
            "drop function if exists \(s).\(name("status"))()",
            "drop function if exists \(s).\(name("logger"))()",
        ]
    }
}
