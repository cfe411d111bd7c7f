import Foundation
import Testing

/// What the documents say of themselves and of the settings is checked, so that they do not grow old unnoticed.
struct DocumentTests {
    /// The documents that a user reads, relative to the repository.
    static let documents: [String] = {
        let folder = SourceTree.root.appendingPathComponent("docs").path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
            + names.filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }
    }()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: SourceTree.root.appendingPathComponent(path), encoding: .utf8)
    }

    /// Targets of links, without those to other sites.
    private static func links(in text: String) -> [String] {
        text.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }.filter { !$0.contains("://") }
    }

    /// The names by which GitHub links to a document's headings.
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
    func `a link leads to a document and a heading that exist`(document: String) throws {
        let folder = URL(filePath: "/" + document).deletingLastPathComponent()
        for link in Self.links(in: try Self.text(document)) {
            let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            let path =
                parts[0].isEmpty
                ? document : String(folder.appending(path: parts[0]).standardizedFileURL.path.dropFirst())
            let exists = FileManager.default.fileExists(
                atPath: SourceTree.root.appendingPathComponent(path).path)
            #expect(exists, "\(document): \(link)")
            guard exists, parts.count == 2 else { continue }
            #expect(
                Self.anchors(in: try Self.text(path)).contains(String(parts[1])), "\(document): \(link)")
        }
    }

    @Test func `the README leads to every document, and shows how to try the product on its first screen`()
        throws
    {
        let readme = try Self.text("README.md")
        let linked = Set(Self.links(in: readme))
        for document in Self.documents where document != "README.md" {
            #expect(linked.contains(document), "\(document) is not linked")
        }
        let screen = readme.split(separator: "\n", omittingEmptySubsequences: false).prefix(60)
        for command in ["bin/demo", "bin/test"] {
            #expect(screen.contains { $0.hasPrefix(command) }, "\(command)")
        }
    }

    /// The names of the variables that the program reads.
    private static func settings() throws -> Set<String> {
        let code = try ["Configuration", "EnvironmentReader"].map {
            try text("Sources/Multiconnect/\($0).swift")
        }
        let names = code.flatMap { $0.matches(of: /"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)*)"/).map { String($0.1) } }
        return Set(names.filter { $0.count >= 4 })
    }

    @Test func `every setting is documented, and app json names only documented settings`() throws {
        let settings = try Self.settings()
        #expect(settings.count > 30)
        let page = try Self.text("docs/configuration.md")
        for name in settings.sorted() { #expect(page.contains("`\(name)`"), "\(name)") }
        let manifest = try JSONSerialization.jsonObject(with: Data(try Self.text("app.json").utf8))
        let variables = try #require((manifest as? [String: Any])?["env"] as? [String: Any])
        for name in variables.keys.sorted() { #expect(page.contains("`\(name)`"), "\(name)") }
    }
}
