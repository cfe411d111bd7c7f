import Encoding
import Replication

/// The result of a verification, for a terminal and as JSON.
enum VerificationText {
    static func text(_ result: Verification) -> String {
        var lines = [
            "\(result.objectName): \(result.isEqual ? "equal" : "different"), \(result.rowsHere) rows in "
                + "\(result.table), \(result.rowsThere) in the org, \(result.columnsCompared) columns "
                + "compared"
        ]
        lines += missing(result.missingHere, "only in the org")
        lines += missing(result.missingThere, "only in the table")
        lines += missing(
            result.invalidIDs,
            "with an sfid that is no record's id (an application wrote it: set it to null, or delete the row)"
        )
        for column in result.columns {
            lines.append("  \(column.name): \(column.rows) rows differ")
            for example in column.examples {
                lines.append("    \(example.id)  table \(value(example.here))  org \(value(example.there))")
            }
        }
        for (column, reason) in result.columnsLeftOut.sorted(by: { $0.key < $1.key }) {
            lines.append("  not compared: \(column): \(reason)")
        }
        if result.localChanges > 0 {
            lines.append(
                "  not compared: \(result.localChanges) rows with local changes that are not in the org")
        }
        if result.rowsWithoutRecord > 0 {
            lines.append("  not compared: \(result.rowsWithoutRecord) rows that are not in the org yet")
        }
        if result.rowsWithoutChange > 0 {
            lines.append(
                "  \(result.rowsWithoutChange) of them are in no change that waits: capture them with "
                    + "hc_capture_insert_from_row, or delete them")
        }
        if result.quarantinedRows > 0 {
            lines.append(
                "  quarantined: \(result.quarantinedRows) rows that the database refuses; "
                    + "multiconnect_sync.quarantined_rows has the reasons")
        }
        if result.nulledCells > 0 { lines.append("  fit no column type: \(result.nulledCells) cells") }
        if let withheld = result.withheld {
            lines.append("  rows that are only in the table were kept: \(withheld)")
            if result.isConfirmable {
                lines.append("  to remove them, repeat the command with --repair --confirm")
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func missing(_ missing: Verification.Missing, _ place: String) -> [String] {
        guard missing.rows > 0 else { return [] }
        return ["  \(missing.rows) \(place): \(missing.examples.joined(separator: " "))"]
    }

    /// Values are text from outside.
    private static func value(_ text: String?) -> String {
        text.map { JobsText.plain($0.debugDescription) } ?? "null"
    }

    static func json(_ result: Verification) -> JSONText {
        let columns = result.columns.map { column in
            JSONText.object([
                ("name", .string(column.name)), ("rows", .number(column.rows)),
                (
                    "examples",
                    .array(
                        column.examples.map {
                            .object([
                                ("id", .string($0.id)), ("table", .optional($0.here)),
                                ("org", .optional($0.there)),
                            ])
                        })
                ),
            ])
        }
        return .object([
            ("object", .string(result.objectName)), ("table", .string(result.table)),
            ("equal", .bool(result.isEqual)), ("table_rows", .number(result.rowsHere)),
            ("org_rows", .number(result.rowsThere)), ("columns_compared", .number(result.columnsCompared)),
            ("only_in_org", missing(result.missingHere)), ("only_in_table", missing(result.missingThere)),
            ("invalid_ids", missing(result.invalidIDs)),
            ("columns", .array(columns)),
            (
                "columns_not_compared",
                .array(
                    result.columnsLeftOut.sorted { $0.key < $1.key }.map {
                        .object([("name", .string($0.key)), ("reason", .string($0.value))])
                    })
            ), ("local_changes", .number(result.localChanges)),
            ("rows_without_record", .number(result.rowsWithoutRecord)),
            ("rows_without_change", .number(result.rowsWithoutChange)),
            ("quarantined_rows", .number(result.quarantinedRows)),
            ("nulled_cells", .number(result.nulledCells)), ("requested", .number(result.requested)),
            ("reloaded", .bool(result.isReloaded)), ("withheld", .optional(result.withheld)),
        ])
    }

    private static func missing(_ missing: Verification.Missing) -> JSONText {
        .object([
            ("rows", .number(missing.rows)), ("examples", .array(missing.examples.map(JSONText.string))),
        ])
    }
}
