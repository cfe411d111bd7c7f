import FoundationEssentials
import Postgres

/// Finds the migrations of the control database and of the cells.
enum Migrations {
    /// A file or folder of the program is missing.
    struct MissingFile: Error, CustomStringConvertible {
        let name: String
        var description: String {
            "\(name) was not found: run the program in the folder that has migrations/ and config/"
        }
    }

    /// The migrators of a cell, in the order in which they run.
    static func all(for cell: String) throws -> [Migrator] {
        let directory = try locate("migrations")
        let control = Migrator(directory: directory)
        let tenants = Migrator(directory: directory + "/cells", schema: "multiconnect_sync")
        return cell == Configuration.Defaults.cell ? [control, tenants] : [tenants]
    }

    /// The path of a file or folder of the program, in the working directory or in a folder above the
    /// executable.
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
