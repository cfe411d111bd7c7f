internal import Cryptography
internal import Encoding
package import FoundationEssentials
package import HTTPClient

/// Signed requests to webhooks, as in the Standard Webhooks specification (standardwebhooks.com).
package enum DeliveryRequest {
    /// The `webhook-id` header: the same for each attempt of a delivery.
    package static func id(_ delivery: UUID) -> String { "msg_" + delivery.uuidString.lowercased() }

    /// The body of a delivery with these events.
    static func body(_ delivery: UUID, _ events: [JSONText]) -> String {
        JSONText.object([("id", .string(id(delivery))), ("events", .array(events))]).text
    }

    /// `v1,` and the base64 HMAC-SHA256 of id, time and body, with dots between them.
    static func signature(_ id: String, seconds: Int, _ body: [UInt8], key: Secret) -> String {
        "v1," + Base64.encode(HMAC.sha256(key: key, message: Array("\(id).\(seconds).".utf8) + body))
    }

    /// A signed POST with JSON.
    package static func request(
        _ id: String, _ body: [UInt8], to target: FeedTarget, at time: Date, addresses: AddressRule
    ) -> ClientRequest {
        let seconds = Int(time.timeIntervalSince1970.rounded(.down))
        var request = ClientRequest(
            method: "POST", url: target.url.revealText() ?? "",
            headers: [
                ("Content-Type", "application/json"), ("webhook-id", id),
                ("webhook-timestamp", String(seconds)),
                ("webhook-signature", signature(id, seconds: seconds, body, key: target.key)),
            ], body: body, deadline: .now + FeedLimits.requestTime)
        request.addresses = addresses
        return request
    }
}
