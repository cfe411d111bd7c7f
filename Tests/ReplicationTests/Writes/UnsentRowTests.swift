import Activity
import Encoding
import Postgres
import Support
import TenantSchema
import Testing

@testable import Replication

/// Changes of rows that Salesforce does not have.
@Suite(.tags(.store), .serialized)
struct UnsentRowTests {
    /// Accounts that are found by an external id.
    private func withKeys(
        _ body: @concurrent @escaping @Sendable (OrgScene) async throws -> Void
    ) async throws {
        try await withOrg { scene in
            try await scene.startWrites()
            var account = try await scene.mapping("Account").configuration
            account.fields.append("External_ID__c")
            account.upsertField = "External_ID__c"
            _ = try await scene.importMappings(
                MappingFile(mappings: [.init(objectName: "Account", configuration: account)]))
            try await body(scene)
        }
    }

    private func record(_ scene: OrgScene) async throws -> [String: String?] {
        let created = try await scene.written().filter { $0["kind"]?.string == "create" }
        #expect(created.count == 1)
        let fields = created.first?["fields"]
        return Dictionary(
            uniqueKeysWithValues: ["Name", "Phone", "Site", "External_ID__c"].map {
                ($0, fields?[$0]?.string)
            })
    }

    @Test func `an update of a row whose insert was not captured sends the whole row`() async throws {
        try await withKeys { scene in
            try await scene.writing {
                try await scene.write(
                    """
                    set local xmlbinary = 'hex';
                    insert into account (name, phone, external_id__c) values ('Uncaptured', '7', 'k1')
                    """)
                try await scene.app("update T.account set site = 'new' where external_id__c = 'k1'")
                try await scene.waitWritten()
            }
            #expect(
                try await record(scene) == [
                    "Name": "Uncaptured", "Phone": "7", "Site": "new", "External_ID__c": "k1",
                ])
        }
    }

    @Test func `after a refused insert was discarded, a correction sends the whole row`() async throws {
        try await withKeys { scene in
            try await scene.orgSettings(
                #"{"validation":[{"object":"Account","field":"Name","text":"bad","message":"No bad names"}]}"#
            )
            try await scene.writing {
                try await scene.app(
                    "insert into T.account (name, phone, external_id__c) values ('bad one', '7', 'k1')")
                try await eventually("refused") {
                    try await scene.app(
                        "select exists (select from T._trigger_log where state = 'FAILED')"
                    ).scalar()
                }
                try await scene.app("update T.account set name = 'Corrected' where external_id__c = 'k1'")
                try await Task.sleep(for: .milliseconds(500))
                #expect(try await scene.written().isEmpty, "the correction waits for a decision")
                let store = LocalWriteStore(organization: scene.organizationID, schema: scene.schema)
                try await scene.cell.transaction { connection in
                    var filter = LocalWriteFilter()
                    filter.status = .failed
                    _ = try await store.discard(
                        try await store.list(filter, on: connection), on: connection)
                }
                try await scene.waitWritten()
            }
            #expect(
                try await record(scene) == [
                    "Name": "Corrected", "Phone": "7", "Site": nil, "External_ID__c": "k1",
                ])
        }
    }

    private func states(_ scene: OrgScene) async throws -> [String] {
        try await scene.app("select action || ' ' || state from T._trigger_log order by id").column()
    }

    @Test func `an update without a record says what it waits for, and ends with its row`() async throws {
        try await withOrg { scene in
            try await scene.startWrites()
            try await scene.orgSettings(
                #"{"validation":[{"object":"Account","field":"Name","text":"bad","message":"No bad names"}]}"#
            )
            try await scene.writing {
                try await scene.write(
                    "set local xmlbinary = 'hex'; insert into account (name) values ('Uncaptured')")
                try await scene.app("insert into T.account (name) values ('bad one')")
                try await eventually("refused") { try await states(scene) == ["INSERT FAILED"] }
                try await scene.app(
                    "update T.account set site = 'new' where name in ('Uncaptured', 'bad one')")
                try await eventually("the reason is shown") {
                    let message: String? = try await scene.app(
                        "select sf_message from T._trigger_log where state = 'NEW' order by id limit 1"
                    ).first?[0]
                    return message?.contains("hc_capture_insert_from_row") == true
                }
                try await eventually("operators are notified") {
                    try await scene.notifications().contains { $0.eventType == WriteNotification.stranded }
                }
                try await scene.app("delete from T.account where name in ('Uncaptured', 'bad one')")
                try await eventually(within: .seconds(20), "nothing waits") {
                    try await !states(scene).contains { $0.hasSuffix("NEW") }
                }
            }
            #expect(try await scene.written().isEmpty)
        }
    }

    @Test func `a change of a table without a mapping says so until it is discarded`() async throws {
        try await withOrg { scene in
            try await scene.startWrites()
            let isOpen = { @Sendable () async throws -> Bool in
                try await scene.control.query(
                    """
                    select exists (select from multiconnect.notifications where acknowledged_at is null
                      and event_type = \(WriteNotification.unmapped))
                    """
                ).scalar()
            }
            try await scene.app(
                "insert into T._trigger_log (state, action, table_name, record_id) values ('NEW', 'UPDATE', 'nope', 1)"
            )
            try await scene.writing(archive: .milliseconds(200)) {
                try await eventually("operators are notified") { try await isOpen() }
                let message: String? = try await scene.app("select sf_message from T._trigger_log").first?[0]
                #expect(message?.hasPrefix("no mapping has this table") == true)
                try await scene.app("update T._trigger_log set state = 'IGNORED'")
                try await eventually("the notification is closed") { try await !isOpen() }
            }
        }
    }

    @Test func `a captured row does not replace a row whose external id differs in case`() async throws {
        try await withKeys { scene in
            try await scene.writing(reads: true) {
                try await scene.write(
                    "set local xmlbinary = 'hex'; insert into account (name, external_id__c) values ('own', 'case-b')"
                )
                _ = try await scene.change([
                    "kind": "create", "records": [["Name": "theirs", "External_ID__c": "CASE-B"]],
                ])
                try await eventually("the org's row is there") {
                    try await scene.app(
                        "select exists (select from T.account where external_id__c = 'CASE-B')"
                    ).scalar()
                }
                try await scene.app(
                    """
                    select T.hc_capture_insert_from_row(heroku_ext.hstore(a.*), 'account')
                    from T.account a where external_id__c = 'case-b'
                    """)
                try await eventually("the captured row is refused") {
                    try await scene.app(
                        "select _hc_err like '%DUPLICATE_ROW%' from T.account where external_id__c = 'case-b'"
                    ).first?[0] == true
                }
                let rows: [String] = try await scene.app(
                    "select external_id__c from T.account where lower(external_id__c) = 'case-b' order by 1"
                ).column()
                #expect(Set(rows) == ["CASE-B", "case-b"])
            }
        }
    }
}
