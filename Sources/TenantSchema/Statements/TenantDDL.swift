/// The statements that create a tenant's schema: Heroku Connect's tables, indexes, functions and triggers,
/// with its names, types and timing.
///
/// Every statement can run again: existing objects stay, functions and triggers are replaced by equal ones.
/// Run them in one transaction that holds the schema's `lock`: two transactions that replace the same
/// function fail ("tuple concurrently updated"). Needs Postgres 14 (`create or replace trigger`).
package struct TenantDDL: Sendable, Equatable {
    /// The tenant's schema: `salesforce00d...`.
    package var schema: String
    /// Where `hstore` is installed: `public`, `heroku_ext` on Heroku, or anything else.
    package var hstoreSchema: String
    /// The org's id of 18 characters, stored in `_hcmeta`.
    package var organizationID: String

    package init(schema: String, hstoreSchema: String, organizationID: String) {
        self.schema = schema
        self.hstoreSchema = hstoreSchema
        self.organizationID = organizationID
    }

    /// The version of the system tables and of the functions. It grows with each change that existing tenants
    /// need; `_hcmeta.hcver` has the tenant's.
    package static let layoutVersion = 4

    /// Announces a tenant's new log entries to its lease holder. The payload is the schema.
    package static let writesChannel = "multiconnect_writes"

    /// `_hcmeta.details` while the lease holder reads the log without pause and needs no notifications.
    package static let drainFlag = "draining"

    var s: String { Identifier.quoted(schema) }
    var h: String { Identifier.quoted(hstoreSchema) }

    /// Taken by every DDL transaction in a tenant's schema. Other tenants' DDL does not wait.
    package static func lock(of schema: String) -> String {
        """
        select pg_catalog.pg_advisory_xact_lock(7236838, pg_catalog.hashtext(\(Identifier.literal(schema))))
        """
    }

    package var lock: String { Self.lock(of: schema) }

    /// Makes a mapped table an ordinary one: its rows stay, and users' changes are not captured any more.
    package static func release(_ table: String, in schema: String) -> [String] {
        TriggerFunctions.removal(of: table, in: schema)
    }

    /// Taken before an extension is created, which all tenants of a database have in common.
    package static let extensionLock = "select pg_catalog.pg_advisory_xact_lock(7236837, 1)"

    /// Everything except the mapped tables.
    package var foundation: [String] {
        ["create schema if not exists \(s)", getXMLBinary]
            + systemTables + [describeTenant, notifyFunction(), notifyTriggerFunction, notifyTrigger]
            + captureFunctions
    }

    /// Brings an existing tenant to `layoutVersion`. Tables of rows are not locked.
    package func upgrade(_ plans: [TablePlan]) -> [String] {
        let functions = plans.flatMap { plan in
            let functions = TriggerFunctions(ddl: self, plan: plan)
            return [functions.status, functions.logger]
        }
        return foundation + functions + [
            """
            update \(s)._hcmeta set hcver = \(Self.layoutVersion)
            where hcver is null or hcver < \(Self.layoutVersion)
            """
        ]
    }

    /// A mapped table with its indexes, functions and triggers. New columns of a later plan are added.
    package func table(_ plan: TablePlan) -> [String] {
        [createTable(plan)] + add(plan.columns, to: plan) + createIndexes(plan) + capture(plan)
    }

    /// The functions and triggers that capture users' changes of a table.
    package func capture(_ plan: TablePlan) -> [String] {
        let functions = TriggerFunctions(ddl: self, plan: plan)
        return [functions.status, functions.logger, functions.statusTrigger, functions.logTrigger]
    }

    /// The names of the triggers of a mapped table.
    package static func triggers(of table: String) -> [String] { TriggerFunctions.triggers(of: table) }

    /// Replaces the function that logs users' changes, after the mapping's access has changed.
    package func logger(_ plan: TablePlan) -> String { TriggerFunctions(ddl: self, plan: plan).logger }

    /// Adds columns at the end of the table. Columns that exist stay as they are.
    package func add(_ columns: [TablePlan.Column], to plan: TablePlan) -> [String] {
        guard !columns.isEmpty else { return [] }
        let parts = columns.map { "add column if not exists \(Identifier.quoted($0.name)) \($0.type.sql)" }
        return ["alter table \(name(plan)) \(parts.joined(separator: ", "))"]
    }

    /// Selects those of `columns` that a local change of the table has that is not sent to Salesforce yet.
    package func unsent(_ columns: [String], of plan: TablePlan) -> String {
        let list = columns.map { "(\(Identifier.literal($0)))" }.joined(separator: ", ")
        return """
            select c.name from (values \(list)) as c (name) where exists (
              select from \(s)._trigger_log t
              where t.table_name = \(Identifier.literal(plan.table))
                and t.state in ('NEW', 'PENDING', 'REQUEUE')
                and t."values"::\(h).hstore OPERATOR(\(h).?) c.name)
            """
    }

    /// Changes the type of a column to one that keeps its values.
    package func widen(_ column: String, to type: ColumnType, in plan: TablePlan) -> String {
        "alter table \(name(plan)) alter column \(Identifier.quoted(column)) type \(type.sql)"
    }

    /// Drops the indexes of an empty table, except that of `sfid`: they are built faster after the rows are
    /// loaded.
    package func dropIndexesIfEmpty(_ plan: TablePlan) -> [String] {
        let drops = plan.indexes.filter { $0.column != "sfid" }.map { $0.drop(in: schema) + ";" }
        guard !drops.isEmpty else { return [] }
        let block = Identifier.dollarQuoted(
            """

            begin
              if not exists (select from \(name(plan))) then
                \(drops.joined(separator: "\n"))
              end if;
            end

            """)
        return ["do \(block)"]
    }

    /// Creates the missing indexes of a table as far as its rows allow them.
    package func createIndexes(_ plan: TablePlan) -> [String] {
        guard !plan.indexes.isEmpty else { return [] }
        return [freeNames(of: plan.indexes, for: plan)] + plan.indexes.map { $0.create(on: name(plan)) }
    }

    /// Common to all tenants of a database. An existing function stays: the preflight has checked its owner
    /// and its result. Two tenants' transactions may create it at the same time: the later one waits for the
    /// other, and keeps its function. Heroku Connect's version scans `pg_settings`, which costs 1.3 ms for
    /// each written row. As one expression in SQL it becomes a part of the triggers' conditions, without a
    /// call.
    private var getXMLBinary: String {
        let body = Identifier.dollarQuoted("select pg_catalog.current_setting('xmlbinary')::varchar")
        let block = Identifier.dollarQuoted(
            """

            begin
              if pg_catalog.to_regprocedure('public.get_xmlbinary()') is null then
                create function public.get_xmlbinary() returns varchar language sql stable as \(body);
              end if;
            exception when duplicate_function or unique_violation then
              null;
            end

            """)
        return "do \(block)"
    }

    private var systemTables: [String] {
        let log = """
            txid bigint, created_at timestamptz\(Self.now), updated_at timestamptz\(Self.now), \
            processed_at timestamptz, processed_tx bigint, state varchar(8), action varchar(7), \
            table_name varchar(128), record_id integer, sfid varchar(18), old text, "values" text, \
            sf_result integer, sf_message text
            """
        let open = "where state = 'NEW' or state = 'PENDING'"
        return [
            """
            create table if not exists \(s)._hcmeta (
              id serial primary key, hcver integer, org_id varchar(50), details text)
            """,
            """
            create table if not exists \(s)._sf_event_log (
              id serial primary key, table_name varchar(128), action varchar(7),
              synced_at timestamptz default now(), sf_timestamp timestamptz, sfid varchar(20), record text,
              processed boolean)
            """,
            index("idx__sf_event_log_comp_key", "_sf_event_log (table_name, synced_at)"),
            index("idx__sf_event_log_sfid", "_sf_event_log (sfid)"),
            "create table if not exists \(s)._trigger_log (id serial primary key, \(log))",
            index("_trigger_log_idx_created_at", "_trigger_log (created_at)"),
            index("_trigger_log_idx_state_id", "_trigger_log (state, id)"),
            index("_trigger_log_idx_state_table_name", "_trigger_log (state, table_name) \(open)"),
            // Ours. A merge finds the changes of a row, and the deletions of a record.
            index("_trigger_log_idx_record_id", "_trigger_log (record_id)"),
            index("_trigger_log_idx_deleted", "_trigger_log (sfid) where action = 'DELETE'"),
            // A queue: each entry is updated twice and deleted.
            """
            alter table \(s)._trigger_log set (autovacuum_vacuum_scale_factor = 0.01,
              autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0)
            """,
            """
            create table if not exists \(s)._trigger_log_archive (
              id integer primary key, \(log.replacing(Self.now, with: "")))
            """,
            index("_trigger_log_archive_idx_created_at", "_trigger_log_archive (created_at)"),
            index("_trigger_log_archive_idx_record_id", "_trigger_log_archive (record_id)"),
            index(
                "_trigger_log_archive_idx_state_table_name",
                "_trigger_log_archive (state, table_name) where state = 'FAILED'"),
            index("_trigger_log_archive_idx_requeue", "_trigger_log_archive (id) where state = 'REQUEUE'"),
        ]
    }

    private static let now = " default now()"

    private func index(_ name: String, _ rest: String) -> String {
        "create index if not exists \(name) on \(s).\(rest)"
    }

    private var describeTenant: String {
        """
        insert into \(s)._hcmeta (hcver, org_id)
        select \(Self.layoutVersion), \(Identifier.literal(organizationID))
        where not exists (select from \(s)._hcmeta)
        """
    }

    private func createTable(_ plan: TablePlan) -> String {
        let columns =
            plan.columns.map { "\(Identifier.quoted($0.name)) \($0.type.sql)" } + [
                #"sfid varchar(18) collate pg_catalog."ucs_basic""#, "id serial primary key",
                "_hc_lastop varchar(32)", "_hc_err text",
            ]
        return """
            create table if not exists \(name(plan)) (
              \(columns.joined(separator: ",\n  ")))
            """
    }

    /// The table's name, quoted and qualified.
    package func name(_ plan: TablePlan) -> String { "\(s).\(Identifier.quoted(plan.table))" }
}
