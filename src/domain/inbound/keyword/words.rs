//! The words of English requests. Short forms are written out: see `SHORT`.

use super::Keyword;

/// Whole replies of one word.
pub const WHOLE: [(Keyword, &[&str]); 3] = [
    (Keyword::Stop, &["arret", "arrêt", "td", "t", "r", "stopp", "stop2end", "tuiding"]),
    (Keyword::Help, &["help", "info", "aide"]),
    (Keyword::Start, &["start", "unstop", "subscribe", "resubscribe", "restart"]),
];

/// Short forms and misspellings, and what they stand for.
pub const SHORT: [(&str, &str); 71] = [
    ("dont", "do not"),
    ("doesnt", "does not"),
    ("didnt", "did not"),
    ("wont", "will not"),
    ("cant", "cannot"),
    ("isnt", "is not"),
    ("wasnt", "was not"),
    ("havent", "have not"),
    ("hasnt", "has not"),
    ("arent", "are not"),
    ("im", "i am"),
    ("ive", "i have"),
    ("id", "i would"),
    ("youve", "you have"),
    ("youre", "you are"),
    ("thats", "that is"),
    ("u", "you"),
    ("ur", "your"),
    ("pls", "please"),
    ("plz", "please"),
    ("plse", "please"),
    ("pleas", "please"),
    ("txt", "text"),
    ("txts", "texts"),
    ("txting", "texting"),
    ("txtin", "texting"),
    ("textin", "texting"),
    ("msg", "message"),
    ("msgs", "messages"),
    ("messagin", "messaging"),
    ("sendin", "sending"),
    ("spammin", "spamming"),
    ("stp", "stop"),
    ("stpo", "stop"),
    ("sotp", "stop"),
    ("stoop", "stop"),
    ("stopp", "stop"),
    ("thx", "thanks"),
    ("ty", "thanks"),
    ("tks", "thanks"),
    ("wanna", "want to"),
    ("gonna", "going to"),
    ("unsuscribe", "unsubscribe"),
    ("unsubcribe", "unsubscribe"),
    ("unsubscibe", "unsubscribe"),
    ("unsubsribe", "unsubscribe"),
    ("unsubscrib", "unsubscribe"),
    ("cellphone", "phone"),
    ("fone", "phone"),
    ("dnt", "do not"),
    ("neva", "never"),
    ("removing", "remove"),
    ("taking", "take"),
    ("deleting", "delete"),
    ("erasing", "erase"),
    ("dropping", "drop"),
    ("ill", "i will"),
    ("wil", "will"),
    ("shouldnt", "should not"),
    ("yall", "you"),
    ("ya", "you"),
    ("em", "them"),
    ("rn", "now"),
    ("imma", "i am going to"),
    ("frm", "from"),
    ("nmbr", "number"),
    ("num", "number"),
    ("sub", "subscription"),
    ("fkn", "fucking"),
    ("ffs", "please"),
    ("smh", "please"),
];

/// Phrases that begin a request if one of `CONTACTS` follows: "do not text".
pub const NEGATIONS: [&str; 11] = [
    "do not", "never", "do not ever", "never ever", "do not you ever", "you should not",
    "you may not", "you must not", "you cannot", "you are not to", "not to",
];

/// Phrases that follow `NEGATIONS`.
pub const CONTACTS: [&str; 37] = [
    "text", "message", "contact", "write", "notify", "remind", "spam", "text to", "sms", "pester",
    "harass", "disturb", "solicit", "email", "dm", "reach out", "keep texting", "keep messaging",
    "keep sending", "keep contacting", "call me", "call us", "call this number",
    "ring this number", "bother me", "bother us", "bother this", "ping", "send me", "send us",
    "send these", "send this", "send those", "send any", "send anything", "send more", "send your",
];

/// Phrases that begin a request if one of `THINGS` follows: "remove my number".
pub const REMOVALS: [&str; 9] =
    ["remove", "delete", "erase", "unsubscribe", "scratch", "strike", "wipe", "purge", "clear"];

/// Words that change nothing about a request.
pub const FILLERS: [&str; 41] = [
    "please", "kindly", "just", "really", "nicely", "politely", "simply", "actually", "literally",
    "seriously", "damn", "fucking", "goddamn", "freaking", "bloody", "honestly", "immediately",
    "fully", "completely", "entirely", "permanently", "asap", "bro", "dude", "man", "mate",
    "buddy", "guys", "lady", "folks", "jerk", "jerks", "idiot", "idiots", "assholes", "sir",
    "maam", "yo", "lol", "omg", "wtf",
];

