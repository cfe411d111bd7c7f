import Foundation
import Testing

/// The kinds of notifications in the sources, and the two tables that explain them.
struct NotificationTests {
    /// The types in calls of `NotificationStore`: literals, and constants of the form `Namespace.name`.
    private static let types: Set<String> = {
        let files = SourceTree.sources.filter { $0.target != "Dashboard" }
        let code = files.map { $0.lines.joined(separator: "\n") }
        var constants: [String: Set<String>] = [:]
        for text in code {
            for match in text.matches(of: /static let (\w+) = "([a-z]+(?:_[a-z]+)*)"/) {
                constants[String(match.1), default: []].insert(String(match.2))
            }
        }
        var found: Set<String> = []
        for text in code where text.contains("NotificationStore(") || text.contains(".notify(") {
            let call =
                /\.?(?:add|addOnce|addStanding|update|notify)\(\s*("[a-z_]+"|[A-Z]\w*\.\w+), ?\s*(.{0,40})/
            for match in text.matches(of: call) {
                let argument = String(match.1)
                let rest = String(match.2)
                if argument.hasPrefix("\"") {
                    guard rest.hasPrefix("organization:") || rest.hasPrefix("message:") else { continue }
                    found.insert(String(argument.dropFirst().dropLast()))
                } else {
                    let name = argument.split(separator: ".").last.map(String.init) ?? ""
                    found.formUnion(constants[name] ?? [])
                }
            }
        }
        // The types of an enumeration's cases.
        for text in code {
            for block in text.matches(of: /event(?:\(_ \w+: \w+\) -> String|: String) \{\s*switch [^}]*\}/) {
                for match in String(block.0).matches(of: /: "([a-z_]+)"/) { found.insert(String(match.1)) }
            }
        }
        return found
    }()

    /// The kinds in the first column of a document's tables.
    private static func kinds(in document: String) throws -> Set<String> {
        let rows = try SourceTree.text(document).split(separator: "\n").filter { $0.hasPrefix("| `") }
        return Set(
            rows.flatMap { row in
                let cell = row.dropFirst().prefix { $0 != "|" }
                return cell.matches(of: /`([a-z_]+)`/).map { String($0.1) }
            })
    }

    @Test(arguments: ["docs/operating-tenants.md", "docs/operations.md"])
    func `each kind of notification is explained`(document: String) throws {
        for known in [
            "writes_failed", "mapping_failed", "daily_calls_used", "cell_unavailable", "rows_missing",
        ] {
            #expect(Self.types.contains(known), "\(known) is not found in the sources")
        }
        let kinds = try Self.kinds(in: document)
        for type in Self.types.sorted() { #expect(kinds.contains(type), "\(document): \(type)") }
    }
}
