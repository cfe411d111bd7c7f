import Encoding

/// Properties of calls that write records.
extension IncomingCall {
    /// True if the call creates, changes or deletes records, or starts a Bulk job's work.
    var isWrite: Bool {
        guard method != "GET", method != "HEAD", let parts = dataSegments else { return false }
        switch parts.first {
        case "sobjects": return parts.count > 1
        case "composite" where parts.count == 1: return method == "POST"
        // A POST with an object reads.
        case "composite": return parts[1] == "sobjects" && !(method == "POST" && parts.count > 2)
        case "jobs": return method == "PATCH" && parts.count == 3 && parts[1] == "ingest"
        default: return false
        }
    }

    /// True for a write, and for any other step of a Bulk job.
    var changesState: Bool {
        if isWrite { return true }
        guard method != "GET", method != "HEAD", let parts = dataSegments else { return false }
        return parts.first == "jobs" && parts.dropFirst().first == "ingest"
    }

    /// True if the call takes as long as its org's writes do. A Bulk job's work is done after its calls.
    var takesTime: Bool { isWrite && dataSegments?.first != "jobs" }

    /// The segments after `/services/data/v66.0`.
    private var dataSegments: [String]? {
        let segments = segments
        guard segments.count > 3, segments[0] == "services", segments[1] == "data" else { return nil }
        return Array(segments.dropFirst(3))
    }

    /// `Sforce-Duplicate-Rule-Header: allowSave=true`. Documented.
    var allowsDuplicates: Bool {
        (headers["sforce-duplicate-rule-header"] ?? "").lowercased().filter { $0 != " " }
            .contains("allowsave=true")
    }

    /// `Sforce-Auto-Assign`. Documented: true by default.
    var assignsOwners: Bool { headers["sforce-auto-assign"]?.lowercased() != "false" }
}
