import FoundationEssentials
import Postgres

/// The migrations that belong to a database: the control schema's, and those of every cell.
enum Migrations {
    /// A file that belongs to the program is not where it should be.
    struct MissingFile: Error, CustomStringConvertible {
        let name: String
        var description: String {
            "\(name) is not here: run the program where its folders migrations/ and config/ are"
        }
    }

    /// In the order in which they run.
    static func all(for cell: String) throws -> [Migrator] {
        let directory = try locate("migrations")
        let control = Migrator(directory: directory)
        let tenants = Migrator(directory: directory + "/cells", schema: "multiconnect_sync")
        return cell == Configuration.Defaults.cell ? [control, tenants] : [tenants]
    }

    /// A file or folder of the program's own: where the process runs, else above the program itself.
    static func locate(_ name: String) throws -> String {
        var candidates = [FileManager.default.currentDirectoryPath]
        var folder = URL(filePath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent()
        if let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
            folder = URL(filePath: program).deletingLastPathComponent()
        }
        // .build/<platform>/<mode>/multiconnect is three folders below the repository.
        for _ in 0..<4 {
            candidates.append(folder.path)
            folder.deleteLastPathComponent()
        }
        for candidate in candidates where FileManager.default.fileExists(atPath: "\(candidate)/\(name)") {
            return "\(candidate)/\(name)"
        }
        throw MissingFile(name: name)
    }
}
