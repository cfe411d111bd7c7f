/// The tables of the Tooling API: custom channels and the members of all channels.
struct ChannelRows {
    /// By name in lower case.
    let tables: [String: Table]

    private static let channel = ObjectSchema(
        "PlatformEventChannel", plural: "Platform Event Channels", keyPrefix: "0YL", traits: .setup,
        fields: [
            Catalog.identity, FieldSchema("DeveloperName", .string, length: 80),
            FieldSchema("MasterLabel", .string, length: 80),
            FieldSchema("ChannelType", .picklist, length: 40),
        ])

    private static let member = ObjectSchema(
        "PlatformEventChannelMember", plural: "Platform Event Channel Members", keyPrefix: "0v8",
        traits: .setup,
        fields: [
            Catalog.identity, FieldSchema("DeveloperName", .string, length: 80),
            // A text: the standard channel is named, a custom channel has its id. Documented.
            FieldSchema("EventChannel", .string, length: 80),
            FieldSchema("SelectedEntity", .string, length: 80),
            FieldSchema("FilterExpression", .textarea, length: 255),
        ])

    init(org: Org) {
        let neighbours = Column.Neighbours(users: org.users.map(\.id), objects: [:])
        var channels = Table(Self.channel, org: org.number, seed: 1, rows: 0, neighbours: neighbours)
        var members = Table(Self.member, org: org.number, seed: 1, rows: 0, neighbours: neighbours)
        func select(_ objects: Set<String>, _ channel: String, _ name: String) {
            for object in objects.sorted() {
                let event = PayloadLayout.eventName(of: object)
                members.add([
                    .id(members.nextID), .text("\(name)_\(event.replacing("__", with: "_"))"), .text(channel),
                    .text(event), .null,
                ])
            }
        }
        select(org.selectedEntities, "ChangeEvents", "ChangeEvents")
        for (name, objects) in org.channels.sorted(by: { $0.key < $1.key }) {
            let id = channels.nextID
            channels.add([.id(id), .text(name), .text(name), .text("data")])
            select(objects, id.text18, "\(name)_chn")
        }
        tables = [
            Self.channel.name.lowercased(): channels, Self.member.name.lowercased(): members,
        ]
    }
}
