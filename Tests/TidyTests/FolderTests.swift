import Testing

/// Dependencies between the folders of one target, found by names. A folder depends on another one if its
/// code has the name of a type, of a free function, or of a function in an extension of the target's types
/// that only the other one declares.
struct FolderTests {
    private struct Reference: CustomStringConvertible {
        let from: String
        let to: String
        let name: String
        let file: SourceFile
        let line: Int

        var description: String { "\(from) -> \(to): \(name) at \(file):\(line + 1)" }
    }

    /// The functions whose name is declared once in all targets: a call can mean no other function.
    private static let unique: Set<String> = {
        let names = SourceTree.sources.flatMap(\.declarations.all).filter { $0.kind != .type }.map(\.name)
        return Set(Dictionary(grouping: names, by: \.self).filter { $0.value.count == 1 }.keys)
    }()

    private static func references(_ files: [SourceFile]) -> [Reference] {
        var owners: [String: Set<String>] = [:]
        for file in files {
            for type in file.declarations.all where type.kind == .type && type.isTopLevel && !type.isPrivate {
                owners[type.name, default: []].insert(file.node)
            }
        }
        let types = Set(owners.keys)
        var members: Set<String> = []
        for file in files {
            for function in file.declarations.all
            where function.kind == .function && unique.contains(function.name) && !function.isPrivate {
                guard function.extended.map(types.contains) ?? function.isTopLevel else { continue }
                owners[function.name] = [file.node]
                if !function.isTopLevel { members.insert(function.name) }
            }
        }
        var result: [Reference] = []
        for file in files {
            for (index, token) in file.tokens.enumerated() where token.isWord {
                guard let owner = owners[token.text], owner.count == 1, let to = owner.first,
                    to != file.node
                else { continue }
                // A function counts where it is called, so that a variable with its name does not.
                if !types.contains(token.text) {
                    let isCall = index + 1 < file.tokens.count && file.tokens[index + 1].text == "("
                    let isMember = index > 0 && file.tokens[index - 1].text == "."
                    guard isCall, isMember == members.contains(token.text) else { continue }
                }
                result.append(
                    Reference(from: file.node, to: to, name: token.text, file: file, line: token.line))
            }
        }
        return result
    }

    /// The nodes that can be reached from a node.
    private static func reachable(from start: String, _ graph: [String: Set<String>]) -> Set<String> {
        var found: Set<String> = []
        var open = [start]
        while let node = open.popLast() {
            for next in graph[node] ?? [] where found.insert(next).inserted { open.append(next) }
        }
        return found
    }

    @Test(arguments: SourceTree.targets.keys.sorted())
    func `the folders of a target have no cyclic dependencies`(target: String) {
        let references = Self.references(SourceTree.targets[target] ?? [])
        let graph = Dictionary(grouping: references, by: \.from).mapValues { Set($0.map(\.to)) }
        for folder in graph.keys.sorted() where folder.hasSuffix("/") {
            let reached = Self.reachable(from: folder, graph)
            guard reached.contains(folder) else { continue }
            let cycle = reached.filter { Self.reachable(from: $0, graph).contains(folder) }
            for other in cycle.sorted() where other != folder {
                let example = references.first { $0.from == folder && $0.to == other }
                if let example { Issue.record("\(target), part of a cycle: \(example)") }
            }
        }
    }
}
