internal import FoundationEssentials
internal import Organizations
internal import Postgres
internal import TenantSchema

/// Brings the daily API calls of mappings with a maximum to the gates of this process.
struct CallCaps: Sendable {
    let control: PostgresPool
    let sessions: OrgSessions

    /// Reads the calls of the last 24 hours, of all processes, and replaces the caps of these mappings.
    ///
    /// - Parameter mappings: with the API name of the object, if it is known.
    func refresh(_ mappings: [(mapping: Mapping, object: String?)], of organization: UUID) async throws {
        let capped = mappings.contains { $0.mapping.configuration.maximumDailyCalls != nil }
        let counts =
            capped
            ? try await control.withConnection {
                try await UsageStore(on: $0).calls(of: organization, since: OrganizationsLimits.usageDay)
            } : []
        var caps: [DailyCallCap] = []
        var objects: Set<String> = []
        for (mapping, object) in mappings {
            let names = Set([mapping.objectName, object].compactMap(\.self))
            objects.formUnion(names)
            guard let maximum = mapping.configuration.maximumDailyCalls else { continue }
            let used = counts.filter { $0.key.purpose.object.map(names.contains) ?? false }
                .reduce(0) { $0 + $1.calls }
            caps.append(DailyCallCap(objects: names, maximum: maximum, used: used))
        }
        sessions.setCaps(caps, replacing: objects, of: organization)
    }
}
