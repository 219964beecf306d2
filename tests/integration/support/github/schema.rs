//! The part of GitHub's GraphQL schema that the double serves.

use serde_json::{Map, Value};

/// Types with their fields; a type in brackets is a connection, one behind a star a plain list.
const TYPES: [(&str, &str); 23] = [
    ("Query", "viewer:User repository(owner:String!,name:String!):Repository"),
    (
        "Repository",
        "id:ID name:String nameWithOwner:String pullRequest(number:Int!):PullRequest object(expression:String):GitObject",
    ),
    ("GitObject", "oid:GitObjectID"),
    ("Blob", "oid:GitObjectID text:String byteSize:Int isBinary:Boolean"),
    ("Tree", "oid:GitObjectID entries:*TreeEntry"),
    ("TreeEntry", "name:String mode:Int type:String object:GitObject"),
    ("PullRequestCommit", "commit:Commit"),
    ("Commit", "oid:GitObjectID message:String"),
    ("Issue", "number:Int title:String body:String"),
    ("User", "login:String"),
    ("Actor", "login:String"),
    (
        "PullRequest",
        "id:ID number:Int state:PullRequestState title:String body:String url:URI isDraft:Boolean \
         isCrossRepository:Boolean baseRefOid:GitObjectID headRefOid:GitObjectID baseRefName:String headRefName:String \
         author:Actor labels:[Label] reviews(states:[PullRequestReviewState!]):[PullRequestReview] comments:[IssueComment] \
         reviewThreads:[PullRequestReviewThread] commits:[PullRequestCommit] closingIssuesReferences:[Issue]",
    ),
    ("Label", "name:String"),
    (
        "PullRequestReview",
        "id:ID fullDatabaseId:BigInt state:PullRequestReviewState body:String url:URI viewerDidAuthor:Boolean \
         author:Actor isMinimized:Boolean comments:[PullRequestReviewComment]",
    ),
    (
        "IssueComment",
        "id:ID fullDatabaseId:BigInt body:String url:URI viewerDidAuthor:Boolean author:Actor isMinimized:Boolean",
    ),
    (
        "PullRequestReviewThread",
        "id:ID isResolved:Boolean isOutdated:Boolean isCollapsed:Boolean resolvedBy:User path:String diffSide:DiffSide \
         line:Int startLine:Int originalLine:Int originalStartLine:Int subjectType:PullRequestReviewThreadSubjectType \
         viewerCanResolve:Boolean comments:[PullRequestReviewComment]",
    ),
    (
        "PullRequestReviewComment",
        "id:ID fullDatabaseId:BigInt state:PullRequestReviewCommentState body:String url:URI viewerDidAuthor:Boolean author:Actor isMinimized:Boolean",
    ),
    ("PageInfo", "hasNextPage:Boolean hasPreviousPage:Boolean startCursor:String endCursor:String"),
    (
        "Mutation",
        "resolveReviewThread(input:ResolveReviewThreadInput!):ResolveReviewThreadPayload \
         unresolveReviewThread(input:UnresolveReviewThreadInput!):UnresolveReviewThreadPayload \
         minimizeComment(input:MinimizeCommentInput!):MinimizeCommentPayload",
    ),
    ("ResolveReviewThreadPayload", "clientMutationId:String thread:PullRequestReviewThread"),
    ("UnresolveReviewThreadPayload", "clientMutationId:String thread:PullRequestReviewThread"),
    ("MinimizeCommentPayload", "clientMutationId:String minimizedComment:Minimizable"),
    ("Minimizable", "isMinimized:Boolean minimizedReason:String"),
];

/// Types of arguments with their fields.
const INPUTS: [(&str, &str); 3] = [
    ("ResolveReviewThreadInput", "threadId:ID! clientMutationId:String"),
    ("UnresolveReviewThreadInput", "threadId:ID! clientMutationId:String"),
    ("MinimizeCommentInput", "subjectId:ID! classifier:ReportedContentClassifiers! clientMutationId:String"),
];