/// Phrases that begin a request if one of `THINGS` and one of `AWAY` follow: "take me off".
pub const TAKINGS: [&str; 4] = ["take", "get", "pull", "knock"];

/// Who or what can be on a list.
pub const THINGS: [&str; 19] = [
    "me", "us", "my number", "my phone", "my name", "my phone number", "my info", "my information",
    "my data", "my details", "my contact", "my mobile", "my line", "this number", "this phone",
    "this line", "our number", "number", "our phone",
];

/// Phrases that follow `TAKINGS` and `THINGS`.
pub const AWAY: [&str; 7] =
    ["off", "out of your", "out of the", "out of this", "from your", "from the", "from this"];

/// Phrases that begin a request to stop; what follows must belong to it.
pub const BEGINS: [&str; 56] = [
    "opt me out",
    "i opt out",
    "opt out",
    "opting out",
    "opt us out",
    "cease and desist",
    "leave me alone",
    "leave us alone",
    "leave me be",
    "leave my number alone",
    "leave this number alone",
    "leave my phone alone",
    "lose my number",
    "lose this number",
    "take me out",
    "take us out",
    "let me out",
    "let me off",
    "let us out",
    "forget my number",
    "forget this number",
    "withdraw my consent",
    "withdraw my permission",
    "withdraw consent",
    "withdraw permission",
    "do not consent",
    "no text messages",
    "no texts",
    "no messages",
    "no sms",
    "no spam",
    "no ads",
    "no alerts",
    "no notifications",
    "block me",
    "block my number",
    "stop all",
    "stopall",
    "stop",
    "unsubscribe",
    "unsub",
    "cancel",
    "quit",
    "end",
    "revoke",
    "cease",
    "discontinue",
    "halt",
    "optout",
    "remove",
    "unsubscribing",
    "desist",
    "knock it off",
    "cut it out",
    "go away and stop",
    "stop it and",
];

/// Phrases that begin a request to stop if messages are named after them: "no more texts".
pub const BEGINS_IF_NAMED: [&str; 65] = [
    "do not send", "never send", "no more", "no further", "no other", "no additional", "no future",
    "no new", "zero", "not any more", "no longer", "never ever", "not interested in", "enough",
    "enough of", "enough with", "i do not want", "do not want", "i no longer want",
    "no longer want", "i do not wish", "i no longer wish", "do not wish", "no longer wish",
    "i do not need", "do not need", "i am done with", "done with", "i never signed up for",
    "i would rather not", "i prefer not", "refrain from", "turn off", "switch off", "shut off",
    "disable", "mute", "sick of", "tired of", "fed up with", "so sick of", "so tired of",
    "i am sick of", "i am tired of", "i am so tired of", "i am so sick of", "i am fed up with",
    "i do not like", "i hate", "get rid of", "keep your", "no need for", "spare me",
    "put an end to", "bring an end to", "shut down", "kill", "that is enough", "i never want",
    "i never get", "never want", "never get", "i do not get", "i should not get",
    "there should be no",
];

/// Whole sentences that ask to stop.
pub const WHOLE_SENTENCES: [&str; 34] = [
    "not interested",
    "i am not interested",
    "wrong number",
    "wrong person",
    "no more",
    "this is the wrong number",
    "no longer interested",
    "i am no longer interested",
    "go away",
    "i never signed up",
    "enough already",
    "i do not want these",
    "i never signed up for this",
    "never signed up for this",
    "i did not sign up for this",
    "fuck off",
    "piss off",
    "get lost",
    "bugger off",
    "screw you",
    "go to hell",
    "i want out",
    "want out",
    "let me out",
    "count me out",
    "include me out",
    "you have the wrong number",
    "you have a wrong number",
    "you have got the wrong number",
    "you got the wrong number",
    "you have the wrong person",
    "you got the wrong person",
    "you have got the wrong person",
    "do not disturb",
];

