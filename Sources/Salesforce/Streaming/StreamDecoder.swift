internal import Encoding
internal import FoundationEssentials

/// Reads event messages of CometD. A message that cannot be read becomes `.undecodable`; nothing is thrown.
///
/// Source: Change Data Capture Developer Guide, "Change Event Structure" and "Change Event Header Fields";
/// Streaming API Developer Guide, "PushTopic Event Notification".
enum StreamDecoder {
    /// The event of one message of a response. Nil for a message that is no event.
    static func message(_ message: JSONValue) -> StreamMessage? {
        guard let channel = message["channel"]?.string, !channel.hasPrefix("/meta/") else { return nil }
        let data = message["data"]
        let replayID = data?["event"]?["replayId"]?.int
        func undecodable(_ reason: String) -> StreamMessage {
            .undecodable(reason: reason, channel: channel, replayID: replayID)
        }
        guard let data, let replayID else { return undecodable("no replay id") }
        if let record = data["sobject"] {
            return .notification(
                sfid: record["Id"]?.string.map(fullID), channel: channel, replayID: replayID)
        }
        guard case .object(let payload)? = data["payload"] else { return undecodable("no payload") }
        if channel.hasPrefix("/event/") {
            return .event(event(.object(payload), data, channel: channel, replayID: replayID))
        }
        guard let header = payload["ChangeEventHeader"] else { return undecodable("no change event header") }
        do {
            let event = try change(
                payload, header, schemaID: data["schema"]?.string ?? "", replayID: replayID)
            return .change(event, channel: channel)
        } catch {
            return undecodable(error.reason)
        }
    }

    private static func event(
        _ payload: JSONValue, _ data: JSONValue, channel: String, replayID: Int
    ) -> PlatformEvent {
        PlatformEvent(
            channel: channel, replayID: replayID, uuid: data["event"]?["EventUuid"]?.string,
            schemaID: data["schema"]?.string,
            createdAt: payload["CreatedDate"]?.string.flatMap { ISO8601.instant($0) }.map {
                Date(timeIntervalSince1970: Double($0) / 1_000)
            }, payload: payload.serialized)
    }

    private struct Undecodable: Error {
        let reason: String
    }

    private static func change(
        _ payload: [String: JSONValue], _ header: JSONValue, schemaID: String, replayID: Int
    ) throws(Undecodable) -> ChangeEvent {
        guard let entity = header["entityName"]?.string else { throw Undecodable(reason: "no entityName") }
        guard let type = header["changeType"]?.string, let kind = ChangeEvent.Kind(rawValue: type) else {
            throw Undecodable(reason: "unknown changeType")
        }
        guard let milliseconds = header["commitTimestamp"]?.int else {
            throw Undecodable(reason: "no commitTimestamp")
        }
        guard let ids = header["recordIds"]?.array, !ids.isEmpty else {
            throw Undecodable(reason: "no recordIds")
        }
        var recordIDs: [String] = []
        recordIDs.reserveCapacity(ids.count)
        for id in ids {
            guard let text = id.string else { throw Undecodable(reason: "a record id is no text") }
            recordIDs.append(fullID(text))
        }
        return ChangeEvent(
            entityName: entity, recordIDs: recordIDs, kind: kind,
            commitTimestamp: Date(timeIntervalSince1970: Double(milliseconds) / 1000),
            commitNumber: header["commitNumber"]?.int ?? 0,
            transactionKey: header["transactionKey"]?.string ?? "",
            sequenceNumber: header["sequenceNumber"]?.int ?? 1,
            changeOrigin: header["changeOrigin"]?.string ?? "",
            fields: CompoundField.flatten(payload, changed: header["changedFields"]?.array ?? []),
            schemaID: schemaID, replayID: replayID)
    }

    /// Makes 18 characters of 15. Wildcards and other texts stay as they are.
    private static func fullID(_ text: String) -> String {
        guard text.utf8.count == SalesforceID.shortLength, let id = try? SalesforceID(text) else {
            return text
        }
        return id.text
    }
}
