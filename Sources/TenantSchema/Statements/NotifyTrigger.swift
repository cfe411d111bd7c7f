// The notifications of new log entries.
extension TenantDDL {
    /// The function that announces log entries on Heroku Connect's channel and on ours.
    ///
    /// It has its owner's rights: a role of the application may write the log without reading `_hcmeta`.
    ///
    /// - Parameter isOn: false for a connection whose log is polled. NOTIFY lets commits wait for each other.
    package func notifyFunction(isOn: Bool = true) -> String {
        let flag = Identifier.literal(Self.drainFlag)
        let (theirs, ours) = (schema + ".hc_trigger_log", Self.writesChannel)
        let announce = """

            BEGIN
              IF NOT EXISTS (SELECT FROM \(s)._hcmeta WHERE details = \(flag)) THEN
                PERFORM pg_catalog.pg_notify(\(Identifier.literal(theirs)), 'ping'),
                  pg_catalog.pg_notify(\(Identifier.literal(ours)), \(Identifier.literal(schema)));
              END IF;
            END;

            """
        let ignore = """

            BEGIN
            END;

            """
        return """
            create or replace function \(s).\(Self.notifyName)() returns void language plpgsql
            security definer set search_path = pg_catalog
            as \(Identifier.dollarQuoted(isOn ? announce : ignore))
            """
    }

    /// The name of the function without its schema.
    package static let notifyName = "tlog_notify"

    /// Calls the function above for the transaction's first entry. A condition of the trigger would do the
    /// same at twice the cost: each statement parses it again, and each entry is a statement.
    var notifyTriggerFunction: String {
        let (name, value) = (Self.notifiedSetting, Identifier.literal(schema))
        let body = """

            BEGIN
              IF pg_catalog.current_setting('\(name)', true) IS DISTINCT FROM \(value) THEN
                PERFORM pg_catalog.set_config('\(name)', \(value), true), \(s).\(Self.notifyName)();
              END IF;
              RETURN NULL;
            END;

            """
        return """
            create or replace function \(s).tlog_notify_trigger() returns trigger language plpgsql
            as \(Identifier.dollarQuoted(body))
            """
    }

    /// The schema whose log entries the transaction has announced.
    private static let notifiedSetting = "multiconnect.notified"

    var notifyTrigger: String {
        """
        create or replace trigger tlog_insert_trigger after insert on \(s)._trigger_log for each row
        execute function \(s).tlog_notify_trigger()
        """
    }
}