/// Patterns of sentences that ask to stop; `grammar` defines the capitals.
pub const SENTENCES: [&str; 18] = [
    // Asks to be taken off a list.
    "(?:i |we )?(?:(?:want|would like|wish|need|ask|asked|have asked|prefer|request) )?(?:to \
     )?(?:be|have O|get O|see O|being) (?:removed|taken off|taken out|deleted|unsubscribed|\
     opted out|dropped|left alone|off)(?: (?:from|off|of|out|in))*(?: WM| W(?:list|lists|system|\
     database|records|contacts|mailing list|text list|subscription))?",
    // Asks not to be contacted.
    "(?:i |we )?(?:do not|no longer|never) (?:want|wish|care|need|like|consent|agree)(?: to)? \
     (?:be |being |getting )?(?:contacted|texted|messaged|bothered|notified|called|spammed|\
     reminded)(?: by (?:you|anyone|this company))?",
    // Says that no consent was given.
    "(?:i |we )?(?:never|did not|do not|have not|have never|never ever) (?:ever )?(?:give|gave|\
     given) (?:(?:you|anyone|anybody) )?(?:my |any )?(?:permission|consent|authorization|\
     number)(?: (?:to|for) (?:this|be C|C)(?:ed)?(?: O)?| for W?M?)?",
    "(?:i |we )?(?:never|did not|do not|have not|have never) (?:ever )?(?:consent|consented|\
     agree|agreed|subscribe|subscribed|sign up|signed up|opt in|opted in|enroll|enrolled|\
     register|registered|authorize|authorized|request|requested|ask|asked|join|joined)(?: (?:to|\
     for|up for))? (?:this|these|that|those|any of this|W?M|to be C(?:ed)?|your list)",
    "(?:i |we )?(?:never|did not) (?:consented|consent|subscribe|subscribed|sign up|signed up|\
     opt in|opted in)",
    "you (?:do not|never|no longer) (?:have|had) (?:my |any )?(?:consent|permission|\
     authorization)(?: to C(?: O)?)?",
    // Says that the number is somebody else's.
    "(?:this|it) is (?:not|no longer) (?:her|his|their|my|the right|[a-z]+s) (?:number|phone|\
     cell)(?: anymore)?",
    "(?:i am )?not the person you (?:are|were) (?:looking for|trying to reach)",
    // Asks that the messages end.
    "(?:i |we )?(?:want|need|would like|demand|prefer) (?:W?M|this|it|you|for you) to (?:stop|\
     end|cease|be over)",
    "(?:i |we )?would (?:really )?(?:appreciate|like|love|prefer) (?:it )?if you (?:would \
     )?(?:stop|stopped|quit)(?: (?:texting|messaging|contacting|sending|bothering|calling)(?: \
     O)?(?: W?M)?)?",
    "(?:do not|never) (?:text|message)(?: me| us)?(?: just| please| only| but)* (?:call|email|\
     phone|ring)(?: me| us)?(?: instead| please| only)*",
    "(?:do not|never|stop|quit|no more|no|cease|end) (?:ever )?(?:X (?:or|and|nor) )+X(?: \
     O)?(?: (?:anymore|again|ever|about|any|of|these|this|number))*",
    "opt (?:O|number|our number) out(?: of (?:W?M|W?(?:list|lists|system|everything|it)))?",
    "(?:i |we )?(?:will|am going to|am) (?:report|reporting|sue|suing|block|blocking) you(?: \
     .*)? (?:if you do not stop|unless you stop|if this continues|if you keep .*)(?: .*)?",
    "W?M(?: M)? off",
    "(?:this|it|that) is (?:harassment|spam|not ok|illegal)(?: and)? stop",
    "make (?:it|this|W?M) (?:stop|end)",
    "(?:i )?(?:have )?(?:told|asked|said) (?:you )?(?:already )?(?:to )?stop",
];

/// Patterns of sentences that ask for messages, and not to stop them: "don't call, text me".
pub const WANTS_TEXTS: [&str; 5] = [
    "(?:(?:you|please|just|only|can|could|may|but|or|instead|rather|so|and|best|always|to) \
     )*(?:text|message|sms) (?:me|us)(?: (?:instead|only|please|thanks|rather|about|back|here|\
     when|at|after|before|on|if|the|your|then)(?: .*)?)?",
    "(?:i |my )?(?:.* )?(?:text|texts|texting|sms|messages|messaging) (?:is|are|works|work|\
     would be|will do|will be) (?:ok|okay|fine|good|better|best|great|alright|all right|\
     preferred|easier|enough)(?: .*)?",
    "(?:just |only |but |please |use |by |via |prefer |i prefer |i would prefer )*(?:text|texts|\
     texting|sms|messages) (?:only|instead|preferred|me)(?: please)?",
    "(?:text|texts|sms)",
    "(?:do not|stop|never|quit|please do not|please stop) (?:ever )?(?:call|calling|phone|\
     phoning|email|emailing|ring|ringing)(?: me| us)?(?: and| just| but| please| only| \
     instead)* (?:text|message|sms)(?: me| us)?(?: instead| only| please)*",
];

