internal import Cryptography
package import Postgres

/// A column of the control database whose values `SECRET` seals. The check at start and the reseal work on
/// all of them in the same way; the target that owns the table declares the column.
package struct SealedColumn: Sendable {
    /// The values in the plural, for messages: `webhooks`.
    package let kind: String
    let table: SQL
    let column: SQL
    /// Text that identifies a row. `t` is the table.
    let row: SQL
    /// The parts of the seal's context.
    let owner: SQL
    let purpose: SQL
    /// The rows whose values are still opened.
    let condition: SQL
    let need: SQL
    /// Whether the table also has the key's id, in `key_id`.
    let hasKeyID: Bool

    /// The fate of a value that no key opens.
    package enum Need: String, Sendable {
        /// It is needed: no process starts without its key.
        case lasting
        /// It ends by itself within hours.
        case passing
        /// It is never opened again.
        case ended
    }

    package init(
        _ kind: String, table: SQL, column: SQL, row: SQL, owner: SQL, purpose: SQL,
        condition: SQL = "true", need: SQL = "'lasting'", hasKeyID: Bool = false
    ) {
        self.kind = kind
        self.table = table
        self.column = column
        self.row = row
        self.owner = owner
        self.purpose = purpose
        self.condition = condition
        self.need = need
        self.hasKeyID = hasKeyID
    }

    private static let orgID: SQL =
        "(select o.org_id from multiconnect.organizations as o where o.id = t.organization_id)"
    private static let open: SQL = "t.used_at is null and t.expires_at > now()"

    /// The columns of this target.
    package static let organizations = [
        SealedColumn(
            "tokens of tenants", table: "multiconnect.credentials", column: "sealed",
            row: "t.organization_id || ' ' || t.kind", owner: orgID, purpose: "t.kind",
            need: """
                case when exists (
                    select from multiconnect.credentials as r
                    where r.organization_id = t.organization_id and r.revoked_at is not null)
                then 'ended' else 'lasting' end
                """,
            hasKeyID: true),
        SealedColumn(
            "readers' passwords", table: "multiconnect.reader_logins", column: "sealed",
            row: "t.organization_id::text", owner: orgID, purpose: "'reader_password'", hasKeyID: true),
        SealedColumn(
            "open consents", table: "multiconnect.consents", column: "verifier",
            row: "encode(t.state_hash, 'hex')", owner: "encode(t.state_hash, 'hex')",
            purpose: "'consent verifier'", condition: open, need: "'passing'"),
        SealedColumn(
            "open logins of end users", table: "multiconnect.end_user_logins", column: "verifier",
            row: "encode(t.state_hash, 'hex')", owner: "encode(t.state_hash, 'hex')",
            purpose: "'end user login verifier'", condition: open, need: "'passing'"),
        SealedColumn(
            "sessions of end users", table: "multiconnect.end_user_sessions", column: "access_token",
            row: "encode(t.token_hash, 'hex')", owner: orgID, purpose: "'end user access token'",
            condition: "t.expires_at > now()", need: "'passing'"),
    ]
}

/// Reads and reseals the values of a column.
struct SealedColumnStore {
    private let column: SealedColumn
    private let connection: PostgresConnection

    init(_ column: SealedColumn, on connection: PostgresConnection) {
        self.column = column
        self.connection = connection
    }

    /// A value that another key than the current one sealed.
    struct Outdated: Sendable {
        let row: String
        let context: SealContext
        let sealed: [UInt8]
        let keyID: String
        let need: SealedColumn.Need
    }

    /// The id of the key in a value's header, see `Sealed`.
    private var keyID: SQL { "encode(substring(t.\(column.column) from 2 for 8), 'hex')" }

    /// The number of values that are needed, by the id of the key that sealed them.
    func neededKeys() async throws -> [String: Int] {
        let rows = try await connection.query(
            """
            select \(keyID) as key_id, count(*)::int as count from \(column.table) as t
            where \(column.condition) and \(column.need) = 'lasting' group by 1
            """)
        return try rows.reduce(into: [:]) { $0[try $1["key_id", as: String.self]] = try $1["count"] }
    }

    /// Values in the order of their rows, after `row`, that another key than `current` sealed.
    func outdated(current: String, after row: String, limit: Int) async throws -> [Outdated] {
        let rows = try await connection.query(
            """
            select * from (
                select (\(column.row)) collate "C" as place, \(column.owner) as owner,
                    \(column.purpose) as purpose, t.\(column.column) as sealed, \(keyID) as key_id,
                    \(column.need) as need
                from \(column.table) as t where \(column.condition) and \(keyID) <> \(current)
            ) as outdated where place > \(row) order by place limit \(limit)
            """)
        return try rows.map { row in
            Outdated(
                row: try row["place"],
                context: SealContext(organizationID: try row["owner"], purpose: try row["purpose"]),
                sealed: try row["sealed"], keyID: try row["key_id"],
                need: SealedColumn.Need(rawValue: try row["need"]) ?? .lasting)
        }
    }

    /// Replaces a value unless it has changed since it was read. Returns whether it was replaced.
    func reseal(_ old: Outdated, with sealed: Sealed) async throws -> Bool {
        let keyID: SQL = column.hasKeyID ? ", key_id = \(sealed.keyID.text)" : ""
        return try await connection.execute(
            """
            update \(column.table) as t set \(column.column) = \(sealed.bytes)\(keyID)
            where \(column.row) = \(old.row) and t.\(column.column) = \(old.sealed)
            """) == 1
    }
}
