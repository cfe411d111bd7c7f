internal import Encoding
package import FoundationEssentials
package import Organizations
package import Postgres
package import TenantSchema

/// Rows of `mapping_imports`, in the control database.
package struct MappingImportStore: Sendable {
    /// An import of a mapping file.
    package struct Record: Sendable, Equatable {
        /// The progress of the import. `failed` is the end of the job; a failed mapping is a step.
        package enum State: String, Sendable, Hashable {
            case waiting
            case running
            case done
            case failed

            package var isFinal: Bool { self == .done || self == .failed }
        }

        package var organizationID: UUID
        /// Nil once the import has ended.
        package var file: MappingFile?
        package var requestedBy: String
        package var state: State
        package var steps: [Step]
        package var error: String?
    }

    /// The result for one mapping of the file, or for the settings of the connection.
    package struct Step: Sendable, Equatable {
        /// `connection` for the settings.
        package var object: String
        /// `added`, `changed`, `unchanged`, `failed`, or the value of `unusable`.
        package var action: String
        package var detail: String

        package init(object: String, action: String, detail: String) {
            self.object = object
            self.action = action
            self.detail = detail
        }

        /// The action of a new mapping whose rows cannot be imported.
        package static let unusable = "invalid"

        /// Whether the change was not made, or the new mapping has no rows.
        package var hasFailed: Bool { action == "failed" || action == Self.unusable }

        /// The result for the settings of the connection.
        package static func connection(_ report: ConnectionSettings.FeatureReport) -> Step {
            let action =
                if !report.problems.isEmpty {
                    "failed"
                } else if report.changes.isEmpty {
                    "unchanged"
                } else {
                    "changed"
                }
            let details = report.changes + report.problems + report.warnings.map { "warning: \($0)" }
            return Step(object: "connection", action: action, detail: details.joined(separator: "; "))
        }
    }

    /// How long a finished import is kept.
    private static let age = Duration.seconds(90 * 86_400)

    package init() {}

    /// Adds an import, and removes old ones of the tenant. Returns its id.
    package func add(
        _ file: MappingFile, to organization: UUID, by actor: String, on connection: PostgresConnection
    ) async throws -> UUID {
        try await connection.execute(
            """
            delete from multiconnect.mapping_imports
            where organization_id = \(organization) and finished_at < now() - \(Self.age)
            """)
        return try await connection.query(
            """
            insert into multiconnect.mapping_imports (organization_id, file, requested_by)
            values (\(organization), \(file.json.serialized)::jsonb, \(actor)) returning id
            """
        ).scalar()
    }

    /// Nil for an unknown id.
    package func record(_ id: UUID, on connection: PostgresConnection) async throws -> Record? {
        let rows = try await connection.query(
            """
            select organization_id, file::text as file, requested_by, state, progress::text as progress, error
            from multiconnect.mapping_imports where id = \(id)
            """)
        guard let row = rows.first else { return nil }
        let file: String? = try row["file"]
        let progress = try JSONValue(parsing: Array((try row["progress"] as String).utf8))
        return Record(
            organizationID: try row["organization_id"],
            file: try file.map { try MappingFile(parsing: Array($0.utf8)) },
            requestedBy: try row["requested_by"],
            state: Record.State(rawValue: try row["state"]) ?? .failed,
            steps: (progress.array ?? []).map {
                Step(
                    object: $0["object"]?.string ?? "", action: $0["action"]?.string ?? "",
                    detail: $0["detail"]?.string ?? "")
            },
            error: try row["error"])
    }

    /// An import in a list.
    package struct Summary: Sendable, Equatable {
        package var id: UUID
        package var requestedBy: String
        package var state: Record.State
        package var createdAt: Date
        package var error: String?
        /// Steps that failed.
        package var failures: Int
    }

    /// The newest imports of a tenant.
    package func recent(
        of organization: UUID, limit: Int, on connection: PostgresConnection
    ) async throws -> [Summary] {
        try await connection.query(
            """
            select id, requested_by, state, created_at, error, (
                select count(*) from jsonb_array_elements(progress) as step
                where step ->> 'action' in ('failed', \(Step.unusable))) as failures
            from multiconnect.mapping_imports where organization_id = \(organization)
            order by created_at desc limit \(limit)
            """
        ).map { row in
            Summary(
                id: try row["id"], requestedBy: try row["requested_by"],
                state: Record.State(rawValue: try row["state"]) ?? .failed,
                createdAt: try row["created_at"], error: try row["error"], failures: try row["failures"])
        }
    }

    /// Begins an import, or begins it again: its steps are made again, which changes nothing.
    func begin(_ id: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect.mapping_imports set state = 'running', progress = '[]', error = null
            where id = \(id) and finished_at is null
            """)
    }

    func add(_ step: Step, to id: UUID, on connection: PostgresConnection) async throws {
        let text = JSONValue.object([
            "object": .string(step.object), "action": .string(step.action), "detail": .string(step.detail),
        ]).serialized
        try await connection.execute(
            """
            update multiconnect.mapping_imports set progress = progress || \(text)::jsonb
            where id = \(id) and finished_at is null
            """)
    }

    /// Stores the last error. The job tries again.
    func noteError(_ reason: String, of id: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect.mapping_imports set error = \(reason)
            where id = \(id) and finished_at is null
            """
        )
    }

    func finish(_ id: UUID, error: String? = nil, on connection: PostgresConnection) async throws {
        let state = error == nil ? Record.State.done : .failed
        try await connection.execute(
            """
            update multiconnect.mapping_imports
            set state = \(state.rawValue), error = \(error), finished_at = now(), file = null
            where id = \(id) and finished_at is null
            """)
    }
}