/// Phrases that may come before a request.
pub const BEFORE: [&str; 146] = [
    "please",
    "kindly",
    "hi",
    "hello",
    "hey",
    "ok",
    "okay",
    "just",
    "can you",
    "could you",
    "would you",
    "will you",
    "can we",
    "i want to",
    "i would like to",
    "i would like",
    "i wish to",
    "i need to",
    "i want you to",
    "i need you to",
    "i would like you to",
    "i would like for you to",
    "i want",
    "you must",
    "you need to",
    "sorry",
    "i said",
    "i told you to",
    "i asked you to",
    "told you to",
    "told you already to",
    "asked you to",
    "i have asked you to",
    "i have told you to",
    "want to",
    "need to",
    "for the last time",
    "for the third time",
    "for the second time",
    "again",
    "and",
    "so",
    "immediately",
    "thanks but",
    "no thanks",
    "no thank you",
    "no",
    "nope",
    "nah",
    "i hereby",
    "hereby",
    "i am",
    "how about you",
    "how about",
    "you can",
    "you may",
    "you should",
    "you could",
    "you better",
    "you had better",
    "feel free to",
    "would you mind",
    "do you mind",
    "i demand that you",
    "i demand you",
    "i am requesting that you",
    "i am requesting to",
    "i am requesting you",
    "i request that you",
    "i request to",
    "i request",
    "i ask that you",
    "i am asking to",
    "go ahead and",
    "i am asking you again to",
    "i am asking you one last time to",
    "i would ask you to",
    "be advised to",
    "this is a request to",
    "this is my request to",
    "i am writing to",
    "do me a favor and",
    "you people",
    "someone",
    "somebody",
    "make sure to",
    "make sure you",
    "make sure",
    "i insist you",
    "i insist that you",
    "last time",
    "last warning",
    "final warning",
    "for the love of god",
    "for gods sake",
    "i keep asking you to",
    "how many times do i have to say",
    "how many times do i have to tell you to",
    "how many times must i say",
    "make it",
    "already said",
    "i already said",
    "thank you but",
    "you guys",
    "i",
    "we",
    "we would like to",
    "i choose to",
    "i have decided to",
    "i am asking you to",
    "i beg you to",
    "wrong number",
    "wrong person",
    "you have the wrong number",
    "you got the wrong number",
    "you have got the wrong number",
    "not interested",
    "i am not interested",
    "go away and",
    "thanks",
    "thank you",
    "must",
    "jesus",
    "omg",
    "wtf",
    "lol",
    "sir",
    "dude",
    "yo",
    "guys",
    "seriously",
    "listen",
    "look",
    "like i said",
    "as i said",
    "once again",
    "stop and",
    "please sir",
    "have",
    "be so kind and",
    "who is this",
    "now",
    "then",
    "ugh",
    "yes",
    "maam",
];

/// Words for messages, and for what is done with them.
pub const MESSAGES: [&str; 87] = [
    "ad", "ads", "advert", "adverts", "advertisement", "advertisements", "advertising", "alert",
    "alerts", "announcements", "bothering", "broadcasts", "bugging", "calling", "calls",
    "campaigns", "commercials", "communication", "communications", "contact", "contacting",
    "correspondence", "deals", "emailing", "emails", "harassing", "marketing", "mailing",
    "message", "messages", "messaging", "newsletter", "newsletters", "notification",
    "notifications", "notifying", "offers", "promo", "promos", "promotion", "promotional",
    "promotions", "pushing", "receive", "receiving", "reminder", "reminders", "reminding", "send",
    "sending", "sms", "smses", "solicitation", "solicitations", "soliciting", "spam", "spamming",
    "subscription", "subscriptions", "text", "texted", "texting", "texts", "updates", "updating",
    "writing", "contacted", "messaged", "called", "harassment", "reminded", "notices", "surveys",
    "news", "bulletins", "pings", "pinging", "hear", "hearing", "blowing", "reaching", "phoning",
    "dming", "pestering", "bombarding", "coupons", "blasts",
];

