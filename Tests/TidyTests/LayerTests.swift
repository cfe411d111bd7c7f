import Foundation
import Testing

/// `Package.swift` says which target may import which. These tests read it, so that it is the only such list.
struct LayerTests {
    private static let standardLibrary: Set = ["Synchronization", "FoundationEssentials"]
    private static let withoutFoundation: Set = ["Reactor", "HTTPWire"]

    private static func imports(of file: SourceFile) -> [String] {
        file.code.compactMap { line in
            let words = line.split(separator: " ")
            let modifiers = words.prefix {
                ["package", "internal", "private", "fileprivate", "@testable"].contains($0)
            }
            guard words.dropFirst(modifiers.count).first == "import", let last = words.last else {
                return nil
            }
            return String(last.prefix { $0 != "." })
        }
    }

    @Test(arguments: SourceTree.targets.keys.sorted())
    func `a target imports the modules that Package swift names, and no others`(name: String) throws {
        let target = try #require(Manifest.current.targets[name], "\(name) is not in Package.swift")
        var imported: Set<String> = []
        for file in SourceTree.targets[name] ?? [] {
            for module in Self.imports(of: file) {
                imported.insert(module)
                let isStandard =
                    Self.standardLibrary.contains(module)
                    && !(module == "FoundationEssentials" && Self.withoutFoundation.contains(name))
                #expect(
                    target.dependencies.contains(module) || isStandard,
                    "\(file) imports \(module), which is not a dependency of \(name) in Package.swift")
            }
        }
        for module in target.dependencies.subtracting(imported).sorted() {
            Issue.record("no file of \(name) imports its dependency \(module)")
        }
    }

    @Test func `a target depends on its own layer and on lower layers only`() {
        for target in Manifest.current.targets.values {
            for name in target.dependencies.sorted() {
                guard let dependency = Manifest.current.targets[name] else { continue }
                #expect(
                    dependency.layer ?? -1 <= target.layer ?? -1, "\(target.name) depends on \(name)")
            }
        }
    }

    @Test func `each target of ARCHITECTURE md is in Package swift, in the same layer`() throws {
        let text = try SourceTree.text("ARCHITECTURE.md")
        var layer = -1
        var listed: [String: Int] = [:]
        for row in text.matches(of: /(?m)^\| (\w*) ?\| `(\w+)`/) {
            if !row.1.isEmpty { layer = Manifest.layers.firstIndex(of: String(row.1)) ?? layer }
            listed[String(row.2)] = layer
        }
        for name in SourceTree.targets.keys.sorted() {
            #expect(listed[name] != nil, "\(name) is missing in ARCHITECTURE.md")
        }
        for (name, layer) in listed.sorted(by: { $0.key < $1.key }) {
            let target = Manifest.current.targets[name]
            #expect(target != nil, "\(name) is in ARCHITECTURE.md, but not in Package.swift")
            if let target { #expect(target.layer == layer, "the layer of \(name) in ARCHITECTURE.md") }
        }
    }

    /// COpenSSL has two: TLS and Cryptography.
    @Test func `each C module is imported by one target`() {
        let modules = Manifest.current.targets.values.flatMap(\.dependencies)
            .filter { $0.wholeMatch(of: /C[A-Z].*/) != nil }
        for (module, uses) in Dictionary(grouping: modules, by: \.self) {
            #expect(uses.count == (module == "COpenSSL" ? 2 : 1), "\(module) has \(uses.count) importers")
        }
    }

    @Test func `no dependency brings in SwiftNIO`() throws {
        #expect(!Manifest.current.text.lowercased().contains("swift-nio"))
        let resolved = try SourceTree.text("Package.resolved")
        #expect(!resolved.lowercased().contains("swift-nio"))
    }
}
