/// The words of generated texts, as bytes, so that rendering only copies them.
enum Vocabulary: Sendable {
    case adjective, thing, suffix, given, family, street, city, region, country, domain, industry, sentence

    /// All words of this kind.
    var words: [[UInt8]] { Self.table[place] }

    private var place: Int {
        switch self {
        case .adjective: 0
        case .thing: 1
        case .suffix: 2
        case .given: 3
        case .family: 4
        case .street: 5
        case .city: 6
        case .region: 7
        case .country: 8
        case .domain: 9
        case .industry: 10
        case .sentence: 11
        }
    }

    private static let table: [[[UInt8]]] = [
        "Amber Brisk Copper Distant Early Frozen Golden Humble Iron Jolly Keen Lively "
            + "Modern Northern Open Quiet",
        "Anchor Bridge Canyon Delta Engine Forest Garden Harbour Island Junction Kiln Lantern "
            + "Meadow Orchard Quarry",
        "Ltd|GmbH|Inc|S.A.|Oy|AB|& Sons|Group",
        "Ada Bruno Chloé Dmitri Elif Femi Gül Hana Ivo Jürgen Kofi Lena Małgorzata Noor Oskar Priya",
        "Adeyemi Bauer Chen Dubois Eriksson Fernández García Håkansson Ivanova Jones Kowalski Løvås "
            + "Müller Nguyen",
        "High Street|Station Road|Mill Lane|Rue de la Paix|Lindenallee|Calle Mayor|Via Roma|Harbour Way",
        "London|Berlin|Paris|São Paulo|Tokyo|Ankara|Lagos|Oslo|Málaga|Kraków|Austin|Toronto",
        "Greater London|Bavaria|California|Ontario|Île-de-France|Lombardy|Catalonia|Texas",
        "United Kingdom|Germany|France|Brazil|Japan|Türkiye|Nigeria|Norway|Spain|Poland|United States|Canada",
        "example.com example.org example.net test.example mail.example",
        "Agriculture Banking Chemicals Construction Education Energy Finance Healthcare Insurance Retail",
        "The renewal is due next quarter.|They asked for a new quote, twice.|"
            + "Nobody answered the phone today.|Met them at the fair; very friendly.|"
            + "Delivery slipped by a week.|Please call after nine o'clock.|"
            + "Interested in the larger model (blue).|Wants 15% off & free shipping.|Café visit went well.",
    ].map { line in
        line.split(separator: line.contains("|") ? "|" : " ").map { Array($0.utf8) }
    }
}
