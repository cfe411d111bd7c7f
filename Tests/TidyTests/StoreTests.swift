import Foundation
import Testing

/// Who speaks SQL to the schemas `multiconnect` and `multiconnect_sync`.
struct StoreTests {
    /// The targets that write to jobs: operators' actions and jobs of other clients are changes of rows too.
    private static let queue: Set = ["Jobs", "JobAdmin", "SidekiqBridge"]

    /// The targets that write to each table. One, except for the queue's.
    private static let writers: [String: Set<String>] = [
        "activity": ["Activity"], "notifications": ["Activity"], "jobs": queue, "job_attempts": queue,
        "deleted_jobs": queue, "job_claims": ["Jobs"], "job_probes": ["JobAdmin"], "pauses": ["Jobs"],
        "periodic_jobs": ["Jobs"], "tenant_weights": ["Jobs"], "workers": ["Jobs"],
        "api_calls": ["Organizations"], "api_usage": ["Organizations"], "connections": ["Organizations"],
        "consents": ["Organizations"], "credentials": ["Organizations"], "former_users": ["Organizations"],
        "key_checks": ["Organizations"],
        "operator_sessions": ["TenantAdmin"], "canvas_requests": ["Organizations"],
        "end_user_access": ["Organizations"], "end_user_logins": ["Organizations"],
        "end_user_sessions": ["Organizations"],
        "mails": ["Organizations"], "organizations": ["Organizations"], "mappings": ["Replication"],
        "applied_steps": ["Replication"], "import_pages": ["Replication"], "imports": ["Replication"],
        "lease_epochs": ["Replication"], "lease_holders": ["Replication"], "leases": ["Replication"],
        "nulled_cells": ["Replication"], "stream_positions": ["Replication"],
        "stream_states": ["Replication"], "positions": ["Replication"],
        "quarantined_rows": ["Replication"], "repairs": ["Replication"], "recent_changes": ["Replication"],
        "reload_records": ["Replication"], "rereads": ["Replication"], "running_reads": ["Replication"],
        "synced_tables": ["Replication"], "column_backfills": ["Replication"],
        "mapping_imports": ["Replication"], "api_tokens": ["TenantAdmin"],
        "odata_services": ["TenantAdmin"], "odata_tables": ["TenantAdmin"],
        "odata_credentials": ["TenantAdmin"], "shared_queries": ["TenantAdmin"],
        "shared_query_versions": ["TenantAdmin"], "shared_query_links": ["TenantAdmin"],
        "reader_logins": ["Organizations"], "schema_checks": ["Replication"],
        "write_attempts": ["Replication"], "write_backlogs": ["Replication"], "held_changes": ["Replication"],
        "flows": ["Replication"], "tenant_flows": ["Replication"],
        "feed_events": ["Feeds"], "feed_horizons": ["Feeds"], "feed_demands": ["Feeds"],
        "event_subscriptions": ["Replication"],
        "processes": ["Processes"], "process_runs": ["Processes"],
        "outbound_endpoints": ["OutboundMessages"],
        // A trigger writes it.
        "mapping_totals": ["Replication"],
        "webhooks": ["Feeds"], "webhook_deliveries": ["Feeds"],
    ]

    private static func sql(of file: SourceFile) -> String {
        file.text.literals.joined(separator: "\n").lowercased()
    }

    @Test(arguments: SourceTree.sources)
    func `SQL against the control schema is in stores and migrations`(file: SourceFile) {
        guard !file.name.hasSuffix("Store.swift") else { return }
        let pattern = /\b(from|into|update|join|table)\s+multiconnect(_sync)?\./
        #expect(
            Self.sql(of: file).firstMatch(of: pattern) == nil,
            "\(file) has SQL against the control schema: move it into a file named *Store.swift")
    }

    @Test(arguments: SourceTree.sources)
    func `each table is written by one target`(file: SourceFile) {
        let pattern =
            /\b(?:insert\s+into|update|delete\s+from|merge\s+into|truncate)\s+multiconnect(?:_sync)?\.(\w+)/
        for write in Self.sql(of: file).matches(of: pattern) {
            let table = String(write.1)
            #expect(Self.writers[table]?.contains(file.target) == true, "\(file) writes to \(table)")
        }
    }

    @Test func `each table of the migrations has a writer`() throws {
        for path in SourceTree.paths(in: "migrations", "sql") {
            let pattern = /create table (?:if not exists )?multiconnect(?:_sync)?\.(\w+)/
            for table in try SourceTree.text(path).lowercased().matches(of: pattern) {
                #expect(Self.writers[String(table.1)] != nil, "\(path): \(table.1)")
            }
        }
    }

    @Test func `each purpose of a seal has a column that the start checks and a reseal covers`() {
        let sources = SourceTree.sources.map { $0.lines.joined(separator: "\n") }
        var purposes: Set<String> = []
        for text in sources {
            for match in text.matches(of: /purpose: "([a-z_ ]+)"/) { purposes.insert(String(match.1)) }
        }
        #expect(purposes.isSuperset(of: ["webhook target", "consent verifier", "reader_password"]))
        for purpose in purposes {
            #expect(sources.contains { $0.contains("purpose: \"'\(purpose)'\"") }, "\(purpose)")
        }
    }

    @Test func `migrations are numbered without gaps and named for what they do`() throws {
        for folder in ["migrations", "migrations/cells"] {
            let names = SourceTree.paths(in: folder, "sql")
                .map { $0.dropFirst(folder.count + 1) }.filter { !$0.contains("/") }
            for (index, name) in names.enumerated() {
                let number = String(format: "%04d_", index + 1)
                #expect(name.hasPrefix(number), "\(folder)/\(name): expected \(number)")
                #expect(name.wholeMatch(of: /[0-9]{4}_[a-z]+(_[a-z]+)+\.sql/) != nil, "\(folder)/\(name)")
            }
        }
    }
}
