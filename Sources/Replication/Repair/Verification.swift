/// The result of comparing all mapped fields of one object with its org.
package struct Verification: Sendable, Equatable {
    /// A record with both values of a column. Nil is null.
    package struct Example: Sendable, Equatable {
        package var id: String
        package var here: String?
        package var there: String?
    }

    /// The differing rows of a column.
    package struct Column: Sendable, Equatable {
        package var name: String
        package var rows: Int
        /// At most `RepairLimits.examples`.
        package var examples: [Example]
    }

    /// Records that one side lacks.
    package struct Missing: Sendable, Equatable {
        package var rows = 0
        /// At most `RepairLimits.examples`.
        package var examples: [String] = []
    }

    package var objectName: String
    /// With the schema.
    package var table: String
    /// Rows of the table with an id.
    package var rowsHere = 0
    /// Rows of the table without an id: inserted here, and not in the org. They are no differences.
    package var rowsWithoutRecord = 0
    /// Those of `rowsWithoutRecord` that no waiting or refused change inserts: they were not captured. Not
    /// counted for a read-only mapping, whose rows an application may have for itself.
    package var rowsWithoutChange = 0
    /// Records that the read returned.
    package var rowsThere = 0
    package var columnsCompared = 0
    /// Mapped columns that are not compared, with the reason.
    package var columnsLeftOut: [String: String] = [:]
    /// Those of `columnsLeftOut` that the table lacks: somebody dropped them.
    package var lostColumns: [String] = []
    /// Records of the org that the table lacks.
    package var missingHere = Missing()
    /// Rows that the org lacks.
    package var missingThere = Missing()
    /// Rows whose `sfid` is not the id of a record. A user wrote it, and no repair changes them.
    package var invalidIDs = Missing()
    /// Columns with differing values.
    package var columns: [Column] = []
    /// Rows that differ only because a local change is not yet sent or was refused. They are no differences.
    package var localChanges = 0
    /// Records of the org that the table lacks because the database refuses them.
    package var quarantinedRows = 0
    /// Cells that fit no column type and are null. They are no differences.
    package var nulledCells = 0
    /// Records that are read again, if a repair was asked for.
    package var requested = 0
    /// The whole object is read again, if a repair was asked for and that costs fewer calls.
    package var isReloaded = false
    /// Why rows that the org lacks are kept.
    package var withheld: String?
    /// True if `--confirm` removes them.
    package var isConfirmable = false

    /// True if the table has the org's records, and all other rows are on their way.
    package var isEqual: Bool { needsNoRepair && rowsWithoutChange == 0 }

    /// True if a repair has nothing to do.
    var needsNoRepair: Bool {
        [missingHere, missingThere, invalidIDs].allSatisfy { $0.rows == 0 } && columns.isEmpty
            && quarantinedRows == 0 && lostColumns.isEmpty
    }
}
