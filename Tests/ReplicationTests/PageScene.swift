import Foundation
import Postgres
import Salesforce
import SampleDescribes
import TenantSchema

@testable import Replication

/// An open import of accounts into a provisioned table.
struct PageScene: Sendable {
    static let header = "\"Id\",\"Name\",\"NumberOfEmployees\"\n"

    let fixture: TenantFixture
    let pool: PostgresPool
    let loader: PageLoader
    var record: ImportRecord { loader.record }

    func table() async throws -> Rows {
        try await pool.query(
            "select sfid, name, numberofemployees, _hc_lastop from \(identifier: fixture.schema, "account") order by sfid"
        )
    }

    func progress() async throws -> ImportProgress {
        try await pool.withConnection { try await ImportStore().progress(of: record.id, on: $0) }
    }

    func load(_ locator: String, _ page: String, rows: Int? = nil, _ method: PageCopy.Method = .direct)
        async throws -> LoadedPage?
    {
        try await load(locator, bytes: Array(page.utf8), rows: rows, method)
    }

    func load(_ locator: String, bytes: [UInt8], rows: Int? = nil, _ method: PageCopy.Method = .direct)
        async throws -> LoadedPage?
    {
        var rest = bytes[...]
        return try await loader.load(locator, next: "next", rows: rows, method: method) {
            let chunk = Array(rest.prefix(7))
            rest = rest.dropFirst(7)
            return chunk.isEmpty ? nil : chunk
        }
    }
}

/// A mapping of accounts with these fields and indexes.
func accountMapping(_ fields: [String] = [], _ indexes: [String: Bool] = [:]) -> Mapping {
    Mapping(
        id: UUID(), organizationID: UUID(), connectionID: UUID(), objectName: "Account",
        configuration: MappingConfiguration(
            access: .readWrite, fields: ["Name", "NumberOfEmployees"] + fields, indexes: indexes),
        state: .initial)
}

/// Runs `body` with an open import whose table has these fields and indexes.
func withImport(
    fields: [FieldDescribe] = [], indexes: [String: Bool] = [:],
    _ body: @concurrent @Sendable (PageScene) async throws -> Void
) async throws {
    try await withImport(accountMapping(fields.map(\.name), indexes), fields, body)
}

private func withImport(
    _ mapping: Mapping, _ fields: [FieldDescribe],
    _ body: @concurrent @Sendable (PageScene) async throws -> Void
) async throws {
    try await withTenantDatabase { fixture in
        let cells = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../migrations/cells").path
        let pool = fixture.pool()
        defer { pool.close() }
        try await pool.withConnection {
            _ = try await Migrator(directory: cells, schema: "multiconnect_sync").migrate(on: $0)
        }
        var describe = Describes.account
        describe.fields.removeAll { $0.name == "IsDeleted" || $0.name == "SystemModstamp" }
        describe.fields += fields
        let plan = TablePlan(describe, mapping.configuration, resolver: NameResolver(namespace: nil))
        try await fixture.provision([plan], on: pool)
        let record = try await pool.withConnection {
            try await ImportStore().begin(
                mapping, tenant: fixture.tenant, plan: plan, timeMark: Date(timeIntervalSince1970: 0),
                claim: UUID(), on: $0)
        }
        let ddl = try await TenantDatabase(tenant: fixture.tenant, pool: pool).preflight()
        let loader = PageLoader(
            pool: pool, mapping: mapping, record: record, plan: ImportPlan(plan, ddl: ddl))
        try await body(PageScene(fixture: fixture, pool: pool, loader: loader))
    }
}
