/// One migration file: `0002_create_jobs.sql`.
package struct Migration: Hashable, Sendable {
    package let version: Int
    package let name: String
    package let text: String

    /// The first line `-- no transaction` is for statements that cannot run in one, such as `create index
    /// concurrently`. Such a file must be repeatable after it stopped half-way.
    package var isTransactional: Bool {
        !text.hasPrefix("-- no transaction\n") && !text.hasPrefix("-- no transaction\r\n")
            && text != "-- no transaction"
    }

    /// Nil if the file name is not `NNNN_verb_object.sql`.
    init?(fileName: String, text: String) {
        guard let version = Self.version(of: fileName) else { return nil }
        self.version = version
        name = String(fileName.dropLast(".sql".count))
        self.text = text
    }

    static func version(of fileName: String) -> Int? {
        let bytes = Array(fileName.utf8)
        guard fileName.hasSuffix(".sql"), bytes.count > 9, bytes[4] == UInt8(ascii: "_"),
            bytes[..<4].allSatisfy({ (48...57).contains($0) })
        else { return nil }
        let words = fileName.dropFirst(5).dropLast(4).split(separator: "_", omittingEmptySubsequences: false)
        let isPlain = words.allSatisfy { word in
            !word.isEmpty && word.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) }
        }
        guard words.count >= 2, isPlain else { return nil }
        return Int(fileName.prefix(4))
    }
}

/// A migration as recorded in the database.
struct AppliedMigration: Hashable, Sendable {
    let version: Int
    let name: String
    let checksum: String
}

/// Decides which migrations run. Throws if files and record do not agree.
struct MigrationPlan {
    let pending: [Migration]

    /// - Parameters:
    ///   - files: with the checksum of each, in any order.
    ///   - applied: the recorded ones, in any order.
    ///
    /// Applied migrations beyond the last file are accepted: after a roll-back, an older release runs against
    /// a database that a newer one has migrated. Migrations must allow that.
    init(files: [(migration: Migration, checksum: String)], applied: [AppliedMigration]) throws(PostgresError)
    {
        let files = files.sorted { $0.migration.version < $1.migration.version }
        for (one, next) in zip(files, files.dropFirst())
        where one.migration.version == next.migration.version {
            throw Self.refusal(
                "two files have the same number: \(one.migration.name), \(next.migration.name)")
        }
        let lastApplied = applied.map(\.version).max() ?? -1
        let lastFile = files.last?.migration.version ?? -1
        var known: [Int: AppliedMigration] = [:]
        for entry in applied { known[entry.version] = entry }
        var pending: [Migration] = []
        for (file, checksum) in files {
            guard let entry = known.removeValue(forKey: file.version) else {
                if file.version < lastApplied {
                    throw Self.refusal(
                        "\(file.name) comes before migration \(lastApplied), which is already applied; "
                            + "give it the next free number")
                }
                pending.append(file)
                continue
            }
            guard entry.name == file.name, entry.checksum == checksum else {
                throw Self.refusal(
                    "\(file.name) differs from the applied migration \(entry.name); "
                        + "restore the file and put the change into a new migration")
            }
        }
        let missing = known.values.filter { $0.version <= lastFile }.sorted { $0.version < $1.version }
        if let first = missing.first {
            throw Self.refusal("\(first.name) is applied but its file is missing")
        }
        self.pending = pending
    }

    private static func refusal(_ message: String) -> PostgresError {
        PostgresError(.migration, message)
    }
}
