import Jobs
import Logging

/// Counts and logs how runs end.
struct RunReporter: Sendable {
    let tallies: JobTallies
    let extensions: [any WorkerExtension]
    let logger: Logger

    /// A handler returned without an error.
    func handlerReturned(_ job: JobRecord, after duration: Duration) {
        tallies.countRun(job.className, of: duration)
        for each in extensions { each.runEnded(job, after: duration) }
    }

    /// A run failed.
    func failed(_ job: JobRecord, isRetried: Bool) {
        tallies.countFailed(job.className, isRetried: isRetried)
        for each in extensions { each.runEnded(job, after: nil) }
    }

    /// Logs the result of recording a run's end. False: its claim was lost. Nil: Postgres was unavailable.
    func ended(_ record: JobRecord, isRecorded: Bool?) {
        switch isRecorded {
        case true?:
            tallies.countFinished(record.className)
            // The message is a closure: no metadata is made for a level that is not logged.
            logger.info(
                "job done",
                metadata: record.logMetadata.merging(["attempt": "\(record.attempt)"]) { $1 })
        case false?: logger.about(record).warning("claim lost, end of job not recorded")
        case nil: logger.about(record).error("could not record end of job, job will run again")
        }
    }
}
