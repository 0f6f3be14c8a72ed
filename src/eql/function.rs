//! The functions of EQL: their names, what they take and give.

/// One function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `add(x, y)`
    Add,
    /// `between(text, left, right[, greedy])`
    Between,
    /// `cidrMatch(ip, block, …)`
    CidrMatch,
    /// `concat(value, …)`
    Concat,
    /// `divide(x, y)`
    Divide,
    /// `endsWith(text, end)`
    EndsWith,
    /// `indexOf(text, part[, start])`
    IndexOf,
    /// `length(text)`
    Length,
    /// `modulo(x, y)`
    Modulo,
    /// `multiply(x, y)`
    Multiply,
    /// `number(text[, base])`
    Number,
    /// `startsWith(text, beginning)`
    StartsWith,
    /// `string(value)`
    String,
    /// `stringContains(text, part)`
    StringContains,
    /// `substring(text, start[, end])`
    Substring,
    /// `subtract(x, y)`
    Subtract,
    /// `wildcard(text, pattern, …)`
    Wildcard,
}

/// A kind of value, as far as it is known before a document is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything: a field, or `null`.
    Any,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A text.
    String,
}

impl Kind {
    /// Whether a value of the one kind may stand where the other is wanted.
    #[must_use]
    pub fn fits(self, wanted: Self) -> bool {
        self == wanted || self == Self::Any || wanted == Self::Any
    }

    /// The kind in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
        }
    }
}

/// What a function takes and gives.
#[derive(Debug, Clone, Copy)]
pub struct Signature {
    /// The name as Elasticsearch's documentation writes it.
    pub name: &'static str,
    /// The kinds of its parameters; the last repeats where `variadic`.
    pub parameters: &'static [Kind],
    /// How many of them must be given.
    pub required: usize,
    /// Whether more arguments of the last kind may follow.
    pub variadic: bool,
    /// Whether it may be written with `~`.
    pub tilde: bool,
    /// What it gives.
    pub result: Kind,
}

/// Every function and its signature.
const FUNCTIONS: &[(Function, Signature)] = {
    use Kind::{Any, Boolean, Number, String};
    const fn fixed(name: &'static str, parameters: &'static [Kind], result: Kind) -> Signature {
        Signature { name, parameters, required: parameters.len(), variadic: false, tilde: false, result }
    }
    const fn folding(
        name: &'static str,
        parameters: &'static [Kind],
        required: usize,
        result: Kind,
    ) -> Signature {
        Signature { name, parameters, required, variadic: false, tilde: true, result }
    }
    const TWO: &[Kind] = &[Number, Number];
    const TEXTS: &[Kind] = &[String, String];
    &[
        (Function::Add, fixed("add", TWO, Number)),
        (Function::Between, folding("between", &[String, String, String, Boolean], 3, String)),
        (Function::CidrMatch, Signature { variadic: true, ..fixed("cidrMatch", &[Any, String], Boolean) }),
        (Function::Concat, Signature { variadic: true, ..fixed("concat", &[Any], String) }),
        (Function::Divide, fixed("divide", TWO, Number)),
        (Function::EndsWith, folding("endsWith", TEXTS, 2, Boolean)),
        (Function::IndexOf, folding("indexOf", &[String, String, Number], 2, Number)),
        (Function::Length, fixed("length", &[String], Number)),
        (Function::Modulo, fixed("modulo", TWO, Number)),
        (Function::Multiply, fixed("multiply", TWO, Number)),
        (Function::Number, Signature { required: 1, ..fixed("number", &[String, Number], Number) }),
        (Function::StartsWith, folding("startsWith", TEXTS, 2, Boolean)),
        (Function::String, fixed("string", &[Any], String)),
        (Function::StringContains, folding("stringContains", TEXTS, 2, Boolean)),
        (
            Function::Substring,
            Signature { required: 2, ..fixed("substring", &[String, Number, Number], String) },
        ),
        (Function::Subtract, fixed("subtract", TWO, Number)),
        (Function::Wildcard, Signature { variadic: true, ..folding("wildcard", TEXTS, 2, Boolean) }),
    ]
};

impl Function {
    /// The function of that name; case does not matter.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let found = FUNCTIONS.iter().find(|(_, signature)| signature.name.eq_ignore_ascii_case(name));
        found.map(|(function, _)| *function)
    }

    /// What it takes and gives.
    #[must_use]
    pub fn signature(self) -> Signature {
        let found = FUNCTIONS.iter().find(|(function, _)| *function == self);
        found.map_or(FUNCTIONS[0].1, |(_, signature)| *signature)
    }

    /// The first of the arguments that have to be constants.
    #[must_use]
    pub fn constants_from(self) -> usize {
        match self {
            Self::CidrMatch | Self::Wildcard | Self::Number => 1,
            Self::Between => 3,
            _ => usize::MAX,
        }
    }

    /// The name nearest to a name that no function has.
    #[must_use]
    pub fn nearest(name: &str) -> Option<&'static str> {
        FUNCTIONS
            .iter()
            .map(|(_, signature)| {
                (strsim::jaro_winkler(&signature.name.to_lowercase(), &name.to_lowercase()), signature.name)
            })
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|(left, _), (right, _)| left.total_cmp(right))
            .map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::{FUNCTIONS, Function};

    #[test]
    fn every_function_has_one_signature() {
        for (function, signature) in FUNCTIONS {
            assert_eq!(function.signature().name, signature.name);
            assert_eq!(Function::from_name(&signature.name.to_uppercase()), Some(*function));
            assert!(signature.required <= signature.parameters.len());
        }
        assert_eq!(Function::nearest("stringContain"), Some("stringContains"));
        assert_eq!(Function::nearest("zzz"), None);
    }
}
