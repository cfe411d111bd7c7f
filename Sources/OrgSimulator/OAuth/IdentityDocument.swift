import Encoding

/// The answers of the identity URL and of `userinfo`. Keys merged from recorded bodies.
struct IdentityDocument {
    let org: Org
    let user: OrgUser
    let origin: String
    /// Nil keeps the literal `{version}` in the addresses. Documented.
    let version: String?

    var url: String { "\(origin)/id/\(org.id.text18)/\(user.id.text18)" }

    private var photos: JSONText {
        [
            "picture": .string("\(origin)/profilephoto/005/F"),
            "thumbnail": .string("\(origin)/profilephoto/005/T"),
        ]
    }

    private var urls: JSONText {
        let version = version ?? "{version}"
        let rest = "\(origin)/services/data/v\(version)"
        let short = org.id.text15
        return [
            "enterprise": .string("\(origin)/services/Soap/c/\(version)/\(short)"),
            "metadata": .string("\(origin)/services/Soap/m/\(version)/\(short)"),
            "partner": .string("\(origin)/services/Soap/u/\(version)/\(short)"),
            "rest": .string("\(rest)/"), "sobjects": .string("\(rest)/sobjects/"),
            "search": .string("\(rest)/search/"), "query": .string("\(rest)/query/"),
            "recent": .string("\(rest)/recent/"),
            "tooling_soap": .string("\(origin)/services/Soap/T/\(version)/\(short)"),
            "tooling_rest": .string("\(rest)/tooling/"),
            "profile": .string("\(origin)/\(user.id.text18)"), "feeds": .string("\(rest)/chatter/feeds"),
            "groups": .string("\(rest)/chatter/groups"), "users": .string("\(rest)/chatter/users"),
            "feed_items": .string("\(rest)/chatter/feed-items"), "custom_domain": .string(origin),
        ]
    }

    var identity: JSONText {
        [
            "id": .string(url), "asserted_user": true, "user_id": .string(user.id.text18),
            "organization_id": .string(org.id.text18), "username": .string(user.username),
            "nick_name": .string(user.firstName.lowercased()), "display_name": .string(user.name),
            "email": .string(user.username), "email_verified": true, "first_name": .string(user.firstName),
            "last_name": .string(user.lastName), "timezone": "Europe/Berlin", "photos": photos,
            "addr_street": nil, "addr_city": nil, "addr_state": nil, "addr_country": nil, "addr_zip": nil,
            "mobile_phone": nil, "mobile_phone_verified": false, "is_lightning_login_user": false,
            "status": ["created_date": nil, "body": nil], "urls": urls, "active": true,
            "user_type": "STANDARD", "language": "en_US", "locale": "en_US", "utcOffset": 3_600_000,
            "last_modified_date": "2021-04-28T20:54:09.000+0000",
        ]
    }

    var userInfo: JSONText {
        [
            "sub": .string(url), "user_id": .string(user.id.text18),
            "organization_id": .string(org.id.text18), "preferred_username": .string(user.username),
            "nickname": .string(user.firstName.lowercased()), "name": .string(user.name),
            "email": .string(user.username), "email_verified": true, "given_name": .string(user.firstName),
            "family_name": .string(user.lastName), "zoneinfo": "Europe/Berlin", "photos": photos,
            "profile": .string("\(origin)/\(user.id.text18)"),
            "picture": .string("\(origin)/profilephoto/005/F"), "address": [:], "urls": urls, "active": true,
            "user_type": "STANDARD", "language": "en_US", "locale": "en_US", "utcOffset": 3_600_000,
            "updated_at": "2021-04-28T20:54:09Z",
        ]
    }
}