/// Other words that may follow a request: every word of the rest is one of these or of `MESSAGES`.
pub const AFTER: [&str; 125] = [
    "a", "about", "again", "all", "already", "altogether", "and", "any", "anymore", "anything",
    "asap", "at", "automated", "automatic", "being", "by", "constant", "daily", "damn", "ever",
    "every", "everything", "else", "for", "forever", "from", "fucking", "future", "get", "getting",
    "goddamn", "hell", "here", "immediately", "in", "it", "kind", "kindly", "list", "lists", "me",
    "more", "my", "mobile", "now", "number", "of", "off", "on", "once", "or", "our", "out",
    "period", "phone", "please", "right", "sir", "so", "sort", "stuff", "such", "thank", "thanks",
    "that", "the", "these", "this", "those", "to", "today", "unsolicited", "unwanted", "us", "via",
    "weekly", "with", "you", "your", "yours", "entirely", "completely", "consent", "permission",
    "authorization", "database", "system", "records", "up", "info", "cell", "contacts", "crap",
    "shit", "bs", "nonsense", "day", "line", "too", "file", "files", "phonebook", "app", "service",
    "program", "further", "permanently", "ok", "okay", "directory", "book", "thing", "things",
    "company", "people", "device", "cellphone", "marketing", "distribution", "another", "is",
    "are", "contacted", "bother", "be",
];

/// People and places whose phone it may be.
pub const FAMILY: [&str; 41] = [
    "mom", "mum", "mother", "dad", "father", "wife", "husband", "son", "daughter", "kid", "kids",
    "child", "children", "grandma", "grandmother", "grandpa", "grandfather", "parents", "family",
    "boss", "sister", "brother", "work", "home", "partner", "girlfriend", "boyfriend", "roommate",
    "business", "personal", "coworker", "employees", "staff", "moms", "dads", "wifes", "husbands",
    "daughters", "sons", "mothers", "fathers",
];

/// Beginnings of a part that only says why or whose, once messages are named: "stop texting me
/// about my order".
pub const ASIDES: [&str; 41] = [
    " about ", " or i ", " or we ", " if ", " so i ", " this is ", " it is ", " that is ",
    " every time ", " like ", " even ", " which ", " who ", " where ", " except ", " with your ",
    " with the ", " regarding ", " because ", " cause ", " since ", " from ", " for ", " at ",
    " as ", " or ", " you ", " she ", " he ", " i ", " during ", " before ", " after ", " when ",
    " while ", " until ", " or else ", " why ", " we ", " they ", " is ",
];

/// Phrases that look like a request or its beginning, but are not.
pub const NOT_MEANT: [&str; 8] = [
    "stop by", "stop over", "end of message", "end of messages", "end of text", "end of texts",
    "stop and text", "stop and call",
];

/// Whole questions and requests that HELP answers.
pub const HELP: [&str; 14] = [
    "help me", "help please", "please help", "i need help", "who is this", "who are you",
    "who is it", "how do i stop", "how to stop", "how do i unsubscribe", "how to unsubscribe",
    "how do i opt out", "how can i unsubscribe", "how do i stop this",
];

/// Whole requests to get messages again.
pub const START: [&str; 6] =
    ["opt in", "opt me in", "sign me up", "please start", "start please", "subscribe me"];

/// Phrases that ask for the opposite of a stop.
pub const MORE: [&str; 8] = [
    "do not stop", "keep sending", "keep texting", "never stop", "unless", "but i want",
    "but keep", "but send",
];

/// Words that make a request clear even if messages are not named.
pub const REASONS: [&str; 14] = [
    "unsubscribe", "list", "lists", "number", "alone", "database", "contacts", "consent",
    "permission", "unsubscribed", "optout", "off", "me", "us",
];

/// Words that are a request if all other words only say no. `cancel` is not one: it may be about an
/// appointment.
pub const STOP_ALONE: [&str; 5] = ["stop", "unsubscribe", "unsub", "optout", "stopall"];

/// Words without a meaning of their own.
pub const POLITE_ENDS: [&str; 19] = [
    "please", "thanks", "thank", "you", "anymore", "again", "now", "ok", "okay", "sir", "ever",
    "at", "all", "already", "immediately", "sorry", "and", "kindly", "here",
];

/// Words of replies that only say no, or that the writer is the wrong person.
pub const WHY: [&str; 50] = [
    "no", "nope", "nah", "not", "interested", "good", "wrong", "number", "person", "the", "a",
    "have", "got", "i", "am", "we", "are", "this", "is", "it", "enough", "seriously", "wtf", "omg",
    "jesus", "god", "ugh", "bye", "hi", "hello", "hey", "moved", "busy", "driving", "set", "said",
    "told", "sick", "tired", "of", "do", "need", "want", "dude", "yo", "lol", "maam", "yes",
    "guys", "just",
];
