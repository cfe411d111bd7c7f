import Foundation
import Postgres
import Salesforce
import Testing

@testable import Jobs
@testable import Replication

// Repairs and verifications of the tenant, and damage for them to find.
extension OrgScene {
    /// Starts a repair, or a refresh of formula fields, once.
    @discardableResult
    func repair(_ object: String, _ purpose: RepairStore.Purpose = .repair) async throws -> JobOutcome {
        let mapping = try await mapping(object)
        let className = purpose == .repair ? RepairJob.repairClass : RepairJob.formulaClass
        let job = RepairJob(className: className, mapping: mapping.id, organization: organizationID)
        let context = try await claim(try await queue.enqueue(job.newJob), failures: 0)
        let outcome = try await Repairer(services).run(mapping.id, purpose, context)
        try await control.execute(
            """
            update multiconnect.jobs set finished_at = now(), state = 'done', claim_token = null, lease_until = null
            where id = \(context.id.text)
            """)
        return outcome
    }

    func verify(_ object: String, repair: Verifier.Repair = .none) async throws -> Verification {
        let result = try await Verifier(services, settle: .zero).verify(
            try await mapping(object), repair: repair)
        return try #require(result)
    }

    /// Writes to the tenant's schema as the engine does: no write is captured.
    func damage(_ statements: String...) async throws {
        try await cell.transaction { connection in
            try await connection.script(
                "set local xmlbinary = 'hex'; set local search_path = \(SQL.quote(identifier: schema)), heroku_ext"
            )
            for statement in statements { try await connection.script(statement) }
        }
    }

    /// Writes to the tenant's schema as the application does.
    func write(_ statement: String) async throws {
        try await cell.transaction { connection in
            try await connection.script(
                "set local search_path = \(SQL.quote(identifier: schema)), heroku_ext")
            try await connection.script(statement)
        }
    }

    /// Ids of a table in order.
    func ids(_ table: String, _ limit: Int, offset: Int = 0) async throws -> [String] {
        try await cell.query(
            """
            select sfid from \(identifier: schema, table) where sfid is not null
            order by sfid limit \(limit) offset \(offset)
            """
        ).column()
    }

    /// Ids that wait to be read again.
    func rereads(_ object: String) async throws -> Set<String> {
        let mapping = try await mapping(object).id
        let ids: [String] = try await cell.query(
            "select sfid from multiconnect_sync.rereads where mapping_id = \(mapping)"
        ).column()
        return Set(ids)
    }

    /// The last result that operators see.
    func repairResult(_ object: String) async throws -> (rows: Int?, differences: Int?, detail: String?) {
        let mapping = try await mapping(object).id
        let row = try #require(
            try await control.query(
                """
                select repair_rows, repair_differences, repair_detail from multiconnect.mappings
                where id = \(mapping)
                """
            ).first)
        return (try row[0], try row[1], try row[2])
    }

    /// An id that no record has.
    static func unknownID(_ prefix: String, _ number: Int) throws -> String {
        let digits = String(number)
        let short = prefix + String(repeating: "z", count: 12 - digits.count) + digits
        return try SalesforceID(short).text
    }
}
