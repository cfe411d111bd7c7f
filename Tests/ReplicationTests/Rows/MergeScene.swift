import Foundation
import Postgres
import Salesforce
import SampleDescribes
import TenantSchema

@testable import Replication

/// A tenant's tables of accounts and contacts, and a session of a user.
struct MergeScene: Sendable {
    let fixture: TenantFixture
    let pool: PostgresPool
    let account: SyncedTable
    let contact: SyncedTable
    let user: PostgresConnection

    var outgoing: OutgoingRows { OutgoingRows(pool: pool, table: account) }

    /// A moment after the epoch.
    static func at(_ seconds: Double) -> Date { Date(timeIntervalSince1970: 1_700_000_000 + seconds) }

    static func sfid(_ number: Int) -> String {
        let digits = String(number)
        return "001000000000000AAA".prefix(15 - digits.count) + digits + "AAA"
    }

    func merge(
        _ changes: [RecordChange], from source: ChangeSource = .events, _ merger: RowMerger? = nil
    ) async throws -> RowMerger.Counts {
        try await pool.transaction {
            try await (merger ?? RowMerger(account)).merge(changes, from: source, on: $0)
        }
    }

    /// The time in whole milliseconds, as Salesforce has it.
    static var now: Date {
        Date(timeIntervalSince1970: (Date().timeIntervalSince1970 * 1_000).rounded() / 1_000)
    }

    func rows(_ columns: String = "sfid, name, _hc_lastop", of table: String = "account") async throws
        -> [[String?]]
    {
        try await pool.query(
            "select \(raw: columns) from \(identifier: fixture.schema, table) order by sfid, id"
        ).map { row in try row.columnNames.indices.map { try row[$0] } }
    }

    func rereads() async throws -> [String: String] {
        let rows = try await pool.query("select sfid, reason from multiconnect_sync.rereads")
        var found: [String: String] = [:]
        for row in rows { found[try row["sfid"]] = try row["reason"] }
        return found
    }

    func script(_ text: String) async throws {
        try await pool.withConnection {
            try await $0.script(
                "set search_path to \(fixture.schema), public; set xmlbinary = 'hex'; \(text)")
            try await $0.script("reset search_path; reset xmlbinary")
        }
    }
}

/// Runs `body` with the tables of a tenant.
///
/// - Parameter fields: more fields of Account.
func withTables(
    fields: [FieldDescribe] = [], upsertField: String? = nil,
    _ body: @concurrent @Sendable (MergeScene) async throws -> Void
) async throws {
    try await withTenantDatabase { fixture in
        let cells = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../migrations/cells").path
        let pool = fixture.pool(maximum: 6)
        defer { pool.close() }
        try await pool.withConnection {
            _ = try await Migrator(directory: cells, schema: "multiconnect_sync").migrate(on: $0)
        }
        var describe = Describes.account
        describe.fields += fields
        var contact = Describes.contact
        if contact.field(named: "AccountId") == nil {
            contact.fields.append(Describes.reference("AccountId", to: ["Account"], relationship: "Account"))
        }
        let resolver = NameResolver(namespace: nil)
        func table(_ describe: ObjectDescribe, _ fields: [String], parents: [String: ObjectDescribe] = [:])
            -> SyncedTable
        {
            let mapping = Mapping(
                id: UUID(), organizationID: fixture.tenant.id, connectionID: fixture.tenant.connectionID,
                objectName: describe.name,
                configuration: MappingConfiguration(
                    access: .readWrite, fields: fields,
                    upsertField: describe.name == "Account" ? upsertField : nil), state: .dataSynced,
                isImported: true)
            return SyncedTable(
                mapping: mapping, schema: fixture.schema,
                plan: TablePlan(describe, mapping.configuration, resolver: resolver, parents: parents))
        }
        let account = table(
            describe, describe.fields.map(\.name).filter { $0 != "Id" && !$0.hasSuffix("Address") })
        let contacts = table(
            contact,
            ["LastName", "AccountId"] + (fields.contains { $0.name == "Key__c" } ? ["Account.Key__c"] : []),
            parents: ["Account": describe])
        try await fixture.provision([account.plan, contacts.plan], on: pool)
        let user = try await fixture.connect()
        defer { user.close() }
        try await user.script("set search_path to \(fixture.schema), public")
        try await body(
            MergeScene(fixture: fixture, pool: pool, account: account, contact: contacts, user: user))
    }
}
