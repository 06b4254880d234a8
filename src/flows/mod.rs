//! VERBS. One file an entry: read → decide → write. Generic over the two seams.

pub mod commit;
pub mod seams;
