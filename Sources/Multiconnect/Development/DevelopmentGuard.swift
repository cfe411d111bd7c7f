import FoundationEssentials
import Subprocess

/// The temporary directory of one development environment, and a shell that ends its programs and removes it
/// as soon as this process has ended, also after SIGKILL or a closed terminal.
struct DevelopmentGuard: Sendable {
    private static let prefix = "multiconnect-dev-"

    let directory: String

    /// A file with a line `<process id> <start time>` for each program. Each program leads its own process
    /// group.
    var registry: String { "\(directory)/processes" }
    /// The file with such a line for the process that made the directory.
    private static let ownerFile = "owner"

    /// Removes directories that killed environments left, and makes a new one.
    static func make() async throws -> DevelopmentGuard {
        let files = FileManager.default
        let parent = files.temporaryDirectory
        let names = (try? files.contentsOfDirectory(atPath: parent.path)) ?? []
        for name in names where name.hasPrefix(prefix) {
            let left = DevelopmentGuard(directory: parent.appending(path: name).path)
            if left.isAbandoned { try await left.clean() }
        }
        let made = DevelopmentGuard(
            directory: parent.appending(path: "\(prefix)\(UUID().uuidString.prefix(8))").path)
        try files.createDirectory(
            atPath: made.directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let own = ProcessInfo.processInfo.processIdentifier
        try "\(own) \(startTime(of: own) ?? "")".write(
            toFile: "\(made.directory)/\(ownerFile)", atomically: true, encoding: .utf8)
        return made
    }

    /// Runs `body` while the shell waits for the end of this process. Then the directory is removed.
    func run(_ body: () async throws -> Bool) async throws -> Bool {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        // The shell reads from a pipe. The kernel closes the write end when this process ends.
        return try await Subprocess.run(
            .name("sh"), arguments: Arguments(["-c", "read -r _; \(Self.script)", directory]),
            platformOptions: Self.options, input: .inputWriter, output: .discarded, error: .discarded
        ) { _ in try await body() }.closureResult
    }

    private func clean() async throws {
        _ = try await Subprocess.run(
            .name("sh"), arguments: Arguments(["-c", Self.script, directory]), platformOptions: Self.options,
            output: .discarded)
    }

    private static var options: PlatformOptions {
        var options = PlatformOptions()
        // A new process group, which gets no signals from the terminal.
        options.processGroupID = 0
        return options
    }

    /// Sends SIGTERM to the listed processes, SIGKILL after 28 s, and removes the directory `$0`.
    private static let script = #"""
        trap '' HUP INT TERM
        runs() {
            state=$(cut -d' ' -f3,22 "/proc/$1/stat" 2>/dev/null) || return 1
            [ "${state#* }" = "$2" ] && [ "${state%% *}" != Z ]
        }
        any() {
            while read -r pid start; do runs "$pid" "$start" && return 0; done <"$0/processes"
            return 1
        }
        send() {
            while read -r pid start; do runs "$pid" "$start" && kill "-$1" "-$pid"; done <"$0/processes"
        }
        if [ -f "$0/processes" ]; then
            send TERM
            tries=0
            while any && [ "$tries" -lt 280 ]; do sleep 0.1; tries=$((tries + 1)); done
            send KILL
        fi
        rm -rf "$0"
        """#

    /// Whether the process that made the directory has ended. False for a directory of another user, who
    /// could write any process id into it.
    private var isAbandoned: Bool {
        let own = "/proc/\(ProcessInfo.processInfo.processIdentifier)"
        guard let user = Self.user(owning: own), Self.user(owning: directory) == user,
            let owner = try? String(contentsOfFile: "\(directory)/\(Self.ownerFile)", encoding: .utf8),
            let process = owner.split(separator: " ").first.flatMap({ Int32($0) })
        else { return false }
        return owner != "\(process) \(Self.startTime(of: process) ?? "gone")"
    }

    /// The user who owns a directory; nil for a link.
    private static func user(owning path: String) -> Int? {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            attributes[.type] as? FileAttributeType == .typeDirectory
        else { return nil }
        return (attributes[.ownerAccountID] as? any BinaryInteger).map { Int($0) }
    }

    /// The start time in clock ticks since boot (proc(5)). It distinguishes a process from a later one with
    /// the same id.
    private static func startTime(of process: Int32) -> Substring? {
        guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let name = status.lastIndex(of: ")")
        else { return nil }
        // The second field is the name, which may have spaces. The start time is the 22nd.
        let fields = status[name...].split(separator: " ")
        return fields.count > 20 ? fields[20] : nil
    }
}
