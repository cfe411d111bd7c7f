import Encoding
import FoundationEssentials
import Postgres
import Replication

/// A connection to a tenant's cell.
struct LocalWriteAccess {
    let connection: PostgresConnection
}

/// Formats users' changes for a terminal and as JSON.
enum WritesText {
    static func table(_ writes: [LocalWrite], now: Date) -> String {
        TextTable.text(
            ["ID", "STATUS", "ACTION", "TABLE", "ROW", "RECORD", "AGE", "MESSAGE"],
            writes.map { write in
                [
                    "\(write.id)", write.status.rawValue, write.action, write.table, "\(write.recordID)",
                    write.sfid ?? "-", JobsText.distance(write.createdAt, from: now),
                    JobsText.plain(write.message ?? "-", length: 80),
                ]
            })
    }

    static func detail(_ write: LocalWrite) -> String {
        let lines: [(String, String?)] = [
            ("change", "\(write.id)"), ("status", "\(write.status.rawValue) (\(write.state))"),
            ("action", write.action), ("table", write.table), ("row", "\(write.recordID)"),
            ("record", write.sfid), ("created", JobsText.time(write.createdAt)),
            ("processed", write.processedAt.map(JobsText.time)),
            ("looked up", write.settleAt.map(JobsText.time)),
            ("message", write.message.map { JobsText.plain($0) }),
            ("values", write.values.map { JobsText.plain($0) }),
            ("before", write.old.map { JobsText.plain($0) }),
        ]
        return lines.compactMap { name, value in
            value.map { name + String(repeating: " ", count: max(1, 11 - name.count)) + $0 }
        }.joined(separator: "\n")
    }

    static func document(_ writes: [LocalWrite], _ counts: [LocalWrite.Status: Int]) -> JSONText {
        .object([
            (
                "counts",
                .object(LocalWrite.Status.allCases.map { ($0.rawValue, .number(counts[$0] ?? 0)) })
            ),
            ("writes", .array(writes.map(object))),
        ])
    }

    static func object(_ write: LocalWrite) -> JSONText {
        .object([
            ("id", .number(write.id)), ("status", .string(write.status.rawValue)),
            ("state", .string(write.state)), ("action", .string(write.action)),
            ("table_name", .string(write.table)), ("record_id", .number(write.recordID)),
            ("sfid", .optional(write.sfid)), ("created_at", .time(write.createdAt)),
            ("processed_at", .optional(write.processedAt)), ("settle_at", .optional(write.settleAt)),
            ("message", .optional(write.message)), ("values", .optional(write.values)),
            ("old", .optional(write.old)),
        ])
    }
}
