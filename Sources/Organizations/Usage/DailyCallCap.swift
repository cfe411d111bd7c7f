/// The API calls that a mapping may use in 24 hours (`sf_max_daily_api_calls`).
package struct DailyCallCap: Sendable, Equatable {
    /// The object's names in purposes: that of the mapping file and the API name.
    package let objects: Set<String>
    package let maximum: Int
    /// Calls of the last 24 hours.
    package var used: Int

    package init(objects: Set<String>, maximum: Int, used: Int) {
        self.objects = objects
        self.maximum = maximum
        self.used = used
    }

    /// True if a call with this purpose must wait. Events with the re-reads that they need, and writes,
    /// continue.
    func refuses(_ purpose: CallPurpose) -> Bool {
        guard used >= maximum, let object = purpose.object, objects.contains(object) else { return false }
        switch purpose.kind {
        case .poll, .repair, .import: return true
        case .setup, .write, .stream, .reread, .user, .describe, .verify: return false
        }
    }
}
