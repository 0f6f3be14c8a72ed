//! The keys of `[stakeout]`, which Elastic's own tools ignore.

use super::form::{Form, TableForm, key};
use super::triage::Effect;

pub(super) const STAKEOUT: TableForm = TableForm {
    keys: &[
        key("commands", Form::List(&Form::Table(&COMMAND))),
        key("examples", Form::List(&Form::Table(&EXAMPLE))),
        key("expected", Form::List(&Form::Table(&EXPECTED))),
        key("grades", Form::List(&Form::Table(&GRADE))),
        key("identity", Form::List(&Form::Filled)),
        key("pivots", Form::List(&Form::Table(&PIVOT))),
        key("triage", Form::List(&Form::Table(&QUESTION))),
        key("triage_scope", Form::Filled),
        key("values", Form::Named(&Form::Table(&VALUE))),
    ],
};

const COMMAND: TableForm = TableForm {
    keys: &[
        key("command", Form::Filled).required(),
        key("effect", Form::OneOf(Effect::NAMES)).required().example("effect = \"harmless\""),
        key("label", Form::Filled).required(),
        key("note", Form::Filled),
        key("undo", Form::Filled),
    ],
};

const PIVOT: TableForm = TableForm {
    keys: &[
        key("after", Form::Filled),
        key("before", Form::Filled),
        key("indices", Form::Either(&Form::Filled, &Form::List(&Form::Filled))),
        key("label", Form::Filled).required(),
        key("where", Form::Filled).required().example("where = 'user.id == \"{user.id}\"'"),
    ],
};

const EXAMPLE: TableForm = TableForm {
    keys: &[
        key("event", Form::AnyTable).required().example("event = { … }"),
        key("matches", Form::Boolean).required().example("matches = true"),
        key("name", Form::Filled).required().example("name = \"what happens in it\""),
    ],
};

const VALUE: TableForm =
    TableForm { keys: &[key("from", Form::Filled).required(), key("match", Form::Filled)] };

const QUESTION: TableForm = TableForm {
    keys: &[
        key("after", Form::Filled),
        key("before", Form::Filled),
        key("evidence", Form::List(&Form::Table(&EVIDENCE))),
        key("field", Form::Filled),
        key("guide_step", Form::Filled),
        key("id", Form::Filled).required(),
        key("indices", Form::Either(&Form::Filled, &Form::List(&Form::Filled))),
        key("kind", Form::OneOf(&["count", "terms", "first_last", "exists", "compare", "event"])).required(),
        key("question", Form::Filled).required(),
        key("say", Form::Filled),
        key("say_none", Form::Filled),
        key("where", Form::Filled),
        key("with_itself", Form::Boolean),
    ],
};

const EVIDENCE: TableForm = TableForm {
    keys: &[
        key("final", Form::Boolean),
        key("group", Form::Filled).required(),
        key("say", Form::Filled),
        key("weight", Form::Integer(-1000, 1000)).required(),
        key("when", Form::Filled).required(),
    ],
};

const GRADE: TableForm = TableForm {
    keys: &[
        key("at_least", Form::Integer(-1000, 1000)),
        key("name", Form::Filled).required(),
        key("say", Form::Filled).required(),
    ],
};

/// The tables of a file that only declares what is expected.
pub(super) const EXPECTED_FILE: TableForm = TableForm {
    keys: &[key("stakeout", Form::Table(&EXPECTED_ONLY)).required().example("[[stakeout.expected]]")],
};

const EXPECTED_ONLY: TableForm =
    TableForm { keys: &[key("expected", Form::List(&Form::Table(&EXPECTED))).required()] };

const EXPECTED: TableForm = TableForm {
    keys: &[
        key("from", Form::Moment).required(),
        key("reason", Form::Filled).required(),
        key("until", Form::Moment).required(),
        key("where", Form::Filled).required(),
    ],
};