/// Enumerations of arguments with their words.
const ENUMS: [(&str, &[&str]); 2] = [
    ("ReportedContentClassifiers", &["ABUSE", "DUPLICATE", "OFF_TOPIC", "OUTDATED", "RESOLVED", "SPAM"]),
    ("PullRequestReviewState", &["PENDING", "COMMENTED", "APPROVED", "CHANGES_REQUESTED", "DISMISSED"]),
];

/// A field as the schema has it.
pub struct Definition {
    pub kind: String,
    /// Names and types.
    pub arguments: Vec<(String, String)>,
}

/// The field of a type.
pub fn field(parent: &str, name: &str) -> Option<Definition> {
    if let Some(item) = parent.strip_suffix("Connection") {
        let kind = match name {
            "nodes" => item,
            "pageInfo" => "PageInfo",
            "totalCount" => "Int",
            _ => return None,
        };
        return Some(Definition { kind: kind.to_owned(), arguments: Vec::new() });
    }
    let (_, fields) = TYPES.iter().find(|(known, _)| *known == parent)?;
    fields.split_whitespace().find_map(|text| {
        // The colon before the type is the last one: those in parentheses come before it.
        let (left, kind) = text.rsplit_once(':')?;
        let (known, arguments) = left.split_once('(').unwrap_or((left, ")"));
        let own = pairs(arguments.trim_end_matches(')'));
        (known == name).then(|| match kind.strip_prefix('[') {
            Some(item) => Definition {
                kind: format!("{}Connection", item.trim_end_matches(']')),
                arguments: [pairs("first:Int,last:Int,after:String,before:String"), own].concat(),
            },
            None => Definition { kind: kind.trim_start_matches('*').to_owned(), arguments: own },
        })
    })
}

/// The fields of a type of arguments.
pub fn input(kind: &str) -> Option<Vec<(String, String)>> {
    INPUTS.iter().find(|(known, _)| *known == kind).map(|(_, fields)| pairs(fields))
}

/// Whether a value of one type may be one of the other.
pub fn may_be(kind: &str, other: &str) -> bool {
    kind == other || (kind == "GitObject" && ["Blob", "Tree", "Commit"].contains(&other))
}

/// Whether something can be asked of a type.
pub fn has_fields(kind: &str) -> bool {
    kind.ends_with("Connection") || TYPES.iter().any(|(known, _)| *known == kind)
}

/// Whether a variable's value has its type.
pub fn fits(kind: &str, value: &Value) -> bool {
    if value.is_null() {
        return !kind.ends_with('!');
    }
    let kind = kind.trim_end_matches('!');
    match kind {
        "String" => value.is_string(),
        "ID" => value.is_string() || value.is_u64(),
        "Int" => value.is_i64(),
        "Boolean" => value.is_boolean(),
        _ if is_enum(kind) => value.as_str().is_some_and(|word| words(kind).contains(&word)),
        _ if item(kind).is_some() => {
            let items = value.as_array().zip(item(kind));
            items.is_some_and(|(items, kind)| items.iter().all(|value| fits(kind, value)))
        }
        _ => input(kind).is_some_and(|fields| {
            let known = |map: &Map<String, Value>| map.keys().all(|key| fields.iter().any(|(name, _)| name == key));
            value.as_object().is_some_and(known) && fields.iter().all(|(name, kind)| fits(kind, &value[name]))
        }),
    }
}

/// What a list of arguments has, for a type in brackets.
pub fn item(kind: &str) -> Option<&str> {
    kind.strip_prefix('[')?.strip_suffix(']')
}

/// Whether a type of arguments is an enumeration.
pub fn is_enum(kind: &str) -> bool {
    !words(kind).is_empty()
}

fn words(kind: &str) -> &'static [&'static str] {
    ENUMS.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, words)| *words)
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split([',', ' ']).filter_map(|part| part.split_once(':'));
    parts.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}
