internal import Cryptography
internal import Encoding

/// Subscriptions to the changes of an object that carry no data: they ask for a poll.
///
/// Source: Streaming API Developer Guide, "PushTopic" and "PushTopic Queries".
package enum PushTopic {
    /// The name of our own topic of an object. Salesforce allows 25 characters.
    package static func name(for object: String) -> String {
        let word = object.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(13)
        // A name must not have two underscores in sequence, which API names have.
        return "MC_\(word)_\(Hex.encode(Array(Digest.sha256(object).prefix(4))))"
    }

    /// The object after `FROM` in a topic's query.
    package static func object(of query: String) -> String? {
        let words = query.split(whereSeparator: \.isWhitespace)
        guard let place = words.firstIndex(where: { $0.lowercased() == "from" }), place + 1 < words.count
        else {
            return nil
        }
        return String(words[place + 1])
    }
}

extension RESTClient {
    /// The active PushTopics: an object's name to its topic's name. Our own topic is preferred, because
    /// another may select only some records.
    package func pushTopics() async throws -> [String: String] {
        let query = try SOQL.select(["Name", "Query"], from: "PushTopic").where(
            .compare("IsActive", .equal, .bool(true)))
        var topics: [String: String] = [:]
        try await forEachPage(of: query) { page in
            for row in page.records {
                guard let name = row["Name"]?.string, let text = row["Query"]?.string,
                    let object = PushTopic.object(of: text)
                else { continue }
                if topics[object] == nil || name == PushTopic.name(for: object) { topics[object] = name }
            }
        }
        return topics
    }

    /// Creates an active PushTopic for all changes of an object. The user needs the right Create on Push
    /// Topics. Objects without support, and orgs with as many topics as they may have, refuse it.
    ///
    /// - Returns: the topic's name.
    package func createPushTopic(for object: String) async throws -> String {
        let name = PushTopic.name(for: object)
        var topic: [String: JSONValue] = [
            "Name": .string(name), "Query": .string(try SOQL.select(["Id"], from: object).text),
            "ApiVersion": .number("\(version)"), "NotifyForFields": .string("All"),
            "Description": .string("Accelerated polling by Multiconnect"),
        ]
        for operation in ["Create", "Update", "Delete", "Undelete"] {
            topic["NotifyForOperation\(operation)"] = .bool(true)
        }
        topic["IsActive"] = .bool(true)
        var call = APICall(method: "POST", path: path("sobjects/PushTopic"))
        call.headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
        call.body = Array(JSONValue.object(topic).serialized.utf8)
        call.repetition = .harmful
        _ = try await perform(call)
        return name
    }
}
