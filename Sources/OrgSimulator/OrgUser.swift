/// Someone who can log in to an org.
struct OrgUser: Sendable {
    let id: RecordID
    let username: String
    let firstName: String
    let lastName: String
    var rights: Set<UserRight>

    var name: String { "\(firstName) \(lastName)" }

    /// The people that every org has: an administrator with all rights, somebody who may read everything but
    /// not write it, one who sees only records of their own, one whom the API refuses.
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
