use super::*;

const FILE: &str = "\
# a comment
kind: X
spec:
  parameters: &all
    objects: |

      - objectName: a
        secretPath: b
      - {objectName: c,
         secretPath: d}
    folded: >-
      - objectName: a
      - x
    quoted: \"- objectName: a\"
    flag: true
    empty:
  again: *all
  again: 1
---
kind: Y
";

fn spot(line: u64, column: u64) -> Spot {
    Spot { line, column }
}

#[test]
fn nodes_stand_where_they_are_written() {
    let written = read(FILE);
    assert!(written.broken.is_none() && written.documents.len() == 2, "{written:?}");
    assert_eq!(written.twice, [(spot(18, 3), "again".to_owned())]);
    let Some(document) = written.documents.first() else { unreachable!() };
    let parameters = document.find(&["spec", "parameters"]);
    let key = |key: &str| parameters.and_then(|node| node.entry(key));
    assert_eq!(key("objects").map(|entry| entry.at), Some(spot(5, 5)));
    assert_eq!(key("flag").and_then(|entry| entry.value.odd_type()), Some("true or false"));
    assert!(parameters.is_some_and(|node| node.get("empty").is_none() && node.entry("empty").is_some()));
    assert_eq!(document.find(&["kind"]).and_then(Node::text), Some("X"));
}

#[test]
fn a_text_inside_the_text_has_the_files_lines() {
    let written = read(FILE);
    let parameters = written.documents.first().and_then(|node| node.find(&["spec", "parameters"]));
    let places = |key: &str| {
        let inside = parameters.and_then(|node| node.get(key)).map(Node::inside).unwrap_or_default();
        let items = inside.documents.first().map(|list| list.items().to_vec()).unwrap_or_default();
        let entries = items.iter().flat_map(|item| item.entries().iter().map(|entry| entry.at));
        entries.collect::<Vec<_>>()
    };
    assert_eq!(places("objects"), [spot(7, 9), spot(8, 9), spot(9, 10), spot(10, 10)]);
    assert_eq!(places("folded"), [spot(12, 7)], "its lines are not the file's: where it begins");
    assert_eq!(places("quoted"), [spot(14, 16)]);
}

#[test]
fn what_is_no_yaml_says_where() {
    let written = read("kind: X\n---\na: [1, *gone]\n");
    assert_eq!(written.documents.len(), 1);
    assert_eq!(written.broken.map(|(at, _)| at), Some(spot(3, 8)));
    for bad in ["a: {{ .Values.x }}\n", "\tb: c", "a: b: c", "- a\nb"] {
        assert!(read(bad).broken.is_some() || !read(bad).documents.is_empty(), "{bad}");
    }
}

#[test]
fn a_bomb_is_no_larger_than_its_text() {
    let bomb = (1..200).fold("a0: &a0 [x, x, x, x]\n".to_owned(), |text, at| {
        format!("{text}a{at}: &a{at} [*a{0}, *a{0}, *a{0}, *a{0}]\n", at - 1)
    });
    assert_eq!(read(&bomb).documents.first().map(|map| map.entries().len()), Some(200));
}

#[test]
fn types_are_those_that_kubectl_reads() {
    for (word, kind) in [
        ("true", Some("true or false")),
        ("Yes", Some("true or false")),
        ("60", Some("a number")),
        ("0400", Some("a number")),
        ("1.5", Some("a number")),
        ("~", Some("nothing")),
        ("", Some("nothing")),
        ("60s", None),
        ("web", None),
        ("10.0.0.1", None),
        (".hidden", None),
    ] {
        assert_eq!(plain_type(word), kind, "{word:?}");
    }
}

proptest::proptest! {
    /// Whatever stands in a file: nodes or a place where it breaks, and every place is in the file.
    #[test]
    fn any_text_is_read(text in "[-a-c:{}\\[\\]&*!|>'\"#%@,?0-9 \\n\\t]{0,120}") {
        for text in [text.clone(), format!("a: |\n  {text}\nb: \"{text}\"\nc: [{text}]")] {
            let written = read(&text);
            let mut nodes = written.documents.clone();
            for _ in 0..200 {
                let Some(node) = nodes.pop() else { break };
                nodes.extend(node.items().iter().cloned());
                nodes.extend(node.entries().iter().map(|entry| entry.value.clone()));
                nodes.extend(node.inside().documents);
                let lines = u64::try_from(text.lines().count()).unwrap_or_default();
                proptest::prop_assert!(node.at.line <= lines + 1, "{:?}", node.at);
            }
        }
    }
}
