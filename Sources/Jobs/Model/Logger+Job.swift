package import Logging

extension JobRecord {
    /// The fields of log lines about the job.
    package var logMetadata: Logger.Metadata {
        var metadata: Logger.Metadata = ["job": "\(id)", "class": "\(className)"]
        if let organizationID { metadata["organization"] = "\(organizationID)" }
        return metadata
    }
}

extension Logger {
    /// A logger with the job's fields in each line.
    package func about(_ job: JobRecord) -> Logger {
        var logger = self
        for (key, value) in job.logMetadata { logger[metadataKey: key] = value }
        return logger
    }
}
