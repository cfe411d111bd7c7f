import Logging

extension JobRecord {
    /// What names the job in a line of the log.
    var logMetadata: Logger.Metadata {
        var metadata: Logger.Metadata = ["job": "\(id)", "class": "\(className)"]
        if let organizationID { metadata["organization"] = "\(organizationID)" }
        return metadata
    }
}

extension Logger {
    /// The same logger, naming a job in each line.
    func about(_ job: JobRecord) -> Logger {
        var logger = self
        for (key, value) in job.logMetadata { logger[metadataKey: key] = value }
        return logger
    }
}
