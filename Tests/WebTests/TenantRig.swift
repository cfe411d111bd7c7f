import Foundation
import Postgres
import Support
import TenantSchema
import Testing

/// A live tenant with tables, for tests of the operators' pages.
extension OperatorBrowser {
    static let org = "00D000000000001EAA"
    static let schema = "salesforce00d000000000001eaa"

    /// Registers a tenant, and creates its schema with the table `account` of some rows.
    func addTenantWithTable() async throws {
        _ = try await rig.register(WebRig.body)
        _ = try await rig.pool.execute("update multiconnect.organizations set status = 'live'")
        _ = try await rig.pool.execute(
            "update multiconnect.connections set state = 'IDLE', announced_at = now()")
        _ = try await rig.pool.execute(
            """
            insert into multiconnect.mappings (connection_id, object_name, table_name, config, state, db_count,
                import_started_at, import_finished_at)
            select id, 'Account', 'account', '{"access": "read_write", "fields": {"Id": {}}}', 'DATA_SYNCED', 120,
                now(), now()
            from multiconnect.connections
            """)
        try await rig.pool.withConnection { connection in
            _ = try await Migrator(
                directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync"
            ).migrate(on: connection)
            try await connection.script("create extension if not exists hstore")
            let ddl = TenantDDL(schema: Self.schema, hstoreSchema: "public", organizationID: Self.org)
            for statement in ddl.foundation { try await connection.script(statement) }
            try await connection.script(
                """
                create table \(Self.schema).account (id serial primary key, sfid varchar(18) unique,
                    name varchar(255), industry text, _hc_lastop varchar(32), _hc_err text);
                insert into \(Self.schema).account (sfid, name, industry, _hc_lastop)
                select '0010000000' || lpad(i::text, 5, '0') || 'AAA', 'Row ' || i, repeat('x', 500), 'SYNCED'
                from generate_series(1, 120) as i;
                update \(Self.schema).account set _hc_lastop = 'FAILED', _hc_err = '{"msg":"<b>no</b>"}',
                    name = '<script>alert(1)</script>' where id = 7;
                insert into \(Self.schema)._trigger_log (state, action, table_name, record_id, "values")
                values ('FAILED', 'UPDATE', 'account', 7, '"name"=>"x"'), ('NEW', 'UPDATE', 'account', 7, '')
                """)
        }
    }

    /// Texts of one column of a statement.
    func texts(_ statement: SQL) async throws -> [String] { try await rig.pool.query(statement).column() }
}
