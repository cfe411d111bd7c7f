import TenantSchema

// Findings about the tenant's mappings and its database.
extension Checkup {
    /// Source: Heroku Connect's limit of mappings.
    private static let mappingLimit = 100
    /// Rows that one poll should read at most: five pages of a query.
    private static let rowsInPoll = 10_000
    /// Ours: the number at which Heroku Connect warns is not documented.
    private static let fieldLimit = 300
    /// Ours too. Long texts are stored outside of their row, so each costs a read of its own.
    private static let longTextLimit = 20
    /// Percent of the connections above which they are a finding.
    private static let manyConnections = 80

    var tenantFindings: [Finding] { [mappingCountFinding, pollingFinding] }

    private var mappingCountFinding: Finding {
        let text = "The tenant has \(mappings.count) mappings."
        guard mappings.count > Self.mappingLimit else { return Finding(.mappingCount, .good, text) }
        return Finding(
            .mappingCount, .advice, text,
            "Heroku Connect allows \(Self.mappingLimit). Each costs API calls: remove unused ones."
        )
    }

    private var pollingFinding: Finding {
        guard let rowsInHour, let silent = silentObjects else {
            return Finding(.pollingInterval, .skipped, "It is not known how many rows change.")
        }
        // The counts are those of all mappings, so this is the most that one poll can have to read.
        let slow = silent.filter { rowsInHour * $0.pollingSeconds / 3_600 > Self.rowsInPoll }
        guard !slow.isEmpty else {
            return Finding(.pollingInterval, .good, "The polls follow the changes.")
        }
        return Finding(
            .pollingInterval, .advice,
            "Up to \(rowsInHour) rows change in an hour, and these objects are polled seldom: "
                + slow.map { "\($0.objectName) (\($0.pollingSeconds) s)" }.joined(separator: ", ") + ".",
            "Shorten sf_polling_seconds, or select the objects for Change Data Capture.")
    }

    var databaseFindings: [Finding] {
        guard let obstacles else {
            return [
                Finding(.database, .missing, "The tenant's database does not answer."),
                Finding(.connections, .skipped, "The tenant's database does not answer."),
            ]
        }
        let suits = Finding(.database, .good, "The database allows the tenant's schema.")
        let found = obstacles.map {
            Finding(
                .database, .missing, "The database does not suit: \($0).",
                "Have the database's owner change it.")
        }
        return (found.isEmpty ? [suits] : found) + [connectionFinding]
    }

    private var connectionFinding: Finding {
        guard let connections, connections.maximum > 0 else {
            return Finding(.connections, .skipped, "The connections of the database cannot be read.")
        }
        let text = "\(connections.used) of \(connections.maximum) connections of the database are in use."
        guard connections.used * 100 > connections.maximum * Self.manyConnections else {
            return Finding(.connections, .good, text)
        }
        return Finding(
            .connections, connections.used >= connections.maximum ? .missing : .advice, text,
            "Lower DATABASE_CONNECTIONS, run fewer processes, or use a larger plan.")
    }

    func findings(of mapping: MappingFacts) -> [Finding] {
        [
            count(.fieldCount, mapping.fields, "fields are mapped", Self.fieldLimit, mapping),
            mapping.table.map {
                count(.longTextCount, $0.longTexts, "columns are long texts", Self.longTextLimit, mapping)
            } ?? Finding(.longTextCount, .skipped, "There is no table yet.", object: mapping.objectName),
            problem(.rowWidth, ["wide_row"], good: "Rows fit into a page of Postgres.", mapping),
            problem(.indexedText, ["unsuitable_index"], good: "No long text is indexed.", mapping),
            nameFinding(mapping),
            upsertFinding(mapping),
        ]
    }

    private func count(
        _ rule: CheckupRule, _ number: Int, _ text: String, _ limit: Int, _ mapping: MappingFacts
    ) -> Finding {
        let text = "\(number) \(text)."
        guard number > limit else { return Finding(rule, .good, text, object: mapping.objectName) }
        return Finding(
            rule, .advice, text, "More than \(limit) slow imports and polls down: map those that you read.",
            object: mapping.objectName)
    }

    private static let nameProblems: Set<String> = [
        "unknown_object", "not_queryable", "unknown_field", "unsupported_type", "unknown_index",
        "unsuitable_identifier", "column_taken", "paused_column",
    ]

    private func nameFinding(_ mapping: MappingFacts) -> Finding {
        guard let obstacle = mapping.obstacle else {
            return problem(.mappedNames, Self.nameProblems, good: "All mapped fields are synced.", mapping)
        }
        return Finding(
            .mappedNames, .missing, for: .admin, "\(mapping.objectName) is not synced: \(obstacle).",
            "Restore the object or the user's rights in the org, or remove the mapping.",
            object: mapping.objectName)
    }

    private func problem(
        _ rule: CheckupRule, _ kinds: Set<String>, good: String, _ mapping: MappingFacts
    ) -> Finding {
        let found = mapping.problems.filter { kinds.contains($0.kind) }
        guard !found.isEmpty else { return Finding(rule, .good, good, object: mapping.objectName) }
        let isFatal = found.contains { ["unknown_object", "not_queryable"].contains($0.kind) }
        // A paused column says why itself.
        let paused = found.filter { $0.kind == "paused_column" }.map(\.message)
        let texts = found.filter { problem in
            problem.kind == "paused_column" || !paused.contains { $0.hasSuffix(problem.message) }
        }.map(\.message)
        return Finding(
            rule, isFatal || rule == .rowWidth ? .missing : .advice, texts.joined(separator: "; ") + ".",
            "Change the mapping or the org.",
            object: mapping.objectName)
    }

    private func upsertFinding(_ mapping: MappingFacts) -> Finding {
        guard let field = mapping.upsertField else {
            return Finding(
                .upsertIndex, .skipped, "The mapping has no unique identifier.", object: mapping.objectName)
        }
        guard let table = mapping.table else {
            return Finding(.upsertIndex, .skipped, "There is no table yet.", object: mapping.objectName)
        }
        let column = Identifier.fitting(field.lowercased())
        guard !table.indexed.contains(where: { $0 == column || $0.hasSuffix("__\(column)") }) else {
            return Finding(.upsertIndex, .good, "\(field) has an index.", object: mapping.objectName)
        }
        return Finding(
            .upsertIndex, .missing,
            "\(field) has no index, so each change of a row reads the whole table.",
            "Create a unique index on \(column), or reload the mapping.", object: mapping.objectName)
    }
}
