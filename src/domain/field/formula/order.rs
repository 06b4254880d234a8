//! The order in which the formulas of a record are computed: each after those it refers to.

use super::super::Field;
use super::super::kind::FieldType;
use super::Formula;
use std::collections::BTreeMap;
use std::fmt;

/// Formulas that refer to each other in a circle, by the names of their fields; the last refers to
/// the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormulaLoop(pub Vec<String>);

impl fmt::Display for FormulaLoop {
    /// Writes the circle with its first member at both ends.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.0 {
            write!(f, "{name} -> ")?;
        }
        f.write_str(self.0.first().map_or("", String::as_str))
    }
}

/// Returns the formula fields in the order in which they can be computed.
pub fn sorted(fields: &[Field]) -> Result<Vec<&Field>, FormulaLoop> {
    let needs: BTreeMap<&str, (&Field, Vec<String>)> = fields
        .iter()
        .filter_map(|field| {
            let FieldType::Formula { expression, .. } = &field.kind else { return None };
            let formula = Formula::parse(expression).ok();
            let references = formula.iter().flat_map(Formula::references);
            let names = references.map(|reference| reference.field().to_owned()).collect();
            Some((field.name.as_str(), (field, names)))
        })
        .collect();
    let mut order: Vec<&Field> = Vec::with_capacity(needs.len());
    let mut states: BTreeMap<&str, State> = BTreeMap::new();
    for start in needs.keys() {
        visit(start, &needs, &mut states, &mut order)?;
    }
    Ok(order)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// On the path from the start to where we are.
    Open,
    Done,
}

type Needs<'f> = BTreeMap<&'f str, (&'f Field, Vec<String>)>;

/// Adds a formula to the order after all that it needs. The path is a list of its own, so a long
/// chain of formulas takes no stack.
fn visit<'f>(
    start: &'f str,
    needs: &Needs<'f>,
    states: &mut BTreeMap<&'f str, State>,
    order: &mut Vec<&'f Field>,
) -> Result<(), FormulaLoop> {
    // Each formula on the path, with the number of its needs that were looked at.
    let mut path: Vec<(&'f str, usize)> = vec![(start, 0)];
    while let Some((name, looked_at)) = path.pop() {
        if looked_at == 0 {
            match states.get(name) {
                Some(State::Done) => continue,
                Some(State::Open) => {
                    let from = path.iter().position(|(it, _)| *it == name).unwrap_or(0);
                    let members = path[from..].iter().map(|(it, _)| (*it).to_owned());
                    return Err(FormulaLoop(members.collect()));
                }
                None => states.insert(name, State::Open),
            };
        }
        let Some((field, needed)) = needs.get(name) else { continue };
        match needed.get(looked_at) {
            Some(next) => {
                path.push((name, looked_at + 1));
                if let Some((next, _)) = needs.get_key_value(next.as_str()) {
                    path.push((next, 0));
                }
            }
            None => {
                states.insert(name, State::Done);
                order.push(field);
            }
        }
    }
    Ok(())
}
