/// A user of an org.
struct OrgUser: Sendable {
    let id: OrgRecordID
    let username: String
    let firstName: String
    let lastName: String
    var rights: Set<UserRight>

    var name: String { "\(firstName) \(lastName)" }

    /// The users of every org: an administrator with all rights, one who may read everything, one who sees
    /// only their own records, and one without access to the API.
    static func cast(org: Int, domain: String) -> [OrgUser] {
        let space = IDSpace(keyPrefix: "005", org: org)
        let people: [(name: String, first: String, last: String, rights: Set<UserRight>)] = [
            ("admin", "Ada", "Admin", Set(UserRight.allCases)),
            ("reader", "Rita", "Reader", [.apiEnabled, .viewAllData]),
            ("limited", "Liam", "Limited", [.apiEnabled]),
            ("noapi", "Nora", "No-Api", [.viewAllData]),
        ]
        return people.enumerated().map { place, person in
            OrgUser(
                id: space.id(place + 1), username: "\(person.name)@\(domain).example",
                firstName: person.first,
                lastName: person.last, rights: person.rights)
        }
    }
}
