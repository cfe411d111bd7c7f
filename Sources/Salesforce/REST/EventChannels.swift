internal import Encoding

/// The Change Data Capture channels of an org and their objects.
///
/// Source: Change Data Capture Developer Guide, "Get Custom Channels and Channel Members"; Tooling API,
/// "PlatformEventChannelMember". Reading them needs the right View Setup and Configuration.
package struct EventChannels: Sendable, Equatable {
    /// The objects whose events arrive on `/data/ChangeEvents`.
    package var standard: Set<String> = []
    /// The objects of custom channels, by channel address such as `/data/Sales__chn`.
    package var custom: [String: Set<String>] = [:]

    package init(standard: Set<String> = [], custom: [String: Set<String>] = [:]) {
        self.standard = standard
        self.custom = custom
    }

    /// The channel with the events of one object: `/data/AccountChangeEvent`, `/data/Thing__ChangeEvent`.
    package static func channel(of object: String) -> String {
        let name = object.hasSuffix("__c") ? object.dropLast(1) + "ChangeEvent" : object + "ChangeEvent"
        return "/data/\(name)"
    }

    /// The object of an event's name; nil for platform events.
    static func object(ofEvent name: String) -> String? {
        guard name.hasSuffix("ChangeEvent"), name != "ChangeEvent" else { return nil }
        let stem = String(name.dropLast("ChangeEvent".count))
        return stem.hasSuffix("__") ? stem + "c" : stem
    }

    /// - Parameters:
    ///   - channels: rows of `PlatformEventChannel`.
    ///   - members: rows of `PlatformEventChannelMember`, whose `EventChannel` is a channel's id or name and
    ///     whose `SelectedEntity` is an event's name.
    init(channels: [JSONValue], members: [JSONValue]) {
        var names: [String: String] = [:]
        for row in channels where row["ChannelType"]?.string?.lowercased() == "data" {
            guard let id = row["Id"]?.string, let name = row["DeveloperName"]?.string else { continue }
            let prefix = row["NamespacePrefix"]?.string.map { $0.isEmpty ? "" : $0 + "__" } ?? ""
            names[String(id.prefix(SalesforceID.shortLength))] = "/data/\(prefix)\(name)__chn"
        }
        for row in members {
            guard let channel = row["EventChannel"]?.string,
                let object = row["SelectedEntity"]?.string.flatMap(Self.object(ofEvent:))
            else { continue }
            if channel == "ChangeEvents" {
                standard.insert(object)
            } else if let address = names[String(channel.prefix(SalesforceID.shortLength))] {
                custom[address, default: []].insert(object)
            } else if channel.hasSuffix("__chn") {
                custom["/data/\(channel)", default: []].insert(object)
            }
        }
    }
}

extension RESTClient {
    /// The org's channels. Throws `.forbidden`, `.invalidType` or `.notFound` if the user or the org has no
    /// access to this list; then each object's own channel can be tried.
    package func eventChannels() async throws -> EventChannels {
        var members = try await tooling(
            try SOQL.select(["Id", "EventChannel", "SelectedEntity"], from: "PlatformEventChannelMember"))
        for (index, row) in members.enumerated() {
            // For custom objects the entity may be an id. Only the record's metadata has the name.
            guard let entity = row["SelectedEntity"]?.string, EventChannels.object(ofEvent: entity) == nil,
                (try? SalesforceID(entity)) != nil, let id = row["Id"]?.string, let id = try? SalesforceID(id)
            else { continue }
            let resource = "tooling/sobjects/PlatformEventChannelMember/\(id)"
            let member = try JSONValue(answer: try await perform(APICall(path: path(resource))).body)
            guard let metadata = member["Metadata"], let event = metadata["selectedEntity"] else { continue }
            members[index] = .object([
                "EventChannel": metadata["eventChannel"] ?? row["EventChannel"] ?? .null,
                "SelectedEntity": event,
            ])
        }
        let isStandardOnly = members.allSatisfy { row in
            guard let channel = row["EventChannel"]?.string else { return true }
            return channel == "ChangeEvents" || channel.hasSuffix("__chn")
        }
        guard !isStandardOnly else { return EventChannels(channels: [], members: members) }
        let channels = try await customChannels()
        return EventChannels(channels: channels, members: members)
    }

    private func customChannels() async throws -> [JSONValue] {
        let fields = ["Id", "DeveloperName", "ChannelType"]
        do {
            return try await tooling(
                try SOQL.select(fields + ["NamespacePrefix"], from: "PlatformEventChannel"))
        } catch let error as SalesforceError where error.code == .invalidField {
            // Orgs that never had a namespace may not show this field.
            return try await tooling(try SOQL.select(fields, from: "PlatformEventChannel"))
        }
    }

    private func tooling(_ query: SOQL) async throws -> [JSONValue] {
        var call = APICall(path: path("tooling/query"))
        call.query = [("q", query.text)]
        var rows: [JSONValue] = []
        while true {
            let page = try QueryPage(parsing: try await perform(call).body)
            rows += page.records
            guard let next = page.next else { return rows }
            call = APICall(path: next)
        }
    }
}
