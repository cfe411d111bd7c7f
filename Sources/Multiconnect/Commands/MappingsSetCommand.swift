import ArgumentParser
import Encoding
import Organizations
import Replication
import TenantSchema

/// `multiconnect mappings set`
struct MappingsSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Changes settings of one mapping: access, polling, upsert field, row filter.",
        discussion: """
            Prints the changes, and then what the worker does. `mappings show` lists the settings; `none` \
            removes an optional one. Fields and indexes are changed with `mappings import`. Example: \
            mappings set 00D5f000005mc66 Account access=read_write "filter=Type = 'Customer'". Exit status: \
            0 done, or nothing to change; 64 invalid id, unknown setting or invalid value; 65 upsert_field \
            is not a mapped field; 66 no such tenant or mapping; 1 the mapping could not be changed, the \
            worker has not finished in time, or the tenant is paused; 69 the database does not answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "The object, as the mapping names it.") var object: String
    @Argument(help: "Changes, each as name=value.") var changes: [String]
    @Flag(help: "Only prints what would change.") var dryRun = false
    @Option(help: "The longest wait for the worker, in seconds.") var wait = 300
    @OptionGroup var actor: ActorOption

    func validate() throws {
        var settings = MappingConfiguration(access: .readOnly, fields: ["Id"])
        for change in changes {
            let parts = change.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw ValidationError("'\(change)' is not name=value") }
            if let problem = settings.set(String(parts[0]), to: String(parts[1])) {
                throw ValidationError(problem)
            }
        }
    }

    func run() async throws {
        try await JobsSession.open("mappings") { [self] session in
            let (organization, mapping) = try await session.mapping(object, of: organization)
            var configuration = mapping.configuration
            for change in changes {
                let parts = change.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                _ = configuration.set(String(parts[0]), to: String(parts[1]))
            }
            if let problem = configuration.identifierProblem(replacing: mapping.configuration) {
                throw CommandFailure(problem, code: CommandFailure.dataError)
            }
            let file = MappingFile(mappings: [
                .init(objectName: mapping.objectName, configuration: configuration)
            ])
            let plan = MappingChange.changes(from: [mapping.objectName: mapping.configuration], to: file)
            for change in plan { MappingImportProgress.show(change) }
            for line in mapping.configuration.effects(of: configuration) { print("  \(line)") }
            guard !dryRun, plan.contains(where: { $0.kind == .changed }) else { return }
            try await MappingImportProgress(session: session, wait: wait)
                .apply(file, to: organization, by: actor.name)
        }
    }
}

/// `multiconnect mappings show`
struct MappingsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows one mapping: its settings, its fields and its state.",
        discussion: """
            Exit status: 0 done; 64 invalid id; 66 no such tenant or mapping; 69 a database does not answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "The object, as the mapping names it.") var object: String
    @Flag(help: "Prints JSON.") var json = false

    func run() async throws {
        try await JobsSession.open("mappings") { [self] session in
            let (organization, mapping) = try await session.mapping(object, of: organization)
            let summary = try await session.mappings(of: organization.id).first { $0.id == mapping.id }
            let reading = try await session.withCell(organization.cell) {
                try await MappingReadingStore().readings(of: organization.id, on: $0)
            }[mapping.id]
            if json {
                return print(Self.document(organization, mapping, summary, reading).text)
            }
            print(
                TextTable.text(
                    ["STATE", "VALUE"],
                    Self.state(mapping, summary, reading).map { [$0.0, JobsText.plain($0.1 ?? "-")] }))
            print()
            print(
                TextTable.text(
                    ["SETTING", "VALUE"],
                    mapping.configuration.settings.map { [$0.name, JobsText.plain($0.value)] }))
            print()
            print(
                TextTable.text(["FIELD", "ACCESS", "INDEX", "NUMERIC"], Self.fields(mapping.configuration)))
        }
    }

    private static func state(
        _ mapping: Mapping, _ summary: MappingSummary?, _ reading: MappingReading?
    ) -> [(String, String?)] {
        let counted = summary.map(MappingsListCommand.counts)
        return [
            ("object", mapping.objectName), ("table", summary?.table),
            ("state", summary?.state?.rawValue), ("detail", summary?.detail),
            ("paused since", summary?.pausedAt.map(JobsText.time)), ("rows", counted?.here),
            ("in org", counted?.there), ("counted", counted?.time),
            ("quarantined", summary.map { "\($0.quarantined)" }), ("last error", summary?.lastError),
            ("waits", summary?.waitDetail), ("feed", reading?.feed),
            ("last poll", reading?.polledAt.map(JobsText.time)), ("poll error", reading?.pollError),
            ("re-reads", reading.map { "\($0.rereads)" }),
            ("last repair", summary?.repair.at.map(JobsText.time)),
        ]
    }

    private static func fields(_ configuration: MappingConfiguration) -> [[String]] {
        configuration.fields.map { field in
            let isUnique = configuration.indexes[field]
            return [
                field, (configuration.fieldAccess[field] ?? configuration.access).rawValue,
                isUnique.map { $0 ? "unique" : "index" } ?? "-",
                "\(configuration.numericFields[field] ?? configuration.isNumeric)",
            ]
        }
    }

    private static func document(
        _ organization: Organization, _ mapping: Mapping, _ summary: MappingSummary?,
        _ reading: MappingReading?
    ) -> JSONText {
        .object([
            ("org_id", .string("\(organization.organizationID)")), ("id", .optional(mapping.id)),
            ("object", .string(mapping.objectName)), ("table", .optional(summary?.table)),
            ("state", .optional(summary?.state?.rawValue)), ("detail", .optional(summary?.detail)),
            ("is_imported", .bool(mapping.isImported)), ("paused_at", .optional(summary?.pausedAt)),
            ("rows", .optional(summary?.rows)), ("org_rows", .optional(summary?.orgRows)),
            ("rows_counted_at", .optional(summary?.countedAt)),
            ("quarantined", .optional(summary?.quarantined)),
            ("last_error", .optional(summary?.lastError)), ("waits", .optional(summary?.waitDetail)),
            ("feed", .optional(reading?.feed)), ("polled_at", .optional(reading?.polledAt)),
            ("config", .raw(mapping.configuration.json.serialized)),
        ])
    }
}

extension JobsSession {
    /// A tenant and its mapping of an object.
    fileprivate func mapping(
        _ object: String, of name: String
    ) async throws -> (organization: Organization, mapping: Mapping) {
        let organization = try await organization(name)
        let mappings = try await configuredMappings(of: organization.id)
        guard let mapping = mappings.first(where: { $0.objectName.lowercased() == object.lowercased() })
        else {
            throw CommandFailure(
                "\(organization.organizationID) has no mapping \(object)", code: CommandFailure.noInput)
        }
        return (organization, mapping)
    }
}
