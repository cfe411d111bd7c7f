import Encoding
import Postgres
import Support
import Testing

@testable import OrgSimulator

/// The simulator's checksums equal those of a Postgres table with the same rows.
@Suite(.tags(.store))
struct ChecksumStoreTests {
    private func type(_ field: FieldSchema) -> String {
        switch field.type {
        case .boolean: "boolean"
        case .int: "integer"
        case .double, .currency, .percent: "double precision"
        case .date: "date"
        case .time: "time"
        case .datetime: "timestamp"
        default: "text"
        }
    }

    @Test(arguments: ["Account", "Contact", "Tweet__c", "Connection__c", "User", "PermissionSet"])
    func `rows that are copied from a Bulk result have the org's checksums`(object: String) async throws {
        var test = TestWorld {
            $0.accounts = 1200
            $0.assumptions.integersWithPoint = 0
        }
        let token = try test.token()
        let fields = try #require(test.world.orgs[0].table(object)).schema.fields.filter {
            $0.type != .address
        }
        let created = test.call(
            "POST", "/services/data/v66.0/jobs/query", token: token,
            body:
                #"{"operation":"query","query":"SELECT \#(fields.map(\.name).joined(separator: ",")) FROM \#(object)"}"#
        )
        let path = "/services/data/v66.0/jobs/query/\(try #require(created.document["id"]?.text))"
        for _ in 0..<3 { _ = test.get(path, token: token) }
        let csv = test.get(path + "/results", token: token).bytes.filter { $0 != 0 }
        let truth = test.get("/simulator/orgs/1/objects/\(object)/checksums", token: nil).document
        guard case .object(let columns) = truth["columns"] else {
            Issue.record("there are no columns: \(truth)")
            return
        }
        let names = columns.map { "\"\($0.key)\"" }.joined(separator: ", ")
        // A parsed document has its members in another order.
        let types = fields.map { field in
            "\"\(field.name == "Id" ? "sfid" : field.name.lowercased())\" \(type(field))"
        }.joined(separator: ", ")
        let expressions = columns.map { $0.value["sql"]?.text ?? "" }.joined(separator: ", ")
        try await withDatabase { database in
            let connection = try await database.connect()
            defer { connection.close() }
            try await connection.script("create table t (\(types))")
            let copy = try await connection.copyIn(
                SQL(raw: "copy t from stdin (format csv, header, force_null (\(names)))"))
            try await copy.write(csv)
            _ = try await copy.finish()
            #expect(
                try await connection.query("select count(*) from t").scalar(as: Int.self)
                    == truth["rows"]?.number)
            let sums = try await connection.query(SQL(raw: "select array[\(expressions)] from t"))
                .scalar(as: [String].self)
            for (column, sum) in zip(columns, sums) {
                #expect(sum == column.value["sum"]?.text, "\(column.key)")
            }
        }
    }
}
