import Foundation

/// What `Package.swift` says about the targets in `Sources`.
struct Manifest: Sendable {
    /// From the lowest layer to the highest. A comment such as `// Domain.` begins a layer.
    static let layers = ["platform", "domain", "surface"]

    struct Target: Sendable {
        let name: String
        /// The index in `layers`; nil for the C libraries.
        let layer: Int?
        /// The modules that it may import.
        let dependencies: Set<String>
    }

    let targets: [String: Target]
    let text: String

    static let current: Manifest = {
        do {
            return Manifest(try SourceTree.text("Package.swift"))
        } catch {
            preconditionFailure("Package.swift: \(error)")
        }
    }()

    init(_ text: String) {
        self.text = text
        // `let log = Target.Dependency.product(name: "Logging", ...)`
        let products = Dictionary(
            uniqueKeysWithValues: text.matches(of: /let (\w+) = Target\.Dependency\.product\(name: "(\w+)"/)
                .map { (String($0.1), String($0.2)) })
        let layerStarts = Self.layers.map { layer in
            text.range(of: "// \(layer.capitalized).")?.lowerBound ?? text.endIndex
        }
        var targets: [String: Target] = [:]
        let own = text.matches(of: /\starget\(\s*"(\w+)",\s*\[([^\]]*)\]/).map { ($0.range, $0.1, $0.2) }
        let executables = text.matches(
            of: /executableTarget\(\s*name: "(\w+)",\s*dependencies: \[([^\]]*)\]/
        ).map { ($0.range, $0.1, $0.2) }
        for (range, name, list) in own + executables {
            let modules = list.split(separator: ",").map { item in
                let item = item.trimmingCharacters(in: .whitespacesAndNewlines)
                return item.hasPrefix("\"") ? String(item.dropFirst().dropLast()) : products[item] ?? item
            }
            targets[String(name)] = Target(
                name: String(name), layer: layerStarts.lastIndex { $0 < range.lowerBound },
                dependencies: Set(modules.filter { !$0.isEmpty }))
        }
        self.targets = targets
    }
}
