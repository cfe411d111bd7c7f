import Encoding

/// Callouts of Apex of orgs.
extension World {
    /// `POST /simulator/orgs/<org>/callouts`: has the org call an external process, as Apex would, once.
    /// Members: `url`, `secret` (without it the call is not signed), `object`, `record_id`, `field`, `key`,
    /// `input`. `GET` shows the answers, the oldest first.
    mutating func controlCallouts(_ call: IncomingCall, _ place: Int) -> Reply {
        guard call.method == "POST" else { return .json(.array(callouts.answers[place + 1] ?? [])) }
        guard let body = try? JSONValue(parsing: call.body),
            let callout = ProcessCallout(body, org: place + 1, id: orgs[place].id.text18)
        else { return .json(["error": "no url, object, record_id or field"], status: 400) }
        callouts.waiting.append(callout)
        return .noContent
    }
}
