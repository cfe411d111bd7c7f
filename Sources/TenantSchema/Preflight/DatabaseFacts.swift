/// The properties of a database and the rights of our role in it that decide whether a tenant can live there.
package struct DatabaseFacts: Sendable, Equatable {
    package var serverVersion: Int
    package var encoding: String
    package var mayCreateSchema: Bool
    package var mayStage: Bool
    package var mayUsePublic: Bool
    /// The owner of `public.get_xmlbinary()` if that role is neither ours nor a superuser: its function would
    /// run with our rights. Nil otherwise.
    package var markerOwner: String?
    /// Nil if the extension is not installed.
    package var hstoreSchema: String?
    package var mayUseHstore: Bool

    package init(
        serverVersion: Int, encoding: String, mayCreateSchema: Bool, mayStage: Bool, mayUsePublic: Bool,
        markerOwner: String?, hstoreSchema: String?, mayUseHstore: Bool
    ) {
        self.serverVersion = serverVersion
        self.encoding = encoding
        self.mayCreateSchema = mayCreateSchema
        self.mayStage = mayStage
        self.mayUsePublic = mayUsePublic
        self.markerOwner = markerOwner
        self.hstoreSchema = hstoreSchema
        self.mayUseHstore = mayUseHstore
    }

    /// Everything that is missing, as sentences for operators.
    package func obstacles(schema: String) -> [String] {
        var obstacles: [String] = []
        if serverVersion < 140_000 { obstacles.append("Postgres 14 or later is needed") }
        if encoding != "UTF8" { obstacles.append("the database's encoding is \(encoding), not UTF8") }
        if !mayCreateSchema { obstacles.append("the role may not create or fill the schema \(schema)") }
        if !mayStage { obstacles.append("the role may not create temporary tables") }
        if !mayUsePublic {
            obstacles.append("the role may not create the function get_xmlbinary in the schema public")
        }
        if let markerOwner {
            obstacles.append(
                "the function public.get_xmlbinary() belongs to the role \(markerOwner) and would run with "
                    + "our rights at each write: drop it, or change its owner to our role")
        }
        if let hstoreSchema, !mayUseHstore {
            obstacles.append("the role may not use the schema \(hstoreSchema), where hstore is installed")
        }
        return obstacles
    }
}
