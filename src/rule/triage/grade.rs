//! What a score comes to: grades from the top down.

/// One grade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grade {
    /// Its name, such as `unexplained`.
    pub name: String,
    /// The least score that it is given for; none for the lowest grade, which takes all others.
    pub at_least: Option<i32>,
    /// What it says to the reader.
    pub say: String,
}

/// The grades of a rule, the top one first and the lowest last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grades {
    grades: Vec<Grade>,
}

impl Default for Grades {
    /// The grades of a rule that names none: a score of 20 is a hundred times likelier in an attack than in ordinary
    /// work, one below 0 is likelier in ordinary work.
    fn default() -> Self {
        let grade =
            |name: &str, at_least, say: &str| Grade { name: name.to_owned(), at_least, say: say.to_owned() };
        Self {
            grades: vec![
                grade("theft_likely", Some(20), "theft likely"),
                grade("unexplained", Some(0), "unexplained: treat as compromised"),
                grade("fits_habit", None, "fits a habit: confirm with the owner"),
            ],
        }
    }
}

impl Grades {
    /// These grades in order of their scores; none if not exactly one takes what the others leave, or two share one
    /// score.
    #[must_use]
    pub fn new(mut grades: Vec<Grade>) -> Option<Self> {
        grades.sort_by_key(|grade| std::cmp::Reverse(grade.at_least));
        let lowest = grades.iter().filter(|grade| grade.at_least.is_none()).count();
        let distinct = grades.windows(2).all(|pair| pair[0].at_least != pair[1].at_least);
        (lowest == 1 && distinct).then_some(Self { grades })
    }

    /// The grades, the top one first.
    #[must_use]
    pub fn all(&self) -> &[Grade] {
        &self.grades
    }

    /// The grade of a score, or the top one where that is decided already.
    #[must_use]
    pub fn of(&self, score: i32, decided: bool) -> Option<&Grade> {
        let reached = |grade: &&Grade| decided || grade.at_least.is_none_or(|least| score >= least);
        self.grades.iter().find(reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_graded_from_the_top_down() {
        let grades = Grades::default();
        let name = |score, decided| grades.of(score, decided).map(|grade| grade.name.as_str());
        for (score, decided, expected) in [
            (20, false, "theft_likely"),
            (19, false, "unexplained"),
            (0, false, "unexplained"),
            (-1, false, "fits_habit"),
            (-50, true, "theft_likely"),
        ] {
            assert_eq!(name(score, decided), Some(expected), "{score}");
        }
    }

    #[test]
    fn grades_leave_no_score_out_and_none_ambiguous() {
        let grade = |at_least| Grade { name: "a".into(), at_least, say: "a".into() };
        assert!(
            Grades::new(vec![grade(None), grade(Some(3))])
                .is_some_and(|all| all.all()[0].at_least == Some(3))
        );
        assert!(Grades::new(vec![grade(Some(3))]).is_none());
        assert!(Grades::new(vec![grade(None), grade(None)]).is_none());
        assert!(Grades::new(vec![grade(None), grade(Some(1)), grade(Some(1))]).is_none());
        assert!(Grades::new(Vec::new()).is_none());
    }
}
