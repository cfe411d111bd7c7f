import Activity
package import Cryptography
package import FoundationEssentials
package import Organizations
package import Postgres

/// Shared queries for operators, and their results for the holders of links.
package struct SharedQueryBook: Sendable {
    private let control: PostgresPool
    private let databases: [String: PostgresConfiguration]
    private let keys: KeyRing

    /// A result to show.
    package enum View: Sendable, Equatable {
        case result(SharedQuery, SharedQueryResult)
        /// No such query or link.
        case unknown
        /// The tenant has no reader that can log in.
        case off
        /// Another request runs it at this moment, and there is no former result.
        case running
        /// In words for an operator; may have values of rows.
        case failed(SharedQuery, String)
    }

    /// - Parameter databases: the cells by name.
    package init(control: PostgresPool, databases: [String: PostgresConfiguration], keys: KeyRing) {
        self.control = control
        self.databases = databases
        self.keys = keys
    }

    /// Whether the tenant has a reader that can log in. Without one its queries do not run.
    package func isOn(_ organization: Organization) async throws -> Bool {
        try await control.withConnection { try await ReaderLoginStore(on: $0).exists(organization.id) }
    }

    /// The queries of a tenant, or of all tenants.
    package func list(of organization: UUID?) async throws -> [SharedQuery] {
        try await control.withConnection { try await SharedQueryStore().list(of: organization, on: $0) }
    }

    package func find(_ id: UUID) async throws -> SharedQuery? {
        try await control.withConnection { try await SharedQueryStore().find(id, on: $0) }
    }

    package func links(of query: SharedQuery) async throws -> [SharedQuery.Link] {
        try await control.withConnection { try await SharedQueryStore().links(of: query.id, on: $0) }
    }

    /// The newest first.
    package func versions(of query: SharedQuery) async throws -> [SharedQuery.Version] {
        try await control.withConnection {
            try await SharedQueryStore().versions(
                of: query.id, limit: SharedQueryLimits.versions, on: $0)
        }
    }

    /// Nil if the tenant has a query of this name, or too many.
    package func add(
        _ settings: SharedQuery.Settings, to organization: Organization, by actor: String
    ) async throws -> SharedQuery? {
        try await control.withConnection {
            try await SharedQueryStore().add(settings, to: organization.id, by: actor, on: $0)
        }
    }

    /// False if the tenant has another query of this name.
    package func change(
        _ query: SharedQuery, to settings: SharedQuery.Settings, by actor: String
    ) async throws -> Bool {
        try await control.withConnection {
            try await SharedQueryStore().change(query, to: settings, by: actor, on: $0)
        }
    }

    package func remove(_ query: SharedQuery, by actor: String) async throws {
        try await control.withConnection {
            try await SharedQueryStore().remove(query, by: actor, on: $0)
        }
    }

    /// The token of a new link. It is not stored.
    package func share(
        _ query: SharedQuery, as name: String, expiresAt: Date?, by actor: String
    ) async throws -> Secret {
        let (text, hash) = try SharedQuery.Link.make()
        try await control.withConnection {
            try await SharedQueryStore().addLink(
                name, hash: hash, expiresAt: expiresAt, to: query, by: actor, on: $0)
        }
        return text
    }

    /// Revokes the valid links with this name or id. Returns how many.
    package func revoke(
        _ nameOrID: String, of query: SharedQuery, by actor: String
    ) async throws -> Int {
        try await control.withConnection {
            try await SharedQueryStore().revoke(nameOrID, of: query, by: actor, on: $0)
        }
    }
}

// Results.
extension SharedQueryBook {
    /// The result for the holder of a link: the last one while it is new enough, else that of a new run.
    package func view(linkHash: [UInt8], from address: String) async throws -> View {
        let found = try await control.withConnection {
            try await SharedQueryStore().find(linkHash: linkHash, on: $0)
        }
        guard let (query, link) = found else { return .unknown }
        try await control.withConnection {
            try await ActivityStore(on: $0, timeout: TenantAdminLimits.statement).add(
                "query_viewed", by: "link \(link.name)", organization: query.organization,
                detail: "\(query.settings.name) from \(address)",
                hourlyLimit: SharedQueryLimits.recordedViews)
        }
        return try await view(query, isForced: false)
    }

    /// The result for an operator, which is recorded.
    ///
    /// - Parameter isForced: whether the query runs although the last result is new enough.
    package func view(_ query: SharedQuery, isForced: Bool, by actor: String) async throws -> View {
        try await control.withConnection {
            try await ActivityStore(on: $0, timeout: TenantAdminLimits.statement).add(
                "query_viewed", by: actor, organization: query.organization, detail: query.settings.name)
        }
        return try await view(query, isForced: isForced)
    }

    private func view(_ query: SharedQuery, isForced: Bool) async throws -> View {
        if let result = query.result, !isForced, result.version == query.version,
            Date().timeIntervalSince(result.at) < Double(query.settings.refreshSeconds)
        {
            return .result(query, result)
        }
        let (organization, login) = try await control.withConnection { connection in
            let organization = try await OrganizationStore(on: connection).find(id: query.organization)
            guard let organization else { return (Organization?.none, ReaderLogin?.none) }
            let login = try await ReaderLoginStore(on: connection).find(organization, keys: keys)
            return (organization, login)
        }
        guard let organization else { return .unknown }
        guard let login, let database = databases[organization.cell] else { return .off }
        guard try await control.withConnection({ try await SharedQueryStore().claim(query, on: $0) }) else {
            // A former result of the same version is better than none.
            guard let result = query.result, result.version == query.version else { return .running }
            return .result(query, result)
        }
        return try await run(query, login, organization.schemaName, database)
    }

    private func run(
        _ query: SharedQuery, _ login: ReaderLogin, _ schema: String, _ database: PostgresConfiguration
    ) async throws -> View {
        let outcome: SharedQueryRun.Outcome
        do {
            outcome = try await SharedQueryRun(
                query: query, login: login, schema: schema, database: database
            ).run()
        } catch {
            try await control.withConnection { try await SharedQueryStore().finish(query, nil, on: $0) }
            throw error
        }
        switch outcome {
        case .rows(let result):
            try await control.withConnection { try await SharedQueryStore().finish(query, result, on: $0) }
            return .result(query, result)
        case .failed(let reason):
            try await control.withConnection { try await SharedQueryStore().finish(query, nil, on: $0) }
            return .failed(query, reason)
        }
    }
}
