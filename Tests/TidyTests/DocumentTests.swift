import Foundation
import Testing

/// Links, commands and settings in the documents.
struct DocumentTests {
    /// Relative to the repository.
    static let documents: [String] = {
        let folder = SourceTree.root.appendingPathComponent("docs").path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
            + names.filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }
    }()

    /// The targets of links inside of the repository.
    private static func links(in text: String) -> [String] {
        text.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }.filter { !$0.contains("://") }
    }

    /// The anchors that GitHub makes for a document's headings.
    private static func anchors(in text: String) -> Set<String> {
        let headings = text.split(separator: "\n").filter { $0.hasPrefix("#") }
        return Set(
            headings.map { heading in
                let title = heading.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
                return String(
                    title.compactMap { character -> Character? in
                        if character == " " { return "-" }
                        let isKept = character.isLetter || character.isNumber || "-_".contains(character)
                        return isKept ? character : nil
                    })
            })
    }

    @Test(arguments: documents)
    func `a link points to an existing document and heading`(document: String) throws {
        let folder = URL(filePath: "/" + document).deletingLastPathComponent()
        for link in Self.links(in: try SourceTree.text(document)) {
            let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            let path =
                parts[0].isEmpty
                ? document : String(folder.appending(path: parts[0]).standardizedFileURL.path.dropFirst())
            let exists = FileManager.default.fileExists(
                atPath: SourceTree.root.appendingPathComponent(path).path)
            #expect(exists, "\(document): \(link)")
            guard exists, parts.count == 2 else { continue }
            #expect(
                Self.anchors(in: try SourceTree.text(path)).contains(String(parts[1])), "\(document): \(link)"
            )
        }
    }

    @Test func `the README links every document, and its first screen has the two commands to try it`() throws
    {
        let readme = try SourceTree.text("README.md")
        let linked = Set(Self.links(in: readme))
        for document in Self.documents where document != "README.md" {
            #expect(linked.contains(document), "\(document) is not linked")
        }
        let screen = readme.split(separator: "\n", omittingEmptySubsequences: false).prefix(60)
        for command in ["bin/setup", "bin/demo"] {
            #expect(screen.contains { $0.contains(command) }, "\(command)")
        }
    }

    /// The names of the variables that the program reads.
    private static func settings() throws -> Set<String> {
        let code = SourceTree.sources.filter {
            [
                "Configuration.swift", "EnvironmentReader.swift", "EnvironmentReader+Alerts.swift",
                "EnvironmentReader+Brand.swift",
            ].contains($0.name)
        }.map { $0.lines.joined(separator: "\n") }
        let names = code.flatMap { $0.matches(of: /"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)*)"/).map { String($0.1) } }
        return Set(names.filter { $0.count >= 4 })
    }

    @Test func `every setting is documented, and app json has documented settings only`() throws {
        let settings = try Self.settings()
        #expect(settings.count > 30)
        let page = try SourceTree.text("docs/configuration.md")
        for name in settings.sorted() { #expect(page.contains("`\(name)`"), "\(name)") }
        let manifest = try JSONSerialization.jsonObject(with: Data(try SourceTree.text("app.json").utf8))
        let variables = try #require((manifest as? [String: Any])?["env"] as? [String: Any])
        for name in variables.keys.sorted() { #expect(page.contains("`\(name)`"), "\(name)") }
    }
}
