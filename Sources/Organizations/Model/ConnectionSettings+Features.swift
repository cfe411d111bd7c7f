package import Encoding

/// The `connection.features` of a mapping file, which Heroku Connect exports and imports.
extension ConnectionSettings {
    /// How an object of features changes the settings.
    package struct FeatureReport: Sendable, Equatable {
        /// The changed settings: `poll_db_no_merge true -> false`.
        package var changes: [String] = []
        /// Features that have no effect.
        package var warnings: [String] = []
        /// Values that a setting cannot have. The setting stays as it was.
        package var problems: [String] = []
    }

    /// Heroku Connect's features for which this program has no setting. False, their usual value, needs none.
    private static let herokuFeatures: Set<String> = [
        "cdc_for_accelerated_polling", "db_updates_forward_in_time_only", "dba_exception_translation",
        "drift_detector_batch_disk", "drift_detector_state_machine",
        "drift_max_batches_in_parallel_override", "early_sf_api_access", "force_picklist_255",
        "get_deleted_latest_date_check", "increased_query_cursor_limit", "log_memory_usage",
        "minimal_indexes_by_default", "mtls_shield_connection", "poll_external_ids", "rest_count_only",
        "retry_failed_create_soap_call", "retry_get_query_batch_result_ids",
        "set_odata_extra_float_digits_to_0", "ssh_host_key_verification", "sync_repair_immediately",
        "sync_repair_unlimited_query_all", "temp_tables_in_transactions", "testing_flag_only",
        "ucs_basic_collation_index", "verbose_sfnotifier_logging",
    ]

    /// All settings, as members of `connection.features`.
    package var features: JSONValue {
        .object(
            Dictionary(
                list.map { ($0.name, Bool($0.value).map(JSONValue.bool) ?? .number($0.value)) },
                uniquingKeysWith: { first, _ in first }))
    }

    /// Sets what the features name. Settings that they do not name stay.
    ///
    /// - Parameter features: nil and null change nothing.
    package mutating func apply(features: JSONValue?) -> FeatureReport {
        var report = FeatureReport()
        guard let features, !features.isNull else { return report }
        guard let members = features.object else {
            report.problems.append("connection.features: must be an object")
            return report
        }
        let before = Dictionary(list.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        for (name, value) in members.sorted(by: { $0.key < $1.key }) where !value.isNull {
            guard let old = before[name] else {
                if let warning = Self.warning(name, value) { report.warnings.append(warning) }
                continue
            }
            // Some tools write flags and numbers as text.
            if let problem = set(name, to: value.string ?? value.serialized) {
                report.problems.append("connection.features.\(name): \(problem)")
                continue
            }
            let new = list.first { $0.name == name }?.value ?? old
            if new != old { report.changes.append("\(name) \(old) -> \(new)") }
        }
        return report
    }

    private static func warning(_ name: String, _ value: JSONValue) -> String? {
        guard herokuFeatures.contains(name) else {
            return "connection.features.\(name): unknown feature, ignored"
        }
        let isOff = value == .bool(false) || value.string?.lowercased() == "false"
        return isOff ? nil : "connection.features.\(name): has no effect"
    }
}
