internal import Activity
package import Cryptography
internal import Encoding
internal import Feeds
package import FoundationEssentials
package import Jobs
internal import Organizations
package import Postgres

/// Accepts calls of external processes, and keeps the list of those that the ISV's app carries out.
package struct ProcessBook: Sendable {
    private let control: PostgresPool
    private let queue: JobQueue

    package init(control: PostgresPool, queue: JobQueue) {
        self.control = control
        self.queue = queue
    }

    /// Stores a run and its job. A call with a known key returns the known run. Throws `ProcessCall.Refusal`.
    package func accept(_ call: ProcessCall) async throws -> UUID {
        let (id, job) = try await control.transaction { connection -> (UUID, EnqueuedJob?) in
            let store = ProcessStore(on: connection)
            let isKnown = try await store.target(of: call.name) != nil
            guard isKnown || ProcessJob.builtIn[call.name] != nil else {
                throw ProcessCall.Refusal.unknownProcess
            }
            guard let organization = try await OrganizationStore(on: connection).find(call.organization),
                organization.status.hasConsented
            else { throw ProcessCall.Refusal.unknownOrganization }
            let (id, isNew) = try await store.add(call, of: organization.id)
            guard isNew else { return (id, nil) }
            return (id, try await queue.enqueue(ProcessJob.job(id, of: organization.id), on: connection))
        }
        if let job { await queue.push([job]) }
        return id
    }

    /// Sets the URL of a process. Returns the secret that signs its requests. Throws `FeedsError`.
    package func set(
        _ name: String, url: String, keys: KeyRing, allowsPrivate: Bool, by actor: String
    ) async throws -> String {
        guard name.wholeMatch(of: /[a-z][a-z0-9_]{0,62}/) != nil, ProcessJob.builtIn[name] == nil else {
            throw FeedsError(.invalid, ProcessCall.Refusal.name.rawValue + ", and not be built in")
        }
        guard let host = FeedTarget.host(of: url, allowsPrivate: allowsPrivate) else {
            throw FeedsError(.invalid, "the URL must be an https URL without a user and a fragment")
        }
        let target = try FeedTarget(url: url)
        let sealed = try keys.seal(target.plain, context: ProcessJob.context(name)).bytes
        try await control.transaction { connection in
            try await ProcessStore(on: connection).setTarget(sealed, host: host, of: name)
            try await ActivityStore(on: connection).add(
                "process_set", by: actor, organization: nil, detail: "\(name) \(host)")
        }
        return target.secret
    }

    /// False if there is no such process.
    package func remove(_ name: String, by actor: String) async throws -> Bool {
        try await control.transaction { connection in
            let isRemoved = try await ProcessStore(on: connection).remove(name)
            if isRemoved {
                try await ActivityStore(on: connection).add(
                    "process_removed", by: actor, organization: nil, detail: name)
            }
            return isRemoved
        }
    }

    /// Names and hosts. Built-in processes have no host.
    package func list() async throws -> [(name: String, host: String?)] {
        let set = try await control.withConnection { try await ProcessStore(on: $0).list() }
        return ProcessJob.builtIn.keys.sorted().map { ($0, nil) } + set.map { ($0.name, $0.host) }
    }
}
