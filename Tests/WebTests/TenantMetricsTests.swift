import Cryptography
import Foundation
import Postgres
import Replication
import Support
import Testing

@testable import Web

/// The metrics of tenants.
@Suite(.tags(.store))
struct TenantMetricsTests {
    private static let token = [(name: "Authorization", value: "Bearer scrape me")]

    /// 30 tenants: 20 live and 10 paused. Five of the live ones have little allowance left and are late.
    private static let tenants = """
        insert into multiconnect.organizations (org_id, name, admin_email, schema_name, status)
        select '00D' || lpad(i::text, 15, '0'), 'Org ' || i, 'a@example.com',
            'salesforce00d' || lpad(i::text, 15, '0'), case when i <= 20 then 'live' else 'paused' end
        from generate_series(1, 30) as i;
        insert into multiconnect.connections (organization_id) select id from multiconnect.organizations;
        insert into multiconnect.mappings (connection_id, object_name, config, state)
        select id, 'Account', '{}', 'DATA_SYNCED' from multiconnect.connections;
        insert into multiconnect.notifications (organization_id, event_type, message)
        select id, 'mapping_failed', 'x' from multiconnect.organizations where status = 'live';
        update multiconnect.notifications set acknowledged_at = now() where id % 2 = 0;
        insert into multiconnect.api_usage (organization_id, hour, used, allowed)
        select id, date_trunc('hour', now()) - h * interval '1 hour',
            case when h = 0 and org_id <= '00D000000000000005' then 900 else 100 end, 1000
        from multiconnect.organizations, generate_series(0, 2) as h;
        insert into multiconnect_sync.lease_holders (id, worker, lease_until, lock_key)
        values ('00000000-0000-0000-0000-000000000001', 'w', now() + interval '1 minute', 1);
        insert into multiconnect_sync.leases (organization_id, epoch, holder)
        select id, 1, '00000000-0000-0000-0000-000000000001' from multiconnect.organizations
        where status = 'live';
        update multiconnect_sync.leases set holder = null where organization_id =
            (select id from multiconnect.organizations where org_id = '00D000000000000020');
        insert into multiconnect_sync.stream_states
            (organization_id, state, delivered_used, delivered_maximum, lag_milliseconds)
        select id, 'connected', case when org_id <= '00D000000000000005' then 96 else 10 end, 100,
            case when org_id <= '00D000000000000005' then 61000 else 900 end
        from multiconnect.organizations where status = 'live';
        insert into multiconnect_sync.write_backlogs (organization_id, waiting)
        select id, 150 from multiconnect.organizations where org_id <= '00D000000000000003';
        insert into multiconnect_sync.write_attempts
            (organization_id, mapping_id, action, method, epoch, state, log_ids, record_ids, settle_at)
        select o.id, m.id, 'insert', 'collection', 1, s.state, '{1}', '{1}', now()
        from multiconnect.organizations as o
        join multiconnect.connections as c on c.organization_id = o.id
        join multiconnect.mappings as m on m.connection_id = c.id
        cross join (values ('undecided'), ('settled')) as s (state)
        where o.org_id = '00D000000000000001';
        """

    private static func migrateCell(on connection: PostgresConnection) async throws {
        try await Migrator(directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync")
            .migrate(on: connection)
    }

    @Test func `the metrics count tenants by state, lag and allowance, without a label for a tenant`()
        async throws
    {
        var options = WebRig.Options()
        options.metricsToken = Secret(text: "scrape me")
        try await withWebRig(options) { rig in
            try await rig.pool.withConnection { connection in
                try await Self.migrateCell(on: connection)
                try await connection.script(Self.tenants)
            }
            let page = try await rig.get("/metrics", Self.token).text
            for line in [
                #"multiconnect_tenants{status="live"} 20"#, #"multiconnect_tenants{status="paused"} 10"#,
                #"multiconnect_tenants{status="failed"} 0"#,
                #"multiconnect_mappings{state="DATA_SYNCED"} 30"#,
                #"multiconnect_open_notifications{kind="mapping_failed"} 10"#,
                #"multiconnect_tenants_api_used{percent="50"} 5"#,
                #"multiconnect_tenants_api_used{percent="80"} 5"#,
                #"multiconnect_tenants_api_used{percent="95"} 0"#,
                #"multiconnect_cell_up{cell="default"} 1"#,
                #"multiconnect_tenant_leases{cell="default",state="held"} 19"#,
                #"multiconnect_tenant_leases{cell="default",state="free"} 1"#,
                #"multiconnect_streams{state="connected"} 19"#,
                #"multiconnect_tenants_late{seconds="10"} 5"#,
                #"multiconnect_tenants_late{seconds="60"} 5"#,
                #"multiconnect_tenants_late{seconds="300"} 0"#,
                #"multiconnect_tenants_events_used{percent="95"} 5"#,
                #"multiconnect_write_attempts_open{state="undecided"} 1"#,
                #"multiconnect_writes_waiting{cell="default"} 450"#,
                #"multiconnect_tenants_writes_waiting{changes="1"} 3"#,
                #"multiconnect_tenants_writes_waiting{changes="100"} 3"#,
                #"multiconnect_tenants_writes_waiting{changes="10000"} 0"#,
                #"multiconnect_rereads_waiting{cell="default"} 0"#,
            ] {
                #expect(page.contains(line + "\n"), "\(line)\n\(page)")
            }
            #expect(!page.contains("00D0") && !page.contains("settled"))
            #expect(try await MetricsChecker.complaints(about: page) == "")
        }
    }

    @Test func `a cell that does not answer has no figures, and the others have theirs`() async throws {
        try await withMigratedDatabase { database in
            let pool = database.pool()
            defer { pool.close() }
            try await pool.withConnection { try await Self.migrateCell(on: $0) }
            var configuration = database.configuration
            configuration.database = "missing"
            let missing = PostgresPool(configuration: configuration, maximum: 1)
            defer { missing.close() }
            let census = TenantCensus(
                control: pool, cells: ["default": pool, "second": missing],
                cache: TenantCensus.Cache(lifetime: .seconds(60)))
            let figures = try await census.figures()
            #expect(figures.cells.count == 2 && figures.cells["second"] == .some(nil))
            #expect(figures.cells["default"]??.rereads == 0)
            // The figures are read again only after a while.
            try await pool.execute("drop table multiconnect.api_usage")
            #expect(try await census.figures() == figures)
        }
    }
}
