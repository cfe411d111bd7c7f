import ArgumentParser
import Encoding
import FoundationEssentials
import Organizations
import Replication

/// `multiconnect mappings list`
struct MappingsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the mappings of a tenant with their states.")

    @OptionGroup var arguments: MappingArguments
    @Flag(help: "Also shows what feeds each mapping, its last poll and its last repair.") var verbose = false
    @Flag(help: "Prints JSON.") var json = false

    func run() async throws {
        try await JobsSession.open("mappings") { [self] session in
            let (organization, mappings) = try await arguments.mappings(session)
            guard verbose || json else {
                return print(Self.header(organization) + "\n" + Self.table(mappings))
            }
            let readings = try await session.withCell(organization.cell) {
                try await MappingReadingStore().readings(of: organization.id, on: $0)
            }
            if json { return print(Self.document(organization, mappings, readings).text) }
            print(Self.header(organization))
            print(Self.table(mappings) + "\n")
            print(Self.details(mappings, readings))
        }
    }

    private static func header(_ organization: Organization) -> String {
        let state = organization.connectionState
        let label = ([state.label] + [organization.connectionTrouble?.label].compactMap(\.self))
            .joined(separator: ": ")
        return "\(organization.organizationID)  connection \(state.rawValue)  (\(label))\n"
    }

    private static func table(_ mappings: [MappingSummary]) -> String {
        let rows = mappings.map { mapping -> [String] in
            let counted = counts(of: mapping)
            let pause: String = mapping.pausedAt.map(JobsText.time) ?? "-"
            let detail: String = mapping.waitDetail ?? mapping.lastError ?? mapping.detail ?? "-"
            return [
                mapping.objectName, mapping.table ?? "-", mapping.state?.rawValue ?? "-",
                pause, counted.here, counted.there, counted.time, "\(mapping.quarantined)",
                JobsText.plain(detail, length: 80),
            ]
        }
        return TextTable.text(
            [
                "OBJECT", "TABLE", "STATE", "PAUSED SINCE", "ROWS", "IN ORG", "COUNTED", "QUARANTINED",
                "DETAIL",
            ],
            rows)
    }

    /// The numbers of rows as last counted, and the time of the count.
    static func counts(of mapping: MappingSummary) -> (here: String, there: String, time: String) {
        let here: String? = mapping.rows.map { "\($0)" }
        let there: String? = mapping.orgRows.map { "\($0)" }
        let time: String? = mapping.countedAt.map(JobsText.time)
        return (here ?? "-", there ?? "-", time ?? "-")
    }

    private static func details(_ mappings: [MappingSummary], _ readings: [UUID: MappingReading]) -> String {
        let rows = mappings.map { mapping in
            let reading = readings[mapping.id]
            return [
                mapping.objectName, reading?.feed ?? "-", reading?.polledAt.map(JobsText.time) ?? "-",
                mapping.repair.at.map(JobsText.time) ?? "-",
                mapping.repair.differences.map { "\($0)" } ?? "-", "\(reading?.rereads ?? 0)",
                JobsText.plain(
                    reading?.pollError ?? mapping.repair.detail ?? reading?.reloadReason ?? "-", length: 80),
            ]
        }
        return TextTable.text(
            ["OBJECT", "FEED", "LAST POLL", "LAST REPAIR", "DIFFERENCES", "RE-READS", "DETAIL"], rows)
    }

    private static func document(
        _ organization: Organization, _ mappings: [MappingSummary], _ readings: [UUID: MappingReading]
    ) -> JSONText {
        .object([
            ("org_id", .string("\(organization.organizationID)")),
            ("connection_state", .string(organization.connectionState.rawValue)),
            ("connection_trouble", .optional(organization.connectionTrouble?.rawValue)),
            ("mappings", .array(mappings.map { mapping($0, readings[$0.id]) })),
        ])
    }

    private static func mapping(_ mapping: MappingSummary, _ reading: MappingReading?) -> JSONText {
        .object([
            ("id", .optional(mapping.id)), ("object", .string(mapping.objectName)),
            ("table", .optional(mapping.table)), ("state", .optional(mapping.state?.rawValue)),
            ("detail", .optional(mapping.detail)), ("is_imported", .bool(mapping.isImported)),
            ("paused_at", .optional(mapping.pausedAt)), ("rows", .optional(mapping.rows)),
            ("org_rows", .optional(mapping.orgRows)), ("rows_counted_at", .optional(mapping.countedAt)),
            ("quarantined", .number(mapping.quarantined)), ("last_error", .optional(mapping.lastError)),
            ("waits", .optional(mapping.waitDetail)), ("feed", .optional(reading?.feed)),
            ("polled_at", .optional(reading?.polledAt)), ("poll_error", .optional(reading?.pollError)),
            ("reload_reason", .optional(reading?.reloadReason)), ("rereads", .optional(reading?.rereads)),
            ("repaired_at", .optional(mapping.repair.at)), ("repair_rows", .optional(mapping.repair.rows)),
            ("repair_differences", .optional(mapping.repair.differences)),
            ("repair_detail", .optional(mapping.repair.detail)),
        ])
    }
}
